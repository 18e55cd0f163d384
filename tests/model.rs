//! Everything that can happen, within a box: stateright over the shipped machine and the model device.
//!
//! The box is how often the connection breaks, the server dies, a deadline passes while something is
//! under way, and somebody unprovisions the device. `MODEL_BOX=cuts,crashes,waits,unprovisions` widens it.

use amt_provision_fsm::deadline::Wake;
use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Order, Profile, WithoutAcm};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::Provenance;
use amt_provision_fsm::request::ChainLength;
use amt_provision_fsm::sim::{Action, Bench, Persona};
use stateright::{Checker, Model, Property};

/// How often what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    cuts: u8,
    crashes: u8,
    waits: u8,
    unprovisions: u8,
}

impl Budget {
    fn from_env() -> Self {
        let text = std::env::var("MODEL_BOX").unwrap_or_else(|_| "1,1,1,0".into());
        let mut numbers = text.split(',').map(|n| n.trim().parse().expect("MODEL_BOX is four small numbers"));
        let mut next = || numbers.next().expect("MODEL_BOX is four small numbers");
        Self { cuts: next(), crashes: next(), waits: next(), unprovisions: next() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    bench: Bench,
    left: Budget,
}

struct Provisioning {
    persona: Persona,
    profile: Profile,
    budget: Budget,
}

impl Model for Provisioning {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let uuid = Uuid::from_bytes(*b"amt-model-device").expect("no placeholder");
        let bench = Bench::new(self.persona, self.profile.clone(), Order::Provision, uuid);
        vec![State { bench, left: self.budget }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.bench.violation().is_some() {
            return;
        }
        actions.extend(state.bench.next());
        if state.bench.outcome().is_none() {
            actions.extend((state.left.cuts > 0).then_some(Action::Cut));
            actions.extend((state.left.waits > 0 && !actions.contains(&Action::Wait)).then_some(Action::Wait));
            actions.extend((state.left.unprovisions > 0).then_some(Action::Unprovision));
        }
        actions.extend((state.left.crashes > 0).then_some(Action::Crash));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        let spend = |count: &mut u8| *count = count.saturating_sub(1);
        match action {
            Action::Cut => spend(&mut next.left.cuts),
            Action::Crash => spend(&mut next.left.crashes),
            Action::Unprovision => spend(&mut next.left.unprovisions),
            // A pause between two tries at a port is no mishap; every other deadline is one.
            Action::Wait if next.bench.waits_for() != Some(Wake::Retry) => {
                next.left.waits = next.left.waits.checked_sub(1)?;
            }
            Action::Wait | Action::Deliver | Action::Hear | Action::Store => {}
        }
        next.bench.act(action);
        next.bench.rebase();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every guarantee holds", |_, state: &State| state.bench.violation().is_none()),
            Property::sometimes("reaches its goal", |model: &Self, state: &State| {
                let goal = match model.profile.goal {
                    Goal::Admin(_) => ControlMode::Admin,
                    Goal::Client | Goal::Barred(_) => ControlMode::Client,
                };
                matches!(state.bench.outcome(), Some(Outcome::Configured { mode, .. }) if *mode == goal)
            }),
            Property::sometimes("recovers from everything at once", |_, state: &State| {
                let spent = state.left.cuts == 0 && state.left.crashes == 0 && state.left.waits == 0;
                spent && matches!(state.bench.outcome(), Some(Outcome::Configured { .. }))
            }),
        ]
    }
}

fn profile() -> Profile {
    Profile {
        goal: Goal::Admin(ChainLength::new(2).expect("two is a chain")),
        flow_b: FlowB::Allowed,
        minimum: Provenance::FirstUse,
        first_use: FirstUseTrust::Trusted,
        activation_commit: ActivationCommit::Auto,
        adopt: Adopt::Allowed,
        without_acm: WithoutAcm::Keep,
    }
}

fn check(persona: &str) -> usize {
    let persona = Persona::named(persona).expect("a persona of that name");
    let model = Provisioning { persona, profile: profile(), budget: Budget::from_env() };
    let checker = model.checker().threads(2).spawn_bfs().join();
    if let Some(path) = checker.discovery("every guarantee holds") {
        let last = path.last_state().bench.violation().cloned();
        let actions: Vec<Action> = path.into_actions();
        panic!("{}: {}\nafter {actions:?}", persona.name, last.expect("a violation"));
    }
    checker.assert_properties();
    checker.unique_state_count()
}

#[test]
fn flow_a_and_flow_b_keep_every_guarantee_whatever_happens() {
    let flow_a: Vec<usize> = ["keeps-session", "drops-listed", "drops-odca"].map(check).into();
    let flow_b: Vec<usize> = ["amt-12", "amt-16"].map(check).into();
    println!("model: flow A {} states, flow B {} states", flow_a.iter().sum::<usize>(), flow_b.iter().sum::<usize>());
}
