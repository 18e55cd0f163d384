//! How long the device was busy or away, and what went over its ports: what the demo subtracts from its own time.

use std::time::Duration;

/// What went over the local ports since the device started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// TCP connections that were served.
    pub connections: u64,
    /// TCP connections that were closed at once, because the ports were away or all channels taken.
    pub turned_away: u64,
    /// TLS handshakes that were completed.
    pub handshakes: u64,
    /// TLS connections that failed, before or after their handshake.
    pub tls_failures: u64,
    /// Requests, authenticated or not.
    pub requests: u64,
    /// Those of them that came in plain text.
    pub plain_requests: u64,
    /// Those of them that were answered with 401.
    pub unauthorized: u64,
}

/// Time in which somebody could only wait for the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounting {
    occupied: Duration,
    until: Duration,
}

impl Accounting {
    /// The device is busy or away between two points in time, both counted from its start. Stretches that overlap
    /// count once, as long as they are told in the order in which they begin.
    pub fn occupy(&mut self, from: Duration, to: Duration) {
        self.occupied += to.saturating_sub(from.max(self.until));
        self.until = self.until.max(to);
    }

    /// Busy or away up to `now`, which must not be earlier than the start of the last stretch.
    pub fn until(&self, now: Duration) -> Duration {
        self.occupied.saturating_sub(self.until.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_stretches_count_once_and_the_future_does_not_count() {
        let ms = Duration::from_millis;
        let mut accounting = Accounting::default();
        accounting.occupy(ms(10), ms(20));
        accounting.occupy(ms(15), ms(30));
        accounting.occupy(ms(16), ms(18));
        assert_eq!(accounting.until(ms(40)), ms(20));
        accounting.occupy(ms(50), ms(150));
        assert_eq!(accounting.until(ms(50)), ms(20));
        assert_eq!(accounting.until(ms(60)), ms(30));
        assert_eq!(accounting.until(ms(1000)), ms(120));
    }
}
