//! Inputs that are none of this run's business, and how soon a refused port is tried again.

use amt_provision_fsm::identity::SpkiHash;
use amt_provision_fsm::peer::{Peer as TlsPeer, Voucher};
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::record::Generation;
use amt_provision_fsm::request::{Reply, RequestId};
use amt_provision_fsm::stage::{OpenFault, TlsFault};
use amt_provision_fsm::time::Millis;

use super::*;

/// What an earlier connection, an abandoned request or an overtaken write could still say. No run gets as far as these.
fn stale() -> [Input; 9] {
    let (channel, request) = (ChannelId(9_999), RequestId(9_999_999));
    let peer = TlsPeer { spki: SpkiHash::from_bytes([9; 32]), voucher: Voucher::Nobody };
    [
        Input::Opened(channel),
        Input::OpenFailed(channel, OpenFault::Refused),
        Input::TlsUp(channel, peer),
        Input::TlsFailed(channel, TlsFault::Broken),
        Input::TlsFailed(channel, TlsFault::Stranger(None)),
        Input::ChannelLost(channel),
        Input::Reply(request, Reply::Done),
        Input::Persisted(Generation(9_999)),
        Input::PersistFailed(Generation(9_999), StoreFault::Failed),
    ]
}

#[test]
fn what_bears_a_number_that_is_not_the_current_one_changes_nothing_anywhere() {
    for persona in Persona::ALL {
        let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
        each_step(&mut bench, |bench, next| {
            let run = bench.server.run.as_ref().expect("a run");
            for input in stale() {
                let mut told = run.clone();
                told.handle(Instant::ZERO, input.clone());
                assert_eq!(told, *run, "{} at {}: {input:?}", persona.name, run.place());
            }
            bench.act(next);
        });
    }
}

/// What was said already, or is not asked for yet.
#[test]
fn what_nobody_waits_for_changes_nothing() {
    let mut bench = bench("keeps-session", profile());
    each_step(&mut bench, |bench, next| {
        let run = bench.server.run.as_ref().expect("a run");
        let current = run.ledger().generation();
        let mut inputs = vec![Input::Persisted(current), Input::PersistFailed(current, StoreFault::Failed)];
        if run.place().stage != StageName::Probe {
            inputs.push(Input::Report(bench.claimed()));
        }
        if bench.waits_for() != Some(Wake::Certificate) {
            inputs.push(Input::NotIssued);
        }
        if bench.waits_for() != Some(Wake::Store) {
            inputs.push(Input::Persisted(current.next()));
            inputs.push(Input::PersistFailed(current.next(), StoreFault::LeaseLost));
        }
        for input in inputs {
            let mut told = run.clone();
            told.handle(Instant::ZERO, input.clone());
            assert_eq!(told, *run, "at {}: {input:?}", run.place());
        }
        bench.act(next);
    });
}

/// A run of a device that nobody knows, its first port asked for.
fn dialling(now: Instant) -> (Provisioner, ChannelId) {
    let report = bench("keeps-session", profile()).claimed();
    let mut run = Provisioner::new(now, Ledger::unknown(Record::new(uuid())), profile(), Order::Provision, report);
    loop {
        match run.poll_output() {
            Some(Output::Open(channel, _)) => return (run, channel),
            Some(_) => {}
            None => panic!("nothing is dialled"),
        }
    }
}

#[test]
fn g8_a_port_that_refuses_is_tried_again_after_a_pause_and_not_at_the_deadline() {
    let (mut run, channel) = dialling(Instant::ZERO);
    assert_eq!(run.poll_timeout(), Some((Instant::ZERO + deadline::OPEN, Wake::Open)));
    run.handle(Instant::ZERO + Millis(1), Input::OpenFailed(channel, OpenFault::Refused));
    let due = Instant::ZERO + Millis(1) + deadline::RETRY_FIRST;
    assert_eq!(run.poll_timeout(), Some((due, Wake::Retry)));
    run.handle_timeout(due);
    assert!(matches!(run.poll_output(), Some(Output::Open(next, _)) if next != channel));
}

#[test]
fn g8_a_lost_line_is_waited_for_with_a_deadline_of_its_own_and_a_store_that_is_at_work_goes_on() {
    let (mut run, _) = dialling(Instant::ZERO);
    run.handle(Instant::ZERO, Input::LineLost);
    while run.poll_output().is_some() {}
    assert_eq!(run.poll_timeout(), Some((Instant::ZERO + deadline::REPORT, Wake::Report)));

    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.waits_for() == Some(Wake::Store));
    let run = bench.server.run.as_mut().expect("a run");
    let writing = run.poll_timeout();
    run.handle(Instant::ZERO, Input::LineLost);
    while run.poll_output().is_some() {}
    assert_eq!(run.poll_timeout(), writing, "the store has its own deadline");
    let generation = run.ledger().generation().next();
    run.handle(Instant::ZERO, Input::Persisted(generation));
    while run.poll_output().is_some() {}
    assert_eq!(run.poll_timeout().map(|(_, wake)| wake), Some(Wake::Report));
    assert_eq!(run.ledger().generation(), generation, "it was heard");
}

#[test]
fn what_went_wrong_is_told_by_the_outcome() {
    let fault = Fault::Ours(Ours::Stopping);
    assert_eq!(Outcome::Failed(fault.clone()).fault(), Some(&fault));
    assert_eq!(Outcome::Quarantined(fault.clone()).fault(), Some(&fault));
    assert_eq!(Outcome::Unprovisioned.fault(), None);
}
