//! The core against the world: every persona, every kind of fault; at every place of the protocol by plan, and
//! at any time by thousands of seeds.
//!
//! `WORLD_RUNS` says how many seeds; `WORLD_REPLAY=FILE` runs the case of a printed trace again.

use std::collections::BTreeMap;
use std::time::Instant;

use amt_provision_fsm::edges::{Edge, edges};
use amt_provision_fsm::sim::{Case, Report, Trace, World, invariants};

/// The end of a trace, with what did not hold, and the whole in a file to be replayed.
fn explain(case: &Case) -> String {
    let report = World::new(case.clone(), true).run();
    let path = std::env::temp_dir().join("amt-provision-world.trace");
    let kept = std::fs::write(&path, report.trace.to_string()).map_or_else(
        |error| format!("the whole trace could not be kept in {}: {error}", path.display()),
        |()| format!("WORLD_REPLAY={} runs it again", path.display()),
    );
    let violation = report.violation.map_or_else(|| "nothing was violated".into(), |violation| violation.to_string());
    format!("{}\nseed {}, {}: {violation}\n{kept}", report.trace.tail(80), case.seed, case.persona.name)
}

#[derive(Default)]
struct Sum {
    runs: u64,
    faults: u64,
    events: u64,
    taken: BTreeMap<Edge, u64>,
}

impl Sum {
    fn run(&mut self, case: &Case) {
        let report: Report = World::new(case.clone(), false).run();
        assert!(report.violation.is_none(), "{}", explain(case));
        self.runs += 1;
        self.faults += u64::from(report.faults);
        self.events += u64::from(report.steps);
        for edge in report.edges {
            *self.taken.entry(edge).or_default() += 1;
        }
    }

    fn missing(&self) -> Vec<String> {
        edges().filter(|edge| !self.taken.contains_key(edge)).map(|edge| edge.to_string()).collect()
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how fast the world is, is told by a real clock")]
fn every_guarantee_holds_on_every_seed_and_every_edge_is_taken() {
    if let Some(path) = std::env::var_os("WORLD_REPLAY") {
        let text = std::fs::read_to_string(&path).expect("WORLD_REPLAY names a trace");
        panic!("{}", explain(&Trace::case_of(&text).expect("a trace begins with its case")));
    }
    let seeds: u64 = std::env::var("WORLD_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(15_000);
    let begun = Instant::now();
    let mut sum = Sum::default();
    Case::planned().for_each(|case| sum.run(&case));
    // The rare ones do not wait for a lucky seed.
    let missing = sum.missing();
    assert!(missing.is_empty(), "edges that no plan takes:\n{}", missing.join("\n"));
    (0..seeds).for_each(|seed| sum.run(&Case::random(seed)));
    println!(
        "world: {} runs, {} of {} edges, {} faults injected, {:.0} runs/s",
        sum.runs,
        sum.taken.len(),
        edges().count(),
        sum.faults,
        sum.runs as f64 / begun.elapsed().as_secs_f64()
    );
}

/// G12: the same case twice gives the same trace, byte for byte.
#[test]
fn g12_a_case_is_determined_by_its_seed() {
    for seed in 0..50 {
        let once = || World::new(Case::random(seed), true).run();
        assert_eq!(invariants::the_same_twice(&once(), &once()), Ok(()), "seed {seed}");
    }
}

#[test]
fn a_printed_trace_is_replayed_to_the_last_byte() {
    for seed in 0..20 {
        let printed = World::new(Case::random(seed), true).run().trace.to_string();
        let case = Trace::case_of(&printed).expect("a trace begins with its case");
        assert_eq!(case, Case::random(seed));
        assert_eq!(World::new(case, true).run().trace.to_string(), printed, "seed {seed}");
    }
}

#[test]
fn a_trace_has_a_column_for_each_party() {
    let trace = World::new(Case::random(3), true).run().trace.to_string();
    let columns = |line: &str| line.split(" | ").map(|column| !column.trim().is_empty()).collect::<Vec<_>>();
    let lines: Vec<Vec<bool>> = trace.lines().skip(2).map(columns).collect();
    for party in 1..=3 {
        let alone = lines.iter().any(|line| line.get(party) == Some(&true));
        assert!(alone, "nothing in column {party}:\n{trace}");
    }
}
