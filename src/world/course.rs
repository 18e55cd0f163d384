//! How an attempt goes: what is planned, what came, and what came of it.

use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::time::Instant;

use super::fault::{Fault, Injection, Moment};
use crate::relay::line::End;

/// A moment that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub moment: Moment,
    /// What happened, in words.
    pub what: String,
}

/// What is known of an attempt while it goes on.
#[derive(Debug, Default)]
pub(super) struct Course {
    plan: Vec<Injection>,
    edges: u32,
    writes: u32,
    pub(super) changes: u32,
    dials: u32,
    pub(super) seen: Vec<Seen>,
    pub(super) disturbed: Option<Instant>,
    pub(super) outcome: Option<Outcome>,
    pub(super) told: Option<End>,
}

impl Course {
    pub(super) fn planned(plan: impl IntoIterator<Item = Injection>) -> Self {
        Self { plan: plan.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn next_edge(&mut self) -> Moment {
        Moment::Edge(count(&mut self.edges))
    }

    pub(super) fn next_write(&mut self) -> Moment {
        Moment::Write(count(&mut self.writes))
    }

    pub(super) fn next_change(&mut self) -> Moment {
        Moment::Change(count(&mut self.changes))
    }

    pub(super) fn next_dial(&mut self) -> Moment {
        Moment::Dial(count(&mut self.dials))
    }

    /// The ReturnValue with which the next change is to be refused.
    pub(super) fn refusal(&mut self) -> Option<u32> {
        let next = Moment::Change(self.changes);
        let at = self.plan.iter().position(|i| i.at == next && matches!(i.fault, Fault::Refuse(_)))?;
        match self.plan.remove(at).fault {
            Fault::Refuse(code) => Some(code),
            _ => None,
        }
    }

    pub(super) fn due(&mut self, moment: Moment) -> Vec<Fault> {
        let due = |injection: &Injection| injection.at == moment && !matches!(injection.fault, Fault::Refuse(_));
        let faults = self.plan.iter().filter(|injection| due(injection)).map(|injection| injection.fault).collect();
        self.plan.retain(|injection| !due(injection));
        faults
    }
}

const fn count(counter: &mut u32) -> u32 {
    let n = *counter;
    *counter += 1;
    n
}
