//! One session of a relay, from the question to the firmware to the end of both machines.

use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::time::{Instant, Millis};

use super::fault::{Fault, Injection, Moment};
use super::machine::{Violation, World};
use super::trace::Party;
use crate::relay::line::End;

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How the server's run ended; `None` if the server died, or lost the relay, before it had.
    pub outcome: Option<Outcome>,
    /// How the relay ended; `None` if it died.
    pub told: Option<End>,
    /// When it began.
    pub began: Instant,
    /// When both had ended.
    pub ended: Instant,
    /// When the first thing went wrong.
    pub disturbed: Option<Instant>,
    /// Every moment at which something could have gone wrong, in order.
    pub seen: Vec<Seen>,
}

impl Attempt {
    /// Whether the run came to the profile's goal, as far as its server knows.
    pub const fn is_configured(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Configured { .. }))
    }

    /// How long it took, in virtual time.
    pub fn took(&self) -> Millis {
        self.ended.since(self.began)
    }
}

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

impl World {
    /// A relay asks its device, connects, and is served, until it and its server have ended. What is in `plan` goes
    /// wrong; a moment that does not come is passed over.
    ///
    /// # Errors
    /// [`Violation`]: a rule of the world was broken, and never mind what came of the run.
    pub fn attempt(&mut self, plan: impl IntoIterator<Item = Injection>) -> Result<Attempt, Violation> {
        self.armed.clear();
        self.meet(plan)
    }

    /// The same, and what was to go wrong at the next occasion still does.
    pub(super) fn meet(&mut self, plan: impl IntoIterator<Item = Injection>) -> Result<Attempt, Violation> {
        let began = self.now;
        self.course = Course { plan: plan.into_iter().collect(), ..Course::default() };
        self.relay_starts();
        while self.violation.is_none() && (self.server.is_some() || self.relay.is_some()) {
            self.step();
        }
        self.forget_what_is_on_its_way();
        self.search_for_secrets();
        let Course { outcome, told, disturbed, seen, .. } = std::mem::take(&mut self.course);
        match self.violation.take() {
            Some(violation) => Err(violation),
            None => Ok(Attempt { outcome, told, began, ended: self.now, disturbed, seen }),
        }
    }

    /// A moment has come: it is noted, and what is planned for it happens.
    pub(super) fn moment(&mut self, moment: Moment, party: Party, what: String) {
        self.tell(party, || format!("{moment}: {what}"));
        self.course.seen.push(Seen { moment, what });
        for fault in self.course.due(moment) {
            self.inject(Some(moment), fault);
        }
    }
}
