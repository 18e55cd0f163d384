//! The core, case by case: what each guarantee means in a run, and what the world and the model checker
//! once found. Server and device alone, one step at a time.

use amt_provision_fsm::channel::ChannelName;
use amt_provision_fsm::deadline::{self, Wake};
use amt_provision_fsm::fault::{Fault, Link, Operator, Ours, Peer};
use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::identity::{RomCaHash, Uuid};
use amt_provision_fsm::peer::Unvouched;
use amt_provision_fsm::policy::{
    ActivationCommit, Adopt, DeviceReport, FirstUseTrust, FlowB, Goal, LocalTls, Order, Permit, Profile, WithoutAcm,
    expectation,
};
use amt_provision_fsm::provisioner::{Input, Outcome, Output, Provisioner, StoreFault};
use amt_provision_fsm::record::{Hold, Ledger, Origin, Provenance, Record};
use amt_provision_fsm::request::{ChainFlaw, ChainLength, Once};
use amt_provision_fsm::sim::{Action, Bench, Persona};
use amt_provision_fsm::stage::{ShortOf, StageName};
use amt_provision_fsm::time::Instant;

fn uuid() -> Uuid {
    Uuid::from_bytes(*b"amt-model-device").expect("no placeholder")
}

fn profile() -> Profile {
    Profile {
        goal: Goal::Admin(ChainLength::new(3).expect("three is a chain")),
        flow_b: FlowB::Allowed,
        minimum: Provenance::FirstUse,
        first_use: FirstUseTrust::Trusted,
        activation_commit: ActivationCommit::Auto,
        adopt: Adopt::Allowed,
        without_acm: WithoutAcm::Keep,
    }
}

fn bench(persona: &str, profile: Profile) -> Bench {
    Bench::new(Persona::named(persona).expect("a persona of that name"), profile, Order::Provision, uuid())
}

/// Runs to the end; the outcome, with every guarantee kept.
#[track_caller]
fn run(bench: &mut Bench) -> Outcome {
    let outcome = bench.run().cloned().expect("run() runs to the end");
    assert_eq!(bench.violation(), None);
    outcome
}

fn stored(bench: &Bench) -> Record {
    bench.server.disk.record().expect("a device that was set up is stored")
}

fn stands_at(bench: &Bench, stage: StageName) -> bool {
    bench.place().is_some_and(|place| place.stage == stage)
}

#[test]
fn every_persona_comes_to_acm_with_the_provenance_that_its_sessions_had() {
    let expected = [
        ("keeps-session", Provenance::Odca),
        ("drops-odca", Provenance::Odca),
        ("drops-listed", Provenance::OdcaInterim),
        ("mebx-first", Provenance::OdcaInterim),
        ("drops-unlisted", Provenance::Provisional),
        ("amt-12", Provenance::FirstUse),
        ("amt-16", Provenance::FirstUse),
        ("amt-18", Provenance::FirstUse),
        ("found-in-ccm", Provenance::FirstUse),
        ("found-in-acm", Provenance::FirstUse),
        ("found-with-tls", Provenance::Adopted),
    ];
    for (persona, provenance) in expected {
        let mut bench = bench(persona, profile());
        let Outcome::Configured { mode, pin, short_of: None } = run(&mut bench) else {
            panic!("{persona}: {:?}", bench.outcome())
        };
        assert_eq!((mode, pin.provenance), (ControlMode::Admin, provenance), "{persona}");
    }
    assert_eq!(expected.len(), Persona::ALL.len(), "a persona without an expectation");
}

#[test]
fn a_first_use_pin_stays_in_ccm_unless_the_profile_trusts_it() {
    let cautious = Profile { first_use: FirstUseTrust::NotTrusted, ..profile() };
    let outcome = run(&mut bench("amt-16", cautious));
    let Outcome::Configured { mode, short_of, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((mode, short_of), (ControlMode::Client, Some(ShortOf::FirstUseNotTrusted)));
}

#[test]
fn a_profile_that_demands_more_refuses_an_unvouched_key_and_keeps_the_device() {
    let strict = Profile { minimum: Provenance::OdcaInterim, ..profile() };
    let mut bench = bench("drops-unlisted", strict);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeKey(_)))), "{outcome:?}");
    assert_eq!(stored(&bench).admin.current().map(|password| password.id), bench.device.truth().admin);
}

