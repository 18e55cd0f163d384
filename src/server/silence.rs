//! How long nobody has said anything on an open channel.

use amt_provision_fsm::deadline::SILENCE;
use amt_provision_fsm::time::{Instant, Millis};

/// A silence, and how long it may be. It ends with any word of either side; one that ended with nothing but our own
/// nudge is followed by one that may be half as long again, so that a device that makes a key for a minute is not asked
/// for more often than a relay can look: over LME rpc-go does so for 3.0 s each time (rpc-go.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    since: Option<Instant>,
    allowed: Millis,
}

/// A device is asked for at least this often.
const LONGEST: Millis = Millis::from_secs(10);

impl Silence {
    /// Before the first word.
    pub(super) const NOTHING_SAID: Self = Self { since: None, allowed: SILENCE };

    /// Somebody said something.
    pub(super) const fn broken(&mut self, now: Instant) {
        *self = Self { since: Some(now), allowed: SILENCE };
    }

    /// Nobody did but ourselves, for the sake of saying something.
    pub(super) fn broken_by_nudge(&mut self, now: Instant) {
        self.since = Some(now);
        self.allowed = Millis(self.allowed.0 * 3 / 2).min(LONGEST);
    }

    /// When it has lasted long enough.
    pub(super) fn ends(self) -> Option<Instant> {
        self.since.map(|since| since + self.allowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silences_grow_until_somebody_else_says_something() {
        let (mut silence, mut now, mut waits) = (Silence::NOTHING_SAID, Instant::from_millis(7), Vec::new());
        assert_eq!(silence.ends(), None);
        silence.broken(now);
        for _ in 0..6 {
            let end = silence.ends().unwrap();
            waits.push(end.since(now).0);
            now = end;
            silence.broken_by_nudge(now);
        }
        assert_eq!(waits, [2500, 3750, 5625, 8437, 10_000, 10_000]);
        silence.broken(now);
        assert_eq!(silence.ends(), Some(now + SILENCE));
    }
}
