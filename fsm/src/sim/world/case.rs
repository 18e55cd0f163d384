//! What is tried, and what came of it.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::edges::Edge;
use crate::policy::{Order, Profile};
use crate::sim::faults::FaultPlan;
use crate::sim::invariants::Violation;
use crate::sim::persona::Persona;
use crate::time::Millis;

/// One case: what the device is, what is wanted of it, and what goes wrong.
#[derive(Clone, Debug)]
pub struct Case {
    /// Chooses latencies and where bytes are cut.
    pub seed: u64,
    /// The device.
    pub persona: Persona,
    /// The profile.
    pub profile: Profile,
    /// What the operator orders, one after the other, and after how many events an order is taken back
    /// before it is carried out.
    pub orders: Vec<(Order, Option<u32>)>,
    /// What goes wrong.
    pub faults: FaultPlan,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The first guarantee that did not hold.
    pub violation: Option<Violation>,
    /// Every edge that was taken.
    pub edges: BTreeSet<Edge>,
    /// How many events there were.
    pub steps: u32,
    /// How many faults were injected.
    pub faults: u32,
    /// How many runs began.
    pub runs: u32,
    /// The virtual time that it took.
    pub took: Millis,
    /// One line an event, where a log was asked for.
    pub log: Vec<String>,
}
