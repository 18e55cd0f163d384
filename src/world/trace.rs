//! What happened, for people: one line an event, virtual time first, and a column for each party.

use std::fmt::Write;

use amt_provision_fsm::time::Instant;

/// Who something happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Server,
    Relay,
    Device,
    /// Whoever breaks things.
    Fault,
}

const WIDTH: usize = 58;
/// Characters of a line, indentation aside.
const LONGEST: usize = 160;

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Trace(String);

impl Trace {
    pub(super) fn tell(&mut self, now: Instant, party: Party, what: &str) {
        let indent = match party {
            Party::Server => 0,
            Party::Relay => WIDTH,
            Party::Device => 2 * WIDTH,
            Party::Fault => {
                // A line across all columns.
                let _ = writeln!(self.0, "{:>9} *** {what}", now.as_millis());
                return;
            }
        };
        let what = what.char_indices().nth(LONGEST).map_or(what, |(end, _)| what.get(..end).unwrap_or(what));
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{:>9} {:indent$}{what}", now.as_millis(), "");
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}
