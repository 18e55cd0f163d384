//! How long to wait before the next try at a server.

use amt_provision_fsm::time::Millis;

/// The shortest pause.
pub(super) const FIRST_PAUSE: Millis = Millis(200);

/// The longest pause.
pub(super) const LONGEST_PAUSE: Millis = Millis::from_secs(10);

/// Pauses with decorrelated jitter: each is drawn between the shortest and three times the one before. So the relays of
/// a fleet, which all lose a server in the same moment, do not come back in the same moment.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    /// The state of a generator that is good enough for dice, and for nothing secret (SplitMix64).
    dice: u64,
    last: Millis,
}

impl Backoff {
    pub(super) const fn new(seed: u64) -> Self {
        Self { dice: seed, last: FIRST_PAUSE }
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Millis {
        let width = (self.last.0 * 3).saturating_sub(FIRST_PAUSE.0).max(1);
        self.last = Millis(FIRST_PAUSE.0 + self.roll() % width).min(LONGEST_PAUSE);
        self.last
    }

    /// The server is there again.
    pub(super) const fn reset(&mut self) {
        self.last = FIRST_PAUSE;
    }

    const fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_between_the_first_and_the_longest_grow_and_differ_between_relays() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            std::iter::from_fn(move || Some(backoff.pause())).take(20).collect::<Vec<_>>()
        };
        let fleet: Vec<Vec<Millis>> = (0..50).map(pauses).collect();
        assert!(fleet.iter().flatten().all(|pause| (FIRST_PAUSE..=LONGEST_PAUSE).contains(pause)));
        let patient = fleet.iter().filter(|pauses| pauses.iter().any(|pause| pause.0 >= LONGEST_PAUSE.0 / 4));
        assert!(patient.count() > 40, "{fleet:?}");
        assert!(fleet.iter().all(|pauses| pauses[0].0 < 3 * FIRST_PAUSE.0));
        let firsts: std::collections::BTreeSet<_> = fleet.iter().map(|pauses| pauses[0]).collect();
        assert!(firsts.len() > 40, "{firsts:?}");
    }
}