#[test]
fn flow_b_is_off_for_unknown_devices_unless_the_profile_allows_it() {
    let outcome = run(&mut bench("amt-16", Profile { flow_b: FlowB::Refused, ..profile() }));
    assert!(matches!(outcome, Outcome::Failed(Fault::Operator(Operator::FlowBOff(_)))), "{outcome:?}");
}

#[test]
fn g1_a_password_that_was_given_away_does_not_stay() {
    for persona in ["amt-16", "drops-unlisted"] {
        let mut bench = bench(persona, profile());
        run(&mut bench);
        let confirmed = *stored(&bench).admin.confirmed().expect("a confirmed password");
        assert!(!confirmed.exposed, "{persona}: {confirmed:?}");
        assert_ne!(confirmed.id.0, 0, "{persona}: the one-off was replaced");
    }
}

/// Found by the byte world: after our own `Unprovision` the plain port was asked with the password that stays, and what
/// `Setup` had set over ODCA was used over a key that nobody vouches for. A profile may have fixed both for the fleet.
#[test]
fn g1_a_password_that_is_kept_is_never_used_where_it_would_be_given_away() {
    let mut bench = bench("amt-16", profile());
    run(&mut bench);
    let kept = *stored(&bench).admin.confirmed().expect("a confirmed password");
    bench.order(Order::Deactivate);
    assert_eq!(run(&mut bench), Outcome::Unprovisioned);
    assert_eq!(stored(&bench).admin.get(kept.id).map(|password| password.exposed), Some(false));

    let minimum = |minimum| Profile { adopt: Adopt::Refused, minimum, ..profile() };
    for (minimum, one_off) in [(minimum(Provenance::Provisional), true), (minimum(Provenance::OdcaInterim), false)] {
        let mut bench = self::bench("drops-unlisted", minimum);
        run(&mut bench);
        let first = *stored(&bench).admin.iter().next().expect("the password of Setup");
        assert_eq!(first.exposed, one_off);
    }
}

#[test]
fn g5_a_device_with_a_confirmed_pin_that_claims_no_tls_is_quarantined_until_permitted() {
    let mut bench = bench("amt-16", profile());
    run(&mut bench);
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::Downgrade))), "{outcome:?}");

    bench.server.disk.permit(Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None });
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(stored(&bench).permit, None, "a permit is used once");
    assert_eq!(stored(&bench).flow_b, FlowB::Refused);
}

/// Found by the crash matrix with AMT 16.0: the second session of each such device was quarantined.
#[test]
fn g7_a_device_whose_firmware_cannot_tell_of_its_tls_is_met_again_at_its_pinned_key_and_nowhere_else() {
    let mut bench = bench("amt-12", profile());
    run(&mut bench);
    let report = bench.device.report();
    assert_eq!((report.local_tls, report.mode), (LocalTls::Off, ControlMode::Admin), "it cannot tell");
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));

    bench.claim(DeviceReport { mode: ControlMode::PreProvisioning, ..report });
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::Downgrade))), "{outcome:?}");
    let newer = DeviceReport { version: AmtVersion::new(16, 1), ..report };
    bench.claim(newer);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::Downgrade))), "{outcome:?}");
}

#[test]
fn g5_firmware_that_must_have_tls_is_refused_without() {
    let persona = Persona { local_tls: LocalTls::Off, ..Persona::named("keeps-session").expect("a persona") };
    let outcome = run(&mut Bench::new(persona, profile(), Order::Provision, uuid()));
    assert!(matches!(outcome, Outcome::Failed(Fault::Peer(Peer::TlsMissing(_)))), "{outcome:?}");
}

