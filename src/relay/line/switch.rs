//! A port switch: when to try the new port next, and when to stop.

use amt_provision_fsm::deadline;
use amt_provision_fsm::time::{Instant, Millis};

/// The pause behind the first try that failed.
pub const FIRST_PAUSE: Millis = deadline::RETRY_FIRST;

/// The longest pause between two tries.
pub const LONGEST_PAUSE: Millis = deadline::RETRY_LONGEST;

/// How long the port may stay away, from the end of the delay that the server asked for. Firmware needs up to 60 s
/// and more (odca.md §2.4).
pub const PORT_DEADLINE: Millis = Millis::from_secs(120);

/// Switches that are acknowledged at once at most: a server that asks for more without waiting has lost count (G10).
const MAX_OWED: usize = 16;

/// A port switch that is not proven yet: no byte has come from the new port.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    /// How often the server is still to be told that the port is there: once for each switch that it has asked for
    /// since it heard that last, as it counts them.
    pub(super) owed: usize,
    /// When to dial next; `None` while a connection is made or there.
    next: Option<Instant>,
    pause: Millis,
    deadline: Instant,
}

impl Switch {
    /// A switch whose first try is at `first`, instead of the one before.
    pub(super) fn new(first: Instant, before: Option<&Self>) -> Self {
        let owed = before.map_or(0, |before| before.owed);
        Self { owed: (owed + 1).min(MAX_OWED), next: Some(first), pause: FIRST_PAUSE, deadline: first + PORT_DEADLINE }
    }

    /// When to dial.
    pub(super) const fn next_dial(&self) -> Option<Instant> {
        self.next
    }

    /// The try is being made.
    pub(super) fn dialled(&mut self) {
        self.next = None;
    }

    /// The try failed at `now`: sets the time of the next one; `false` when the deadline has passed.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        if now >= self.deadline {
            return false;
        }
        self.next = Some((now + self.pause).min(self.deadline));
        self.pause = deadline::longer(self.pause);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_the_last_try_is_at_the_deadline() {
        let (mut switch, mut now) = (Switch::new(Instant::ZERO, None), Instant::ZERO);
        let mut pauses = Vec::new();
        while switch.failed(now) {
            let next = switch.next_dial().unwrap();
            pauses.push(next.since(now));
            now = next;
        }
        assert_eq!(pauses[..4], [Millis(25), Millis(29), Millis(33), Millis(38)]);
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert_eq!(now, Instant::ZERO + PORT_DEADLINE);
    }
}
