//! The core against the world: every persona, every kind of fault, thousands of seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use amt_provision_fsm::edges::{Edge, edges};
use amt_provision_fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Order, Profile, WithoutAcm};
use amt_provision_fsm::record::Provenance;
use amt_provision_fsm::request::ChainLength;
use amt_provision_fsm::sim::{Case, FaultPlan, Persona, Report, Rng, World};

fn profile(rng: &mut Rng) -> Profile {
    let chain = ChainLength::new(2).expect("two is a chain");
    Profile {
        goal: if rng.one_in(4) { Goal::Client } else { Goal::Admin(chain) },
        flow_b: FlowB::Allowed,
        minimum: Provenance::FirstUse,
        first_use: if rng.one_in(4) { FirstUseTrust::NotTrusted } else { FirstUseTrust::Trusted },
        activation_commit: if rng.one_in(4) { ActivationCommit::Always } else { ActivationCommit::Auto },
        adopt: Adopt::Allowed,
        without_acm: WithoutAcm::Keep,
    }
}

fn case(seed: u64) -> Case {
    let mut rng = Rng::new(seed);
    let persona = *rng.pick(&Persona::ALL);
    let orders = match rng.below(6) {
        0 => vec![(Order::Provision, None), (Order::Rotate, None)],
        1 => vec![(Order::Provision, None), (Order::Deactivate, None), (Order::Provision, None)],
        2 => {
            let patience = u32::try_from(rng.below(1500)).unwrap_or(0);
            vec![(Order::Provision, Some(patience)), (Order::Deactivate, Some(patience)), (Order::Provision, None)]
        }
        _ => vec![(Order::Provision, None)],
    };
    let horizon = *rng.pick(&[200, 600, 2000]);
    let mut profile = profile(&mut rng);
    if Rng::new(!seed).one_in(4) {
        profile.without_acm = WithoutAcm::Unprovision;
    }
    Case { seed, persona, profile, orders, faults: FaultPlan::random(&mut rng, 8, horizon) }
}

fn explain(seed: u64, report: &Report) -> String {
    let log = World::new(case(seed), true).run().log;
    let tail = log[log.len().saturating_sub(120)..].join("\n");
    format!("{tail}\nseed {seed}, {:?}: {}", case(seed).persona.name, report.violation.as_ref().expect("a violation"))
}

#[test]
fn every_guarantee_holds_on_every_seed_and_every_edge_is_taken() {
    let runs: u64 = std::env::var("WORLD_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20_000);
    let begun = Instant::now();
    let mut taken: BTreeMap<Edge, u64> = BTreeMap::new();
    let (mut faults, mut steps) = (0, 0);
    for seed in 0..runs {
        let report = World::new(case(seed), false).run();
        assert!(report.violation.is_none(), "{}", explain(seed, &report));
        faults += u64::from(report.faults);
        steps += u64::from(report.steps);
        for edge in report.edges {
            *taken.entry(edge).or_default() += 1;
        }
    }
    let all: BTreeSet<Edge> = edges().collect();
    let missing: Vec<String> = all.iter().filter(|edge| !taken.contains_key(edge)).map(Edge::to_string).collect();
    let per_second = runs as f64 / begun.elapsed().as_secs_f64();
    println!(
        "world: {runs} runs, {} of {} edges, {faults} faults injected, {steps} events, {per_second:.0} runs/s",
        all.len() - missing.len(),
        all.len()
    );
    assert!(missing.is_empty(), "edges that no seed takes:\n{}", missing.join("\n"));
}

/// G12: the same case twice gives the same log, byte for byte.
#[test]
fn g12_a_case_is_determined_by_its_seed() {
    for seed in 0..50 {
        assert_eq!(World::new(case(seed), true).run(), World::new(case(seed), true).run(), "seed {seed}");
    }
}
