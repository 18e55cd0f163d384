//! Two servers on one store: at any moment the second takes the device over, and the first does not know (G13).

use amt_provision_fsm::deadline::Wake;
use amt_provision_fsm::fault::{Fault, Ours};
use amt_provision_fsm::policy::Order;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::sim::{Action, Bench, Pair, Persona, Side};
use stateright::{Model, Property};

use super::{SAFE, daring, explore, persona, uuid};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    At(Side, Action),
    TakeOver,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    pair: Pair,
    side: Side,
    /// How often the other one may still have its turn.
    turns: u8,
}

struct TwoServers {
    persona: Persona,
    turns: u8,
}

fn ended(pair: &Pair, side: Side) -> Option<&Outcome> {
    pair.server(side).and_then(Bench::outcome)
}

impl Model for TwoServers {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let pair = Pair::new(self.persona, daring(), Order::Provision, uuid());
        vec![State { pair, side: Side::First, turns: self.turns }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if state.pair.violation().is_some() {
            return;
        }
        for side in [Side::First, Side::Second] {
            let next = state.pair.server(side).into_iter().flat_map(Bench::next);
            actions.extend(next.map(|action| Step::At(side, action)));
        }
        actions.push(Step::TakeOver);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        let side = match step {
            Step::TakeOver => {
                next.side = Side::Second;
                return next.pair.take_over().then_some(next);
            }
            Step::At(side, _) => side,
        };
        if side != state.side {
            next.turns = next.turns.checked_sub(1)?;
            next.side = side;
        }
        if let Step::At(_, action) = step {
            let retries = |bench: &Bench| bench.waits_for() == Some(Wake::Retry);
            if action == Action::Wait && !state.pair.server(side).is_some_and(retries) {
                return None;
            }
            next.pair.act(side, action);
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAFE, |_, state: &State| state.pair.violation().is_none()),
            Property::sometimes(
                "the second finishes what the first began, and the first hears of it",
                |_, state: &State| {
                    let finished = matches!(ended(&state.pair, Side::Second), Some(Outcome::Configured { .. }));
                    finished && ended(&state.pair, Side::First) == Some(&Outcome::Failed(Fault::Ours(Ours::LeaseLost)))
                },
            ),
        ]
    }
}

pub(super) fn take_over(name: &str) -> usize {
    explore(&format!("{name}, two servers"), TwoServers { persona: persona(name), turns: 2 }, |state| {
        state.pair.violation().cloned()
    })
}
