//! The core, case by case: what each guarantee means in a run, and what the world and the model checker
//! once found. Server and device alone, one step at a time.

mod adoption;
mod downgrade;
mod goals;
mod guards;
mod half_state;
mod inputs;
mod later_orders;
mod logins;
mod lost;
mod stopping;
mod strange_answers;
mod without_acm;

use amt_provision_fsm::channel::ChannelName;
use amt_provision_fsm::deadline::{self, Wake};
use amt_provision_fsm::fault::{Fault, Link, Operator, Ours, Peer};
use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::identity::{RomCaHash, Uuid};
use amt_provision_fsm::peer::Unvouched;
use amt_provision_fsm::policy::{
    Adopt, DeviceReport, FirstUseTrust, FlowB, Goal, LocalTls, Order, Permit, Profile, WithoutAcm, expectation,
};
use amt_provision_fsm::provisioner::{Input, Outcome, Output, Provisioner, StoreFault};
use amt_provision_fsm::record::{Hold, Ledger, Origin, PasswordState, Pins, Provenance, Record};
use amt_provision_fsm::request::{ChainFlaw, ChainLength, Once, Refusal, Reply};
use amt_provision_fsm::sim::{Action, Bench, Persona, daring};
use amt_provision_fsm::stage::{ShortOf, StageName};
use amt_provision_fsm::time::Instant;

const COMMIT: &str = "AMT_SetupAndConfigurationService.CommitChanges";
const KEY_PAIR: &str = "AMT_PublicKeyManagementService.GenerateKeyPair";

fn uuid() -> Uuid {
    Uuid::from_bytes(*b"amt-model-device").expect("no placeholder")
}

fn profile() -> Profile {
    Profile { goal: Goal::Admin(ChainLength::new(3).expect("three is a chain")), ..daring() }
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

/// What happens next in a run that has not ended.
#[track_caller]
fn next(bench: &Bench) -> Action {
    bench.next().next().expect("a run that has not ended goes on")
}

/// Goes on to the end by `act`, which is told what would happen next.
///
/// # Panics
/// After as many steps as no run takes.
#[track_caller]
fn each_step(bench: &mut Bench, mut act: impl FnMut(&mut Bench, Action)) {
    for _ in 0..10_000 {
        if bench.outcome().is_some() {
            return;
        }
        let next = next(bench);
        act(bench, next);
    }
    panic!("went round in circles at {:?}", bench.place());
}

/// Goes on to the end, and no port answers; what is dialled in vain, in order.
fn dialled_in_vain(bench: &mut Bench) -> Vec<Port> {
    let mut dialled = Vec::new();
    each_step(bench, |bench, next| {
        let port = bench.dials().filter(|_| next == Action::Deliver);
        dialled.extend(port);
        bench.act(if port.is_some() { Action::Cut } else { next });
    });
    dialled
}

fn stored(bench: &Bench) -> Record {
    bench.server.disk.record().expect("a device that was set up is stored")
}

fn stands_at(bench: &Bench, stage: StageName) -> bool {
    bench.place().is_some_and(|place| place.stage == stage)
}

/// Goes on to the end, with each request of that name that `strange` picks answered by `reply`; how many were.
fn answered(bench: &mut Bench, name: &'static str, reply: &Reply, strange: impl Fn(&Bench) -> bool) -> u32 {
    let mut count = 0;
    each_step(bench, |bench, next| {
        if next == Action::Deliver && bench.asks(name) && strange(bench) {
            bench.answer_next(name, reply.clone());
            count += 1;
        }
        bench.act(next);
    });
    count
}
