//! Cases to try: by seed, and by plan.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::case::Case;
use crate::edges::{Place, edges};
use crate::policy::{ActivationCommit, FirstUseTrust, Goal, Order, Profile, WithoutAcm};
use crate::sim::daring::daring;
use crate::sim::faults::{Fault, FaultPlan, When};
use crate::sim::persona::Persona;
use crate::sim::rng::Rng;
use crate::time::Millis;

/// What goes wrong at a place for its edges to be taken: the channel or the line is lost, the store fails, the
/// device refuses, changes or turns out to be another one, the relay lies, or nothing happens for longer than a run may take.
const AT_A_PLACE: [&[Fault]; 11] = [
    &[Fault::CutTcp],
    &[Fault::CutLine],
    &[Fault::CrashServer],
    &[Fault::FailStore],
    &[Fault::UnprovisionQuietly],
    &[Fault::Refuse(36), Fault::Refuse(36), Fault::Refuse(36)],
    &[Fault::StrangeUuid],
    &[Fault::CutTcp, Fault::StrangeUuid],
    &[Fault::CutTcp, Fault::Impostor],
    &[Fault::ClaimNoTls, Fault::CutLine],
    &[Fault::Sleep(Millis::from_secs(31 * 60))],
];

impl Case {
    /// A case of everything that can be chosen, by its seed.
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let persona = *rng.pick(&Persona::ALL);
        let orders = match rng.below(6) {
            0 => vec![(Order::Provision, None), (Order::Rotate, None)],
            1 => vec![(Order::Provision, None), (Order::Deactivate, None), (Order::Provision, None)],
            2 => {
                let patience = Some(When::Step(u32::try_from(rng.below(1500)).unwrap_or(0)));
                vec![(Order::Provision, patience), (Order::Deactivate, patience), (Order::Provision, None)]
            }
            _ => vec![(Order::Provision, None)],
        };
        let mut profile = daring();
        let horizon = *rng.pick(&[200, 600, 2000]);
        if rng.one_in(4) {
            profile.goal = Goal::Client;
        }
        if rng.one_in(4) {
            profile.first_use = FirstUseTrust::NotTrusted;
        }
        if rng.one_in(4) {
            profile.activation_commit = ActivationCommit::Always;
        }
        if rng.one_in(4) {
            profile.without_acm = WithoutAcm::Unprovision;
        }
        Self { seed, persona, profile, orders, faults: FaultPlan::random(&mut rng, 8, horizon) }
    }

    /// Every persona, to ACM and to CCM, and each of those faults at each place where a run can be.
    pub fn planned() -> impl Iterator<Item = Self> {
        let goals = [daring().goal, Goal::Client];
        let variants = Persona::ALL.into_iter().flat_map(move |persona| goals.map(|goal| (persona, goal)));
        variants.flat_map(|(persona, goal)| {
            let case = move |orders: &[(Order, Option<When>)], faults: Vec<(When, Fault)>| Self {
                seed: 1,
                persona,
                profile: Profile { goal, ..daring() },
                orders: orders.into(),
                faults: FaultPlan::new(faults),
            };
            let of = move |place: Place| {
                let at = When::At(place);
                let full = [(Order::Provision, None), (Order::Rotate, None), (Order::Deactivate, None)];
                let half = [(Order::Provision, Some(at)), (Order::Deactivate, None), (Order::Provision, None)];
                let wrong = AT_A_PLACE.map(|faults| case(&full, faults.iter().map(|fault| (at, *fault)).collect()));
                wrong.into_iter().chain([case(&half, vec![(at, Fault::UnprovisionQuietly)])])
            };
            places().into_iter().flat_map(of)
        })
    }

    /// Every persona, and every kind of fault at each place.
    pub fn each_fault_at_each_place() -> impl Iterator<Item = Self> {
        let persona_at = |place| Persona::ALL.map(|persona| (persona, place));
        places().into_iter().flat_map(persona_at).flat_map(|(persona, place)| {
            Fault::ALL.map(|fault| Self {
                seed: 1,
                persona,
                profile: daring(),
                orders: vec![(Order::Provision, None)],
                faults: FaultPlan::new(vec![(When::At(place), fault)]),
            })
        })
    }
}

/// Where a run can be.
fn places() -> BTreeSet<Place> {
    edges().flat_map(|edge| [edge.from, edge.to]).collect()
}