#[test]
fn g5_an_unprovisioned_flow_a_device_comes_home_over_its_enrolled_silicon() {
    let mut bench = bench("drops-listed", profile());
    run(&mut bench);
    let first = stored(&bench).pins.confirmed;
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { .. }));
    assert_ne!(stored(&bench).pins.confirmed, first, "a new key for the new configuration");
}

#[test]
fn g5_another_silicon_under_a_known_uuid_is_quarantined() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    bench.act(Action::Unprovision);
    bench.server.disk.permit(Permit {
        expect_rom_ca: Some(RomCaHash::from_bytes([9; 32])),
        flow_b: FlowB::Refused,
        expires: None,
    });
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeRomCa { .. }))), "{outcome:?}");
}

/// Found by the world: a permit used to throw the stored pin away, and with it a device that still had
/// that key.
#[test]
fn a_permit_does_not_forget_a_key_that_the_device_still_shows() {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    bench.server.disk.permit(Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None });
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { .. }));
    assert_eq!(stored(&bench).pins.hold, Hold::Firm, "it showed its key, and is held to it again");
}

/// Found by the world: the way that was open when the run began stayed open after the pin was confirmed.
#[test]
fn a_pin_confirmed_within_a_run_closes_the_plain_port_within_that_run() {
    let mut bench = bench("amt-18", profile());
    bench.run_until(|bench| stands_at(bench, StageName::CertReplaced));
    bench.act(Action::Unprovision);
    run(&mut bench);
    let plain = bench.place().is_some_and(|place| place.channel == ChannelName::Plain);
    assert!(!plain);
}

/// Found by the model checker's bench: every commit's reply was lost, and each was sent again until the
/// budget was gone.
#[test]
fn a_device_that_drops_every_reply_to_a_commit_is_provisioned_with_one_commit_a_step() {
    let mut bench = bench("drops-listed", profile());
    run(&mut bench);
    let commits = bench.device.counters().commits;
    assert_eq!(commits, 3, "after Setup, for the certificate, after the upgrade");
}

/// Found by the world: in ACM some firmware refuses every commit before it has a MEBx password, that of a
/// rotation too.
#[test]
fn a_rotation_in_acm_comes_after_what_its_commit_needs() {
    let mut bench = bench("mebx-first", profile());
    bench.run_until(|bench| stands_at(bench, StageName::Acm));
    bench.order(Order::Rotate);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert!(bench.device.truth().mebx.is_some());
}

#[test]
fn g6_setup_that_was_applied_unheard_is_seen_and_not_sent_again() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.device.truth().mode == ControlMode::Client);
    bench.act(Action::Cut);
    assert!(matches!(run(&mut bench), Outcome::Configured { .. }));
    assert_eq!(bench.device.counters().setup, 1);
}

#[test]
fn g7_a_server_that_dies_at_any_step_leaves_a_device_that_the_next_run_finishes() {
    for persona in Persona::ALL {
        let mut undisturbed = Bench::new(persona, profile(), Order::Provision, uuid());
        let mut steps = 0;
        while undisturbed.outcome().is_none() {
            let action = undisturbed.next().next().expect("a run that has not ended can go on");
            undisturbed.act(action);
            steps += 1;
        }
        for crash_after in 0..steps {
            let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
            for _ in 0..crash_after {
                let action = bench.next().next().expect("as undisturbed");
                bench.act(action);
            }
            bench.act(Action::Crash);
            let outcome = run(&mut bench);
            assert!(
                matches!(outcome, Outcome::Configured { mode: ControlMode::Admin, .. }),
                "{}, dead after {crash_after} of {steps} steps: {outcome:?}",
                persona.name
            );
        }
    }
}

