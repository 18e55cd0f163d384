//! The crash matrix: in the byte world, every edge that a run takes, every write to the store and every change of the
//! device, times everything that can go wrong there; then one clean attempt, and device and store must agree.
//!
//! `cargo test --release --test crash_matrix -- --nocapture` runs all of it. Without optimisation a share is run, spread
//! evenly over all cases and said so; `CRASH_MATRIX_CASES=N` asks for another, and `CRASH_MATRIX_ONLY=TEXT` for those whose
//! name has that text.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // also its helpers are tests

mod cases;
#[path = "../common/cores.rs"]
mod cores;
mod operator;
mod settings;

use std::collections::BTreeMap;

use amt_provision::fsm::time::Millis;
use amt_provision::world::{Site, World};

use cases::Case;
use settings::Setting;

/// How many cases are run without optimisation.
const SHARE: usize = 120;

type Ended<'a> = (&'a Case<'a>, Result<Millis, String>);

#[test]
fn whatever_goes_wrong_one_clean_attempt_brings_the_device_to_its_goal_and_store_and_device_agree() {
    let site = Site::new().unwrap();
    let settings = Setting::all(&site);
    let all: Vec<Case> = settings.iter().flat_map(|setting| cases::of(&site, setting)).collect();
    let chosen = choose(&all);
    println!("{} of {} cases in {} settings", chosen.len(), all.len(), settings.len());
    let ended = cores::on_all_cores(&chosen, |case| (*case, case.run(&site)));
    tell(&ended);
    let lost = ended.iter().find_map(|(case, result)| Some((case, result.as_ref().err()?)));
    assert!(lost.is_none(), "{}", lost.map_or_else(String::new, |(case, why)| format!("{case}\n{why}")));
}

/// Those whose name has `CRASH_MATRIX_ONLY` in it, and of them as many as are asked for, spread evenly.
fn choose<'a>(all: &'a [Case<'a>]) -> Vec<&'a Case<'a>> {
    let only = std::env::var("CRASH_MATRIX_ONLY").unwrap_or_default();
    let named: Vec<&Case> = all.iter().filter(|case| case.to_string().contains(&only)).collect();
    let asked = std::env::var("CRASH_MATRIX_CASES").ok().and_then(|count| count.parse().ok());
    let usual = if cfg!(debug_assertions) && only.is_empty() { SHARE } else { usize::MAX };
    let count = asked.unwrap_or(usual);
    cores::evenly(&named, count).into_iter().copied().collect()
}

/// A line for each kind of fault, each case that was lost, and the sum.
fn tell(ended: &[Ended<'_>]) {
    let mut kinds: BTreeMap<String, (usize, Millis, &Case)> = BTreeMap::new();
    let recovered = || ended.iter().filter_map(|(case, result)| Some((*case, *result.as_ref().ok()?)));
    for (case, recovery) in recovered() {
        let (count, most, longest) = kinds.entry(case.injection.fault.to_string()).or_insert((0, Millis(0), case));
        *count += 1;
        if *most < recovery {
            (*most, *longest) = (recovery, case);
        }
    }
    for (fault, (count, most, longest)) in &kinds {
        println!("  {fault}: {count} recovered, the last after {} ms ({longest})", most.0);
    }
    for (case, why) in ended.iter().filter_map(|(case, result)| Some((case, result.as_ref().err()?))) {
        println!("LOST {case}: {}", why.lines().last().unwrap_or_default());
    }
    let longest = recovered().map(|(_, recovery)| recovery.0).max().unwrap_or(0);
    println!("crash matrix: {} cases, {} recovered, longest recovery {longest} ms", ended.len(), recovered().count());
}

/// A world of a setting.
fn world(site: &Site, setting: &Setting, seed: u64) -> World {
    World::new(site, &setting.device(site), setting.profile(site), seed).unwrap()
}
