//! Guards that other layers stand before, each shown alone: who is asked, over which port, how often, and what is then said.

use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::request::Login;
use amt_provision_fsm::stage::TlsFault;

use super::*;

const CHAIN: &str = "IPS_HostBasedSetupService.AddNextCertInChain";

fn report(major: u16, mode: ControlMode) -> DeviceReport {
    let local_tls = if major >= 19 { LocalTls::On } else { LocalTls::Off };
    DeviceReport { uuid: uuid(), version: AmtVersion::new(major, 0), mode, local_tls }
}

fn known() -> Record {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    stored(&bench)
}

/// Every output of a run until it ends, each answered by `answer` if that has something to say.
fn played(mut run: Provisioner, mut answer: impl FnMut(&Output) -> Option<Input>) -> (Outcome, Vec<Output>) {
    let mut said = Vec::new();
    for _ in 0..10_000 {
        if let Some(outcome) = run.outcome() {
            return (outcome.clone(), said);
        }
        match run.poll_output() {
            Some(output) => {
                if let Some(input) = answer(&output) {
                    run.handle(Instant::ZERO, input);
                }
                said.push(output);
            }
            None => {
                let (due, _) = run.poll_timeout().expect("a run that has not ended has a deadline");
                run.handle_timeout(due);
            }
        }
    }
    panic!("went round in circles at {:?}", run.place());
}

#[test]
fn a_device_that_nobody_knows_is_not_even_dialled_to_be_rotated_or_taken_out_of_service() {
    for order in [Order::Rotate, Order::Deactivate] {
        let ledger = Ledger::unknown(Record::new(uuid()));
        let run = Provisioner::new(Instant::ZERO, ledger, profile(), order, report(19, ControlMode::Client));
        let (outcome, said) = played(run, |_| None);
        assert_eq!(outcome, Outcome::Failed(Operator::NothingToDo.into()));
        assert!(!said.iter().any(|output| matches!(output, Output::Open(..))), "{said:?}");
    }
}

/// What its owner had issued for it is no stranger's key to whoever looks for the reason.
#[test]
fn a_strange_key_of_a_provisioned_device_that_nobody_knows_and_nobody_adopts_is_told_as_a_foreign_device() {
    let told = |mode, adopt, ledger: Ledger| {
        let profile = Profile { adopt, ..profile() };
        let run = Provisioner::new(Instant::ZERO, ledger, profile, Order::Provision, report(19, mode));
        let strange = |output: &Output| match output {
            Output::Open(id, _) => Some(Input::Opened(*id)),
            Output::StartTls(id, _) => Some(Input::TlsFailed(*id, TlsFault::Stranger(None))),
            _ => None,
        };
        played(run, strange).0
    };
    let unknown = || Ledger::unknown(Record::new(uuid()));
    let strange = Fault::Peer(Peer::StrangeKey(None));
    let foreign = Operator::ForeignDevice(ControlMode::Admin).into();
    assert_eq!(told(ControlMode::Admin, Adopt::Refused, unknown()), Outcome::Failed(foreign));
    assert_eq!(told(ControlMode::PreProvisioning, Adopt::Refused, unknown()), Outcome::Failed(strange.clone()));
    assert_eq!(told(ControlMode::Admin, Adopt::Allowed, unknown()), Outcome::Failed(strange.clone()));
    let stored = Ledger::stored(known(), Ledger::unknown(Record::new(uuid())).generation().next());
    assert_eq!(told(ControlMode::Admin, Adopt::Refused, stored), Outcome::Quarantined(strange));
}