#[test]
fn g7_a_server_that_is_told_to_stop_at_any_step_hears_what_it_asked_and_asks_no_more() {
    for persona in Persona::ALL {
        for stop_after in 0.. {
            let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
            for _ in 0..stop_after {
                let Some(action) = bench.next().next() else { break };
                bench.act(action);
            }
            if bench.outcome().is_some() {
                break;
            }
            let moment = format!("{}, stopped after {stop_after} steps", persona.name);
            let asked = matches!(bench.waits_for(), Some(Wake::Reply | Wake::Store));
            bench.act(Action::Stop);
            assert_eq!(bench.outcome().is_none(), asked, "{moment}");
            let mut heard = 0;
            while bench.outcome().is_none() {
                let action = bench.next().next().expect("a run that has not ended can go on");
                heard += u32::from(action == Action::Hear);
                bench.act(action);
            }
            assert!(heard <= 1, "{moment}: {heard} answers");
            let ended = bench.outcome().cloned();
            let stopped = Some(Outcome::Failed(Fault::Ours(Ours::Stopping)));
            assert!(ended == stopped || matches!(ended, Some(Outcome::Configured { .. })), "{moment}: {ended:?}");

            bench.act(Action::Crash);
            let outcome = run(&mut bench);
            assert!(matches!(outcome, Outcome::Configured { mode: ControlMode::Admin, .. }), "{moment}: {outcome:?}");
        }
    }
}

/// LMS accepts before it asks a firmware that restarts (odca.md §3): found on real sockets, where a plain port that was
/// away for seconds used up every channel of a run.
#[test]
fn g8_a_port_that_opens_and_closes_without_a_word_is_tried_at_growing_pauses_until_its_deadline() {
    let report = DeviceReport {
        uuid: uuid(),
        version: AmtVersion::new(18, 0),
        mode: ControlMode::PreProvisioning,
        local_tls: LocalTls::Off,
    };
    let ledger = Ledger::unknown(Record::new(uuid()));
    let mut now = Instant::ZERO;
    let mut run = Provisioner::new(now, ledger, profile(), Order::Provision, report);
    let mut opened = 0;
    while run.outcome().is_none() {
        while let Some(output) = run.poll_output() {
            let input = match output {
                Output::Open(channel, _) => {
                    opened += 1;
                    Input::Opened(channel)
                }
                Output::Request { channel, .. } => Input::ChannelLost(channel),
                Output::Persist(generation, _) => Input::Persisted(generation),
                _ => continue,
            };
            run.handle(now, input);
        }
        if let Some((at, _)) = run.poll_timeout() {
            now = at;
            run.handle_timeout(now);
        }
    }
    let late = Link::Deadline { wake: Wake::Open, after: deadline::OPEN };
    assert_eq!(run.outcome(), Some(&Outcome::Failed(Fault::Link(late))));
    assert!(now.since(Instant::ZERO) >= deadline::OPEN && opened < 60, "{opened} channels in {now:?}");
}

/// A run that is told at its output number `moment` that its lease is lost; whether that was the first record.
fn lose_lease_at(moment: usize) -> bool {
    let report = DeviceReport {
        uuid: uuid(),
        version: Persona::ALL[0].version,
        mode: ControlMode::PreProvisioning,
        local_tls: LocalTls::On,
    };
    let ledger = Ledger::unknown(Record::new(uuid()));
    let mut run = Provisioner::new(Instant::ZERO, ledger, profile(), Order::Provision, report);
    let mut device = amt_provision_fsm::sim::Device::new(Persona::ALL[0], uuid());
    let mut connection = device.connect(Port::Tls).expect("16993 answers");
    let mut stores = false;
    for number in 0.. {
        let input = match run.poll_output().expect("goes on until it wants to store") {
            Output::Persist(generation, _) => {
                stores = true;
                Some(Input::PersistFailed(generation, StoreFault::LeaseLost))
            }
            _ if number == moment => Some(Input::LeaseLost),
            Output::Open(channel, _) => Some(Input::Opened(channel)),
            Output::StartTls(channel, _) => Some(Input::TlsUp(channel, device.shows())),
            Output::Request { id, login, request, .. } => match device.answer(&mut connection, login, &request) {
                amt_provision_fsm::sim::Answer::Reply(reply) => Some(Input::Reply(id, reply)),
                amt_provision_fsm::sim::Answer::Restart(_) => panic!("nothing that restarts comes before a store"),
            },
            _ => None,
        };
        input.into_iter().for_each(|input| run.handle(Instant::ZERO, input));
        if stores || number == moment {
            break;
        }
    }
    let left: Vec<Output> = core::iter::from_fn(|| run.poll_output()).collect();
    assert!(left.iter().all(|output| !matches!(output, Output::Request { .. })), "{moment}: {left:?}");
    assert_eq!(run.outcome(), Some(&Outcome::Failed(Fault::Ours(Ours::LeaseLost))), "{moment}");
    stores
}

