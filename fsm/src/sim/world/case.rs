//! What is tried, and what came of it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use super::trace::{Trace, hex, unhex};
use crate::edges::Edge;
use crate::policy::{Order, Profile};
use crate::sim::faults::{FaultPlan, When};
use crate::sim::invariants::Violation;
use crate::sim::persona::Persona;
use crate::time::Millis;

/// One case: what the device is, what is wanted of it, and what goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Chooses latencies and where bytes are cut.
    pub seed: u64,
    /// The device.
    pub persona: Persona,
    /// The profile.
    pub profile: Profile,
    /// What the operator orders, one after the other, and when an order is taken back before it is carried out;
    /// steps are counted from the order on.
    pub orders: Vec<(Order, Option<When>)>,
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
    /// What happened, where a trace was asked for.
    pub trace: Trace,
}

/// One word, for a person to copy: [`Case::from_str`] reads it.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&postcard::to_allocvec(self).map_err(|_| fmt::Error)?))
    }
}

/// The word is no case, or one of another version of the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCase;

impl FromStr for Case {
    type Err = NoCase;

    fn from_str(word: &str) -> Result<Self, NoCase> {
        let bytes = unhex(word).ok_or(NoCase)?;
        match postcard::take_from_bytes(&bytes) {
            Ok((case, [])) => Ok(case),
            _ => Err(NoCase),
        }
    }
}
