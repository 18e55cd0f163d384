//! One server and an honest relay: a device is provisioned, rotated, taken out of service and enrolled again,
//! while connections break, the server dies and deadlines pass.

use amt_provision_fsm::deadline::Wake;
use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::policy::{Goal, Order, Profile};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::sim::{Action, Bench};
use stateright::{Model, Property};

use super::{SAFE, daring, explore, persona, uuid};

/// How often what may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Budget {
    cuts: u8,
    crashes: u8,
    waits: u8,
    unprovisions: u8,
    /// How often anything of it.
    all: u8,
}

impl Budget {
    /// One mishap of any kind.
    const ORDINARY: Self = Self { cuts: 1, crashes: 1, waits: 1, unprovisions: 1, all: 1 };
    /// Two of different kinds.
    const DEEP: Self = Self { cuts: 1, crashes: 1, waits: 1, unprovisions: 0, all: 2 };

    /// What `MODEL_BOX` says, else this.
    fn or_from_env(self) -> Self {
        let Ok(text) = std::env::var("MODEL_BOX") else { return self };
        let numbers: Vec<u8> =
            text.split(',').map(|n| n.trim().parse().expect("MODEL_BOX is five small numbers")).collect();
        let &[cuts, crashes, waits, unprovisions, all] = numbers.as_slice() else {
            panic!("MODEL_BOX is five small numbers, not `{text}`")
        };
        Self { cuts, crashes, waits, unprovisions, all }
    }

    /// One mishap less of the kind that `of` names; `None` when none is left.
    fn spend(mut self, of: fn(&mut Self) -> &mut u8) -> Option<Self> {
        self.all = self.all.checked_sub(1)?;
        let left = of(&mut self);
        *left = left.checked_sub(1)?;
        Some(self)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    bench: Bench,
    left: Budget,
    /// How many of the orders were given.
    given: usize,
}

/// What can happen: something at the bench, or the next order after one was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Bench(Action),
    Next(Order),
}

struct Orders {
    begin: Bench,
    profile: Profile,
    /// What is ordered after the order that the bench began with.
    orders: &'static [Order],
    budget: Budget,
}

impl Model for Orders {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State { bench: self.begin.clone(), left: self.budget, given: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if state.bench.violation().is_some() {
            return;
        }
        actions.extend(state.bench.next().map(Step::Bench));
        if state.bench.outcome().is_none() {
            actions.extend([Action::Cut, Action::Unprovision].map(Step::Bench));
            actions.extend((!actions.contains(&Step::Bench(Action::Wait))).then_some(Step::Bench(Action::Wait)));
        }
        actions.push(Step::Bench(Action::Crash));
        let carried_out = matches!(state.bench.outcome(), Some(Outcome::Configured { .. } | Outcome::Unprovisioned));
        actions.extend(self.orders.get(state.given).filter(|_| carried_out).copied().map(Step::Next));
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        next.left = match step {
            Step::Bench(Action::Cut) => state.left.spend(|left| &mut left.cuts)?,
            Step::Bench(Action::Crash) => state.left.spend(|left| &mut left.crashes)?,
            Step::Bench(Action::Unprovision) => state.left.spend(|left| &mut left.unprovisions)?,
            // A pause between two tries at a port is no mishap; every other deadline is one.
            Step::Bench(Action::Wait) if state.bench.waits_for() != Some(Wake::Retry) => {
                state.left.spend(|left| &mut left.waits)?
            }
            Step::Bench(Action::Wait | Action::Deliver | Action::Hear | Action::Store | Action::Stop)
            | Step::Next(_) => state.left,
        };
        match step {
            Step::Bench(action) => next.bench.act(action),
            Step::Next(order) => {
                next.given += 1;
                next.bench.order(order);
            }
        }
        next.bench.rebase();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &State| state.bench.violation().is_none()),
            Property::sometimes("carries every order out", |model: &Self, state: &State| {
                let goal = match model.profile.goal {
                    Goal::Admin(_) => ControlMode::Admin,
                    Goal::Client | Goal::Barred(_) => ControlMode::Client,
                };
                let done = matches!(state.bench.outcome(), Some(Outcome::Configured { mode, .. }) if *mode == goal);
                done && state.given == model.orders.len()
            }),
            Property::sometimes("recovers from as much as may happen", |model: &Self, state: &State| {
                let done = matches!(state.bench.outcome(), Some(Outcome::Configured { .. }));
                state.left.all == 0 && done && state.given == model.orders.len()
            }),
        ]
    }
}

fn check(name: &str, begin: Bench, orders: &'static [Order], budget: Budget) -> usize {
    let model = Orders { begin, profile: daring(), orders, budget: budget.or_from_env() };
    explore(name, model, |state| state.bench.violation().cloned())
}

/// From the factory, or from where somebody else left it, to ACM.
pub(super) fn provision(name: &str) -> usize {
    // One of each flow is looked into deeper.
    let budget = if matches!(name, "keeps-session" | "amt-12") { Budget::DEEP } else { Budget::ORDINARY };
    check(name, Bench::new(persona(name), daring(), Order::Provision, uuid()), &[], budget)
}

fn provisioned(name: &str) -> Bench {
    let mut bench = Bench::new(persona(name), daring(), Order::Provision, uuid());
    assert!(matches!(bench.run(), Some(Outcome::Configured { .. })), "{name}");
    bench
}

/// From ACM to ACM with another key.
pub(super) fn rotate(name: &str) -> usize {
    let mut bench = provisioned(name);
    bench.order(Order::Rotate);
    check(&format!("{name}, rotated"), bench, &[], Budget::ORDINARY)
}

/// From ACM out of service, and back to ACM.
pub(super) fn re_enrol(name: &str) -> usize {
    let mut bench = provisioned(name);
    bench.order(Order::Deactivate);
    check(&format!("{name}, deactivated and enrolled again"), bench, &[Order::Provision], Budget::ORDINARY)
}