#[test]
fn a_device_that_lets_nobody_in_is_told_by_what_is_known_of_it() {
    let unknown = || Ledger::unknown(Record::new(uuid()));
    let told = |mode, adopt, ledger| {
        let profile = Profile { adopt, ..profile() };
        let run = Provisioner::new(Instant::ZERO, ledger, profile, Order::Provision, report(18, mode));
        let mut logins = Vec::new();
        let (outcome, _) = played(run, |output| match output {
            Output::Open(id, _) => Some(Input::Opened(*id)),
            Output::Request { id, login, .. } => {
                logins.push(*login);
                Some(Input::Reply(*id, Reply::Refused(Refusal::Unauthorized)))
            }
            _ => None,
        });
        (outcome, logins)
    };
    let failed = |fault: Fault| Outcome::Failed(fault);
    let refused = told(ControlMode::PreProvisioning, Adopt::Refused, unknown());
    assert_eq!(refused, (failed(Peer::LocalAccountRefused.into()), vec![Login::LocalSystem]));
    let foreign = told(ControlMode::Client, Adopt::Refused, unknown());
    assert_eq!(foreign.0, failed(Operator::ForeignDevice(ControlMode::Client).into()));
    let adopted = told(ControlMode::Client, Adopt::Allowed, unknown());
    assert_eq!(adopted.0, failed(Operator::WrongGivenPassword.into()));
    assert!(adopted.1.contains(&Login::Given));
    // Its pin is gone, as after an unprovisioning; its passwords are kept, and none is taken.
    let mut left = Record::new(uuid());
    left.admin = known().admin;
    let stored = Ledger::stored(left, unknown().generation().next());
    let locked_out = told(ControlMode::Client, Adopt::Refused, stored);
    assert_eq!(locked_out.0, failed(Peer::LockedOut.into()));
}

/// A run after so many steps; `None` where it has ended by then.
fn after(persona: &str, steps: u32) -> Option<Bench> {
    let mut bench = bench(persona, profile());
    for _ in 0..steps {
        let next = bench.next().next()?;
        bench.act(next);
    }
    bench.outcome().is_none().then_some(bench)
}

/// Goes on to the end; how often each request of that name reached the device.
fn asked(bench: &mut Bench, name: &str) -> u32 {
    let mut count = 0;
    each_step(bench, |bench, next| {
        count += u32::from(next == Action::Deliver && bench.asks(name));
        bench.act(next);
    });
    count
}

#[test]
fn a_chain_is_sent_once_and_no_further_than_it_goes() {
    for persona in ["keeps-session", "amt-16"] {
        let mut bench = bench(persona, profile());
        assert_eq!(asked(&mut bench, CHAIN), 3, "{persona}: three certificates");
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    }
}

#[test]
fn g8_what_a_device_must_take_is_asked_so_often_and_no_more() {
    let setup = Once::Setup.request_name();
    let mut bench = bench("keeps-session", profile());
    let passing = Reply::Refused(Refusal::ReturnValue(1));
    assert_eq!(answered(&mut bench, setup, &passing, |_| true), 3);
    assert_eq!(run(&mut bench), Outcome::Failed(Fault::Peer(Peer::NeverApplied(Once::Setup.request_name()))));

    let mut bench = self::bench("drops-listed", profile());
    assert_eq!(answered(&mut bench, KEY_PAIR, &passing, |_| true), 3);
    let Outcome::Failed(Fault::Peer(Peer::Refused { request, .. })) = run(&mut bench) else {
        panic!("{:?}", bench.outcome())
    };
    assert_eq!(request, KEY_PAIR);
}

/// In flow A nothing brings a plain port up, and none is tried: whatever listens there is not the firmware (G5).
#[test]
fn g5_in_flow_a_no_plain_port_is_dialled_however_long_the_other_one_is_away() {
    for persona in ["keeps-session", "drops-listed", "drops-unlisted"] {
        for at in 0.. {
            let Some(mut bench) = after(persona, at) else { break };
            bench.act(Action::Cut);
            let dialled = dialled_in_vain(&mut bench);
            assert!(!dialled.contains(&Port::Plain), "{persona}, cut after {at} steps: {dialled:?}");
        }
    }
}

