//! The core's world with every byte in it: the same cases, with rustls at both ends, HTTP, WS-Management, our relay's line
//! and the simulated device, in memory and in virtual time. After every run each password that is kept is searched for in
//! all that a relay could read (G1).
//!
//! By plan, a case for each edge, found in the core's own world, and every kind of fault at every place where a run can be;
//! by seed, up to eight faults of any kind at any time, with any orders. Of the faults at places a share is run, spread
//! evenly: `cargo test --release --test byte_world -- --nocapture` runs more, `BYTE_WORLD_PLANNED` says how many, and
//! `BYTE_WORLD_RUNS` how many seeds. `BYTE_WORLD_REPLAY=WORD` runs the case of that word again and prints its whole trace: latencies, cuts, orders and faults
//! are the same, keys, nonces and passwords are new.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // also its helpers are tests

#[path = "../common/cores.rs"]
mod cores;

use std::collections::BTreeSet;
use std::time::Instant;

use amt_provision::fsm::edges::{Cause, Edge, edges};
use amt_provision::fsm::sim::{Case, World};
use amt_provision::world::{Report, Site, run};

/// How many of the faults at places, and how many seeds, are run: without optimisation, and with it.
const PLANNED: [usize; 2] = [60, 2_000];
const SEEDS: [usize; 2] = [60, 1_000];
/// Lines of a trace that are shown of a case that failed.
const TAIL: usize = 80;

fn asked(name: &str, [debug, release]: [usize; 2]) -> usize {
    let usual = if cfg!(debug_assertions) { debug } else { release };
    std::env::var(name).ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// What did not hold in a case, the end of its trace, and how to run it again.
fn explain(case: &Case, report: &Report) -> Option<String> {
    let violation = report.violation.as_ref()?;
    let lines: Vec<&str> = report.trace.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    Some(format!(
        "{tail}\nseed {}, {}, {:?}, {:?}: {violation}\nBYTE_WORLD_REPLAY={case} runs it again",
        case.seed, case.persona.name, case.orders, case.faults
    ))
}

/// Why no run of the byte world takes an edge, where that is so.
const fn impossible(edge: &Edge) -> Option<&'static str> {
    match edge.on {
        Cause::LineLost => Some("a server's session of JSON messages ends with its line, and the run with it"),
        _ => None,
    }
}

/// The cases that add an edge to those of the cases before them.
fn each_adds_an_edge<'a>(planned: &[(&'a Case, BTreeSet<Edge>)]) -> Vec<&'a Case> {
    let mut missing: BTreeSet<Edge> = edges().filter(|edge| impossible(edge).is_none()).collect();
    let mut adds = |edges: &BTreeSet<Edge>| edges.iter().filter(|edge| missing.remove(edge)).count() > 0;
    planned.iter().filter(|(_, edges)| adds(edges)).map(|(case, _)| *case).collect()
}

/// The first possible edge that no run has taken.
fn missing(ended: &[(&Case, Report)]) -> Option<Edge> {
    let taken = |edge: &Edge| ended.iter().any(|(_, report)| report.edges.contains(edge));
    edges().find(|edge| impossible(edge).is_none() && !taken(edge))
}

#[test]
fn every_guarantee_holds_on_real_bytes_and_no_password_that_is_kept_is_to_be_read() {
    let site = Site::new().unwrap();
    if let Ok(word) = std::env::var("BYTE_WORLD_REPLAY") {
        let case = word.parse().expect("BYTE_WORLD_REPLAY is the word of a case");
        let report = run(&site, &case).unwrap();
        println!("{}", report.trace);
        panic!("{}", explain(&case, &report).unwrap_or_else(|| "nothing was violated".into()));
    }
    let planned: Vec<Case> = Case::planned().collect();
    // The core's own world is a hundred times as fast: which case takes which edge is found out there.
    let planned = cores::on_all_cores(&planned, |case| (case, World::new(case.clone(), false).run().edges));
    let for_edges = each_adds_an_edge(&planned);
    let each: Vec<Case> = Case::each_fault_at_each_place().collect();
    let share = cores::evenly(&each, asked("BYTE_WORLD_PLANNED", PLANNED));
    println!("{} cases for the edges, {} of {} faults at places", for_edges.len(), share.len(), each.len());
    let seeded = (0..asked("BYTE_WORLD_RUNS", SEEDS)).map(|seed| Case::random(seed.try_into().unwrap()));
    let cases: Vec<Case> = for_edges.into_iter().chain(share).cloned().chain(seeded).collect();

    let begun = Instant::now();
    let mut ended = cores::on_all_cores(&cases, |case| (case, run(&site, case).unwrap()));
    // Bytes take other turns than the core's own world: what was not come by is looked for in the edge's other cases.
    let mut others = planned.iter().rev();
    while let Some(edge) = missing(&ended) {
        let Some((case, _)) = others.find(|(_, edges)| edges.contains(&edge)) else { break };
        ended.push((case, run(&site, case).unwrap()));
    }
    let took = begun.elapsed().as_secs_f64();

    let lost: Vec<String> = ended.iter().filter_map(|(case, report)| explain(case, report)).collect();
    for lost in &lost {
        println!("LOST {}", lost.lines().rev().nth(1).unwrap_or_default());
    }
    let taken: BTreeSet<Edge> = ended.iter().flat_map(|(_, report)| report.edges.iter().copied()).collect();
    for edge in edges().filter(|edge| !taken.contains(edge)) {
        println!("not taken: {edge}{}", impossible(&edge).map_or_else(String::new, |why| format!(": {why}")));
    }
    let events: u32 = ended.iter().map(|(_, report)| report.events).sum();
    let attempts: u32 = ended.iter().map(|(_, report)| report.runs).sum();
    println!("{events} events in {attempts} runs of the core");
    println!(
        "byte world: {} runs, {} of {} edges, {} faults injected, {:.1} runs/s",
        ended.len(),
        taken.len(),
        edges().count(),
        ended.iter().map(|(_, report)| u64::from(report.faults)).sum::<u64>(),
        ended.len() as f64 / took
    );
    assert!(lost.is_empty(), "{} cases were lost; the first:\n{}", lost.len(), lost[0]);
    let impossible = taken.iter().find(|edge| impossible(edge).is_some());
    assert!(impossible.is_none(), "an edge is taken that was said to be impossible: {impossible:?}");
    assert_eq!(missing(&ended), None, "an edge is possible and was not taken");
}
