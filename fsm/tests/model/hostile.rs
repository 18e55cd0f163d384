//! A relay that is somebody's, between the shipped machine and the device. It lies as often as the box lets it: a
//! false claim is one lie, and so is playing a whole device from now on, or standing in between.

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::policy::{Adopt, Profile};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::sim::{Hostile, Move};
use stateright::{Model, Property};

use super::{SAFE, daring, explore, persona, uuid};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    world: Hostile,
    lies: u8,
}

/// What this relay may hope for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hope {
    /// Nothing: what it is not, it cannot prove.
    None,
    /// To be taken for the device at first contact, by a profile that trusts that.
    FirstUse,
}

struct Relay {
    begin: Vec<Hostile>,
    lies: u8,
    hope: Hope,
}

impl Model for Relay {
    type State = State;
    type Action = Move;

    fn init_states(&self) -> Vec<State> {
        let truth = |world: &Hostile| world.bench().claimed() == world.bench().device.report();
        let lies = |world: &Hostile| self.lies - u8::from(!truth(world));
        self.begin.iter().map(|world| State { world: world.clone(), lies: lies(world) }).collect()
    }

    fn actions(&self, state: &State, moves: &mut Vec<Move>) {
        if state.world.violation().is_some() {
            return;
        }
        moves.extend(state.world.honest());
        if state.lies > 0 && state.world.bench().outcome().is_none() {
            moves.extend(state.world.lies());
        }
    }

    fn next_state(&self, state: &State, step: Move) -> Option<State> {
        let mut next = state.clone();
        next.lies -= u8::from(matches!(step, Move::Lie(_)));
        next.world.act(step);
        next.world.rebase();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(SAFE, |_, state: &State| state.world.violation().is_none()),
            Property::sometimes("an honest relay comes to ACM", |model: &Self, state: &State| {
                let bench = state.world.bench();
                let configured = matches!(bench.outcome(), Some(Outcome::Configured { mode: ControlMode::Admin, .. }));
                configured && state.lies == model.lies && bench.device.truth().mode == ControlMode::Admin
            }),
            Property::sometimes("a lie is found out", |model: &Self, state: &State| {
                let bench = state.world.bench();
                state.lies < model.lies && matches!(bench.outcome(), Some(Outcome::Failed(_) | Outcome::Quarantined(_)))
            }),
        ];
        properties.push(match self.hope {
            Hope::None => Property::always("nobody else's key is taken for the device's", |_, state: &State| {
                !state.world.is_deceived()
            }),
            // Nobody can exclude it (design.md §3); and it shows that this relay can do something.
            Hope::FirstUse => {
                Property::sometimes("its own key is pinned at first use", |_, state: &State| state.world.is_deceived())
            }
        });
        properties
    }
}

/// The profile of those who want proof.
fn strict() -> Profile {
    Profile::cautious(daring().goal)
}

/// All its lies: at first contact and with a device that is known, in both flows.
pub(super) fn relay() -> usize {
    let more = std::env::var("MODEL_LIES").map_or(0, |lies| lies.parse().expect("MODEL_LIES is a small number"));
    let claims = || Hostile::claims(uuid());
    let unknown = |name: &str, profile: Profile| -> Vec<Hostile> {
        claims().into_iter().map(|claim| Hostile::unknown(persona(name), profile.clone(), uuid(), |_| claim)).collect()
    };
    let known = |name: &str, profile: Profile| -> Vec<Hostile> {
        claims().into_iter().map(|claim| Hostile::known(persona(name), profile.clone(), uuid(), |_| claim)).collect()
    };
    let adopts_nothing = || Profile { adopt: Adopt::Refused, ..daring() };
    [
        ("drops-listed, strict, at first contact", unknown("drops-listed", strict()), 2, Hope::None),
        ("keeps-session, daring, at first contact", unknown("keeps-session", adopts_nothing()), 1, Hope::FirstUse),
        ("amt-16, daring, at first contact", unknown("amt-16", adopts_nothing()), 1, Hope::FirstUse),
        ("drops-listed, strict, known", known("drops-listed", strict()), 3, Hope::None),
        ("drops-listed, daring, known", known("drops-listed", daring()), 3, Hope::None),
        ("amt-16, daring, known", known("amt-16", daring()), 3, Hope::None),
    ]
    .into_iter()
    .map(|(name, begin, lies, hope)| {
        let lies = lies + more;
        explore(&format!("{name}, hostile relay"), Relay { begin, lies, hope }, |state| {
            state.world.violation().cloned()
        })
    })
    .sum()
}
