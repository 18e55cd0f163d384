//! Everything that can happen, within a box: stateright over the shipped machine and the model device.
//!
//! The box is how often the connection breaks, the server dies, a deadline passes while something is under way,
//! and somebody unprovisions the device, and how often anything of it; and how often a hostile relay lies.
//! `MODEL_BOX=cuts,crashes,waits,unprovisions,all` and `MODEL_LIES=n` (so many more) widen it.

mod hostile;
mod orders;
mod pair;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::sim::{Persona, Violation, daring};
use stateright::{Checker, Model};

fn uuid() -> Uuid {
    Uuid::from_bytes(*b"amt-model-device").expect("no placeholder")
}

fn persona(name: &str) -> Persona {
    Persona::named(name).expect("a persona of that name")
}

/// The name of the property that must hold in every state.
const SAFE: &str = "every guarantee holds";

/// Tries everything; the number of states, or a panic with the shortest way to a violation.
#[expect(clippy::print_stdout, reason = "a model says how large it was")]
fn explore<M>(name: &str, model: M, violation: impl Fn(&M::State) -> Option<Violation>) -> usize
where
    M: Model + Send + Sync + 'static,
    M::State: std::hash::Hash + std::fmt::Debug + Clone + PartialEq + Send + Sync + 'static,
    M::Action: std::fmt::Debug + Clone + PartialEq + Send,
{
    let checker = model.checker().threads(2).spawn_bfs().join();
    if let Some(path) = checker.discovery(SAFE) {
        let last = violation(path.last_state()).expect("a state that is not safe shows a violation");
        panic!("{name}: {last}\nafter {:#?}", path.into_actions());
    }
    checker.assert_properties();
    let states = checker.unique_state_count();
    println!("  {name}: {states} states");
    states
}

#[test]
fn every_guarantee_holds_whatever_happens() {
    let hostile = hostile::relay();
    let two: usize = ["keeps-session", "drops-listed"].map(pair::take_over).iter().sum();
    let flow_a: usize =
        ["keeps-session", "drops-listed", "drops-odca", "drops-unlisted", "mebx-first", "found-with-tls"]
            .map(orders::provision)
            .iter()
            .sum();
    let flow_b: usize =
        ["amt-12", "amt-14", "amt-16", "found-in-ccm", "found-in-acm"].map(orders::provision).iter().sum();
    let later = ["drops-listed", "amt-16"];
    let later: usize = later.into_iter().map(|name| orders::rotate(name) + orders::re_enrol(name)).sum();
    println!("model: later orders {later} states, two servers {two} states");
    println!("model: flow A {flow_a} states, flow B {flow_b} states, hostile relay {hostile} states");
}
