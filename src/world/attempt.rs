//! One session of a relay, from the question to the firmware to the end of both machines.

use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::time::{Instant, Millis};

use super::course::{Course, Seen};
use super::fault::{Injection, Moment};
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
        self.course = Course::planned(plan);
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