#[test]
fn g13_a_server_that_has_lost_its_lease_sends_nothing_more() {
    let moments = (0..).take_while(|moment| !lose_lease_at(*moment)).count();
    assert!(moments > 5, "{moments}: before the first record the device is asked what it is");
}

/// Found by the world: the doubt was stored before the provisioning chain was sent, and a server that lost its
/// lease between the chain's certificates sent the signature all the same.
#[test]
fn g13_a_lease_that_is_lost_while_the_chain_is_sent_stops_the_signature() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| {
        stands_at(bench, StageName::CertReplaced) && bench.asks("IPS_HostBasedSetupService.AddNextCertInChain")
    });
    bench.server.disk.take_over();
    assert_eq!(run(&mut bench), Outcome::Failed(Fault::Ours(Ours::LeaseLost)));
    assert_eq!((bench.device.truth().mode, bench.device.counters().upgrade), (ControlMode::Client, 0));
}

/// Found by the model checker with a hostile relay: between the commit and the first session over the new key, a
/// relay that showed a key of its own and played a device in pre-provisioning had the stored hash forgotten, and with
/// it the device, where the profile lets unvouched keys pass.
#[test]
fn g5_a_key_made_over_proven_sessions_is_not_forgotten_for_one_that_nobody_vouches_for() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.server.disk.record().is_some_and(|record| record.pins.intended.is_some()));
    let record = stored(&bench);
    assert_eq!(record.pins.intended.map(|pin| pin.provenance), Some(Provenance::Odca));
    let expected = expectation(&record, &profile(), Order::Provision);
    assert_eq!(expected.unvouched, Unvouched::Refused);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

#[test]
fn a_foreign_device_is_left_alone() {
    let mut bench = bench("keeps-session", Profile { adopt: Adopt::Refused, ..profile() });
    run(&mut bench);
    // Another deployment, with an empty disk, meets the same device.
    bench.server.disk = amt_provision_fsm::sim::Disk::new(uuid());
    let before = bench.device.counters();
    bench.order(Order::Provision);
    let outcome = bench.run();
    assert!(matches!(outcome, Some(Outcome::Failed(_))), "{outcome:?}");
    assert_eq!(bench.device.counters(), before);

    // Found in the byte world: where no unvouched key is accepted, its owner's was told as somebody in between.
    bench.wanted(Profile { adopt: Adopt::Refused, minimum: Provenance::OdcaInterim, ..profile() });
    bench.order(Order::Provision);
    let expected = Outcome::Failed(Fault::Operator(Operator::ForeignDevice(ControlMode::Admin)));
    assert_eq!(bench.run(), Some(&expected));
    assert_eq!(bench.device.counters(), before);
}

/// Found in the byte world: the commit that was tried instead was taken for the one that brings 16993 up, and the run
/// waited for that port until its end.
#[test]
fn a_refusal_in_plain_text_that_a_commit_mends_does_not_close_the_plain_port() {
    for persona in ["amt-12", "amt-16", "amt-18"] {
        let mut bench = bench(persona, profile());
        bench.run_until(|bench| stands_at(bench, StageName::CertStaged));
        bench.refuse_next_change(1);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
    }
}