/// The default key is what the device falls back to; ours is none, though it is bound while it waits for its commit.
#[test]
fn a_key_of_ours_is_never_taken_for_the_default_key() {
    for persona in ["keeps-session", "drops-odca", "drops-listed"] {
        for dies_after in 0.. {
            let Some(mut bench) = after(persona, dies_after) else { break };
            bench.act(Action::Crash);
            each_step(&mut bench, |bench, next| {
                bench.act(next);
                let Some(pins) = bench.server.disk.record().map(|record| record.pins) else { return };
                let ours =
                    [pins.intended, pins.confirmed].into_iter().flatten().any(|pin| Some(pin.spki) == pins.interim);
                assert!(!ours, "{persona}, died after {dies_after} steps: {pins:?}");
            });
        }
    }
}

/// `activation_commit = auto`: an admin call that is refused in CCM may want the commit first (design.md §3); a refusal
/// behind it is one.
#[test]
fn a_refusal_before_the_first_commit_has_it_sent_and_one_behind_it_is_told() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.asks(KEY_PAIR));
    bench.refuse_next_change(36);
    bench.act(Action::Deliver);
    bench.run_until(|bench| bench.asks(COMMIT) || bench.asks(KEY_PAIR));
    assert!(bench.asks(COMMIT), "{:?}", bench.place());
    bench.run_until(|bench| bench.asks(KEY_PAIR));
    assert!(bench.asks(KEY_PAIR), "{:?} {:?}", bench.place(), bench.outcome());
    bench.refuse_next_change(36);
    let Outcome::Failed(Fault::Peer(Peer::Refused { request, refusal })) = run(&mut bench) else {
        panic!("{:?}", bench.outcome())
    };
    assert_eq!((request, refusal), (KEY_PAIR, Refusal::ReturnValue(36)));
}

#[test]
fn a_refused_commit_is_no_reason_for_a_commit() {
    let mut bench = bench("drops-listed", profile());
    bench.run_until(|bench| bench.asks(COMMIT));
    bench.refuse_next_change(36);
    bench.act(Action::Deliver);
    assert_eq!(asked(&mut bench, COMMIT), 0);
    let Outcome::Failed(Fault::Peer(Peer::Refused { request, .. })) = run(&mut bench) else {
        panic!("{:?}", bench.outcome())
    };
    assert_eq!(request, COMMIT);
}

/// Also where the commit behind `Setup` was never needed: the device is past the way into CCM.
#[test]
fn a_refusal_behind_the_pin_is_told_and_has_no_commit_sent() {
    let password = "AMT_AuthorizationService.SetAdminAclEntryEx";
    let mebx = "AMT_SetupAndConfigurationService.SetMEBxPassword";
    for (stage, persona, refused) in
        [(StageName::CertReplaced, "drops-listed", password), (StageName::Acm, "keeps-session", mebx)]
    {
        let mut bench = bench(persona, profile());
        bench.run_until(|bench| stands_at(bench, stage) && bench.asks(refused));
        let before = bench.device.counters().commits;
        bench.refuse_next_change(36);
        let Outcome::Failed(Fault::Peer(Peer::Refused { request, .. })) = run(&mut bench) else {
            panic!("{:?}", bench.outcome())
        };
        assert_eq!((request, bench.device.counters().commits), (refused, before), "{stage:?}");
    }
}

/// Numbers of connections are never given twice in a run.
#[test]
fn each_connection_has_a_number_of_its_own() {
    let ledger = Ledger::unknown(Record::new(uuid()));
    let run =
        Provisioner::new(Instant::ZERO, ledger, profile(), Order::Provision, report(19, ControlMode::PreProvisioning));
    let (_, said) = played(run, |output| match output {
        Output::Open(id, _) => Some(Input::OpenFailed(*id, amt_provision_fsm::stage::OpenFault::Refused)),
        _ => None,
    });
    let dialled: Vec<ChannelId> = said
        .iter()
        .filter_map(|output| match output {
            Output::Open(id, _) => Some(*id),
            _ => None,
        })
        .collect();
    let mut once = dialled.clone();
    once.sort_unstable();
    once.dedup();
    assert!(dialled.len() > 3 && once == dialled, "{dialled:?}");
}
