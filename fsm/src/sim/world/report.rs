//! What came of a case.

use alloc::collections::BTreeSet;

use super::trace::Trace;
use crate::edges::Edge;
use crate::sim::invariants::Violation;
use crate::time::Millis;

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
    /// What happened, where a trace was asked for.
    pub trace: Trace,
}