/// Found in the byte world: a limit that hit `Setup` or the step to ACM was told as the device's refusal, and a profile
/// that gives such devices back would have given this one back.
#[test]
fn flash_that_is_protected_against_wear_is_told_as_that_at_any_change_and_no_device_is_given_back_for_it() {
    let wear = Outcome::Failed(Fault::Operator(Operator::FlashWear));
    let mut bench = bench("drops-listed", Profile { without_acm: WithoutAcm::Unprovision, ..profile() });
    for stage in [StageName::Tunneling, StageName::Activated, StageName::CertReplaced, StageName::Acm] {
        bench.run_until(|bench| stands_at(bench, stage));
        bench.refuse_next_change(38);
        assert_eq!(run(&mut bench), wear, "{stage:?}");
        bench.order(Order::Provision);
    }
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(bench.device.counters().setup, 1, "it was never given back");
}

fn found() -> impl Iterator<Item = Persona> {
    Persona::ALL.into_iter().filter(|persona| persona.found_in.is_some())
}

#[test]
fn a_device_that_somebody_else_provisioned_is_adopted_only_by_the_profiles_word() {
    for persona in found() {
        let refused = Profile { adopt: Adopt::Refused, ..profile() };
        let mut bench = Bench::new(persona, refused, Order::Provision, uuid());
        let outcome = run(&mut bench);
        assert!(matches!(outcome, Outcome::Failed(Fault::Operator(Operator::ForeignDevice(_)))), "{outcome:?}");
        assert!(bench.device.truth().foreign, "{}: left alone", persona.name);
    }
}

#[test]
fn an_adopted_device_gets_another_password_before_anything_else() {
    for persona in found() {
        let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
        bench.run_until(|bench| !bench.device.truth().foreign);
        let record = stored(&bench);
        assert_eq!((record.origin, record.pins.intended, record.keying), (Origin::Adopted, None, None));
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{}", persona.name);
    }
}

#[test]
fn a_given_password_that_is_wrong_is_told_from_a_foreign_device() {
    let mut bench = bench("found-in-ccm", profile());
    bench.run_until(|bench| !bench.device.truth().foreign);
    // Another deployment, with an empty disk: the password that it was given is not the device's any more.
    bench.server.disk = amt_provision_fsm::sim::Disk::new(uuid());
    bench.order(Order::Provision);
    let outcome = bench.run();
    assert_eq!(outcome, Some(&Outcome::Failed(Fault::Operator(Operator::WrongGivenPassword))));
}

#[test]
fn a_profile_that_demands_more_never_uses_the_given_password() {
    let strict = Profile { minimum: Provenance::Provisional, ..profile() };
    let mut bench = bench("found-with-tls", strict);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Failed(Fault::Operator(Operator::ProvenanceTooWeak { .. }))), "{outcome:?}");
    assert!(bench.device.truth().foreign);
}

#[test]
fn g5_silicon_that_has_proven_itself_cannot_be_talked_into_plain_text() {
    let mut bench = bench("drops-listed", profile());
    bench.run_until(|bench| bench.server.disk.record().is_some_and(|record| record.rom_ca.is_some()));
    bench.device.persona.version = AmtVersion::new(16, 1);
    let record = stored(&bench);
    let report = DeviceReport { local_tls: LocalTls::Off, ..bench.device.report() };
    let ledger = Ledger::stored(record, bench.server.disk.ledger().generation());
    let run = Provisioner::new(Instant::ZERO, ledger, profile(), Order::Provision, report);
    assert_eq!(run.outcome(), Some(&Outcome::Quarantined(Fault::Peer(Peer::Downgrade))));
}

#[test]
fn g5_a_relay_that_lies_about_the_mode_is_quarantined_and_an_honest_one_goes_on() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    let claim = DeviceReport { mode: ControlMode::PreProvisioning, ..bench.device.report() };
    bench.claim(claim);
    let outcome = run(&mut bench);
    let expected = Peer::ModeMismatch { claimed: ControlMode::PreProvisioning, answered: ControlMode::Admin };
    assert_eq!(outcome, Outcome::Quarantined(Fault::Peer(expected)));
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

/// Found between two servers: a relay had looked at the device while another session was still at work on it.
#[test]
fn a_report_that_is_older_than_another_sessions_work_is_no_lie() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    bench.claim(DeviceReport { mode: ControlMode::Client, ..bench.device.report() });
    bench.disregard_claimed_mode();
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

