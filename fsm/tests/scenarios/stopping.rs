//! G7, G8 and G13: servers that are told to stop or have lost their lease, and ports that keep one waiting.

use super::*;

/// What a record says was begun.
fn begun(record: &Record) -> Vec<String> {
    let doubt = record.doubt.map(|once| format!("{once}"));
    let key = record.keying.as_ref().map(|mark| format!("{mark:?}"));
    let pin = record.pins.intended.map(|pin| format!("{pin:?}"));
    let committed = record.activation_committed.then(|| "a commit".into());
    let passwords = record.admin.iter().chain(&record.mebx).map(|password| format!("{:?}", password.id));
    [doubt, key, pin, committed].into_iter().flatten().chain(passwords).collect()
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
            let meant = bench.server.run.as_ref().expect("a run").ledger().record().clone();
            bench.act(Action::Stop);
            assert_eq!(bench.outcome().is_none(), asked, "{moment}");
            let mut heard = 0;
            each_step(&mut bench, |bench, action| {
                heard += u32::from(action == Action::Hear && bench.waits_for() == Some(Wake::Reply));
                bench.act(action);
            });
            assert!(heard <= 1, "{moment}: {heard} answers");
            let ended = bench.outcome().cloned();
            let stopped = Some(Outcome::Failed(Fault::Ours(Ours::Stopping)));
            assert!(ended == stopped || matches!(ended, Some(Outcome::Configured { .. })), "{moment}: {ended:?}");
            let left = bench.server.disk.record().unwrap_or(Record::new(uuid()));
            let before = begun(&meant);
            assert!(begun(&left).iter().all(|it| before.contains(it)), "{moment}: {left:?} after {meant:?}");

            bench.act(Action::Crash);
            let outcome = run(&mut bench);
            assert!(matches!(outcome, Outcome::Configured { mode: ControlMode::Admin, .. }), "{moment}: {outcome:?}");
        }
    }
}

#[test]
fn g7_what_a_stopping_server_hears_is_written_down() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.asks("AMT_SetupAndConfigurationService.SetMEBxPassword"));
    bench.act(Action::Stop);
    assert_eq!(run(&mut bench), Outcome::Failed(Fault::Ours(Ours::Stopping)));
    let mebx = stored(&bench).mebx.expect("it was meant before it was asked");
    assert_eq!(mebx.state, PasswordState::Confirmed, "the device took it");
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
    while run.outcome().is_none() && opened < 60 {
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
    assert!(now.since(Instant::ZERO) >= deadline::OPEN, "{opened} channels in {now:?}");
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