#[test]
fn a_device_in_ccm_is_taken_to_acm_by_another_profile_later() {
    for persona in ["drops-listed", "amt-16"] {
        let mut bench = bench(persona, Profile { goal: Goal::Client, ..profile() });
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Client, .. }), "{persona}");
        let pin = stored(&bench).pins.confirmed;
        bench.wanted(profile());
        bench.order(Order::Provision);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
        assert_eq!(stored(&bench).pins.confirmed, pin, "the same key");
    }
}

/// Three reasons for a permit: a factory reset and a firmware update are the operator's to vouch for, another
/// board as well, where he knows its silicon.
#[test]
fn g5_a_permit_brings_a_device_home_after_a_change_of_board() {
    let mut bench = bench("drops-listed", profile());
    run(&mut bench);
    bench.device.replace_board();
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeRomCa { .. }))), "{outcome:?}");
    let expect_rom_ca = Some(bench.device.rom_ca());
    bench.server.disk.permit(Permit { expect_rom_ca, flow_b: FlowB::Refused, expires: None });
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(stored(&bench).rom_ca, expect_rom_ca);
}

/// From 18 to 19: the device has TLS from now on, and on-die silicon that nobody has seen; its configuration
/// is gone with the update.
#[test]
fn g5_a_firmware_update_that_loses_the_configuration_comes_home_with_a_permit() {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    bench.device.persona = Persona::named("drops-listed").expect("a persona");
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeKey(_)))), "{outcome:?}");
    bench.server.disk.permit(Permit { expect_rom_ca: None, flow_b: FlowB::Refused, expires: None });
    bench.order(Order::Provision);
    let Outcome::Configured { mode, pin, .. } = run(&mut bench) else { panic!("{:?}", bench.outcome()) };
    assert_eq!((mode, pin.provenance), (ControlMode::Admin, Provenance::OdcaInterim));
}

/// From 18 to 19 with everything kept: the key is the same, and nothing has to be permitted.
#[test]
fn a_firmware_update_that_keeps_the_configuration_needs_no_permit() {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    bench.device.persona = Persona::named("drops-listed").expect("a persona");
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

/// Firmware that takes nobody's chain: a firm no to the upgrade.
fn never_to_acm(bench: &mut Bench) {
    bench.device.persona.takes_no_chain = true;
}

#[test]
fn a_device_that_refuses_acm_stays_in_ccm_known_and_pinned_and_the_next_run_goes_on() {
    for persona in ["drops-listed", "amt-18"] {
        let mut bench = bench(persona, profile());
        never_to_acm(&mut bench);
        let outcome = run(&mut bench);
        assert!(matches!(outcome, Outcome::Failed(Fault::Peer(Peer::Refused { .. }))), "{persona}: {outcome:?}");
        assert_eq!(bench.device.truth().mode, ControlMode::Client, "{persona}");
        let pin = stored(&bench).pins.confirmed;
        assert!(pin.is_some(), "{persona}");
        bench.device.persona.takes_no_chain = false;
        bench.order(Order::Provision);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
        assert_eq!((stored(&bench).pins.confirmed, bench.device.counters().setup), (pin, 1), "{persona}");
    }
}

#[test]
fn a_device_that_refuses_acm_is_given_back_where_the_profile_says_so() {
    for persona in ["drops-listed", "amt-18", "keeps-session"] {
        let mut bench = bench(persona, Profile { without_acm: WithoutAcm::Unprovision, ..profile() });
        never_to_acm(&mut bench);
        let outcome = run(&mut bench);
        assert!(matches!(outcome, Outcome::Failed(Fault::Peer(Peer::Refused { .. }))), "{persona}: {outcome:?}");
        assert_eq!(bench.device.truth().mode, ControlMode::PreProvisioning, "{persona}");
        let record = stored(&bench);
        assert!(record.pins.confirmed.is_none() && !record.admin.is_empty(), "{persona}: its passwords are kept");
    }
}

#[test]
fn a_rotation_ends_with_another_key_and_the_same_device() {
    for persona in ["drops-listed", "amt-16"] {
        let mut bench = bench(persona, profile());
        run(&mut bench);
        let before = stored(&bench).pins.confirmed.expect("a pin");
        bench.order(Order::Rotate);
        let Outcome::Configured { mode, pin, .. } = run(&mut bench) else { panic!("{:?}", bench.outcome()) };
        assert_ne!(pin.spki, before.spki, "{persona}");
        assert_eq!((mode, pin.provenance), (ControlMode::Admin, before.provenance), "{persona}");
    }
}

#[test]
fn a_device_that_comes_back_gets_another_mebx_password() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    let before = bench.device.truth().mebx;
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    run(&mut bench);
    assert_ne!(bench.device.truth().mebx, before);
}

#[test]
fn a_deactivated_device_is_seen_in_pre_provisioning_and_its_passwords_are_kept() {
    for persona in Persona::ALL {
        let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
        run(&mut bench);
        bench.order(Order::Deactivate);
        assert_eq!(run(&mut bench), Outcome::Unprovisioned, "{}", persona.name);
        assert_eq!(bench.device.truth().mode, ControlMode::PreProvisioning);
        let record = stored(&bench);
        assert!(record.pins.confirmed.is_none() && !record.admin.is_empty(), "{record:?}");
    }
}

fn barred() -> Profile {
    Profile { goal: Goal::Barred(ChainFlaw::Dates), ..profile() }
}

/// The device and the store of `before`, and a server whose chain the device does not take.
fn with_barred_chain(before: &Bench, persona: &str) -> Bench {
    let mut again = bench(persona, barred());
    again.device = before.device.clone();
    again.server.disk = before.server.disk.clone();
    again.order(Order::Provision);
    again
}

#[test]
fn a_chain_that_a_firmware_does_not_take_ends_the_run_before_the_device_is_touched() {
    let expected = Outcome::Failed(Operator::ProvisioningChain(ChainFlaw::Dates).into());
    for persona in ["keeps-session", "drops-listed", "amt-16"] {
        let untouched = bench(persona, profile()).device;
        let mut new = bench(persona, barred());
        assert_eq!(run(&mut new), expected, "{persona}");
        assert_eq!(new.device, untouched, "{persona}");
        assert_eq!(new.server.disk.record(), None, "{persona}");

        let mut in_ccm = bench(persona, Profile { goal: Goal::Client, ..profile() });
        run(&mut in_ccm);
        let mut again = with_barred_chain(&in_ccm, persona);
        assert_eq!(run(&mut again), expected, "{persona}");
        assert_eq!(again.device, in_ccm.device, "{persona}");
    }
}

#[test]
fn a_device_in_acm_needs_no_chain_and_can_be_taken_out_of_service_without_one() {
    let mut before = bench("keeps-session", profile());
    run(&mut before);
    let mut again = with_barred_chain(&before, "keeps-session");
    assert!(matches!(run(&mut again), Outcome::Configured { mode: ControlMode::Admin, .. }));
    again.order(Order::Deactivate);
    assert_eq!(run(&mut again), Outcome::Unprovisioned);
}

/// Where an upgrade is in doubt, a claim of ACM may be true and is not held against the relay.
#[test]
fn a_device_that_turns_out_to_be_in_ccm_does_not_get_a_chain_that_is_barred() {
    let mut before = bench("keeps-session", profile());
    before.run_until(|bench| bench.server.disk.record().is_some_and(|record| record.doubt == Some(Once::Upgrade)));
    let mut again = with_barred_chain(&before, "keeps-session");
    let claim = DeviceReport { mode: ControlMode::Admin, ..again.device.report() };
    again.server.begin(Instant::ZERO, barred(), Order::Provision, claim);
    // Not by `run`: the bench follows the edges of the runs that it began itself.
    let expected = Outcome::Failed(Operator::ProvisioningChain(ChainFlaw::Dates).into());
    assert_eq!(again.run(), Some(&expected));
    assert_eq!((again.device.truth().mode, again.device.counters().upgrade), (ControlMode::Client, 0));
}
