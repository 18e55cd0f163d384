//! Time as the core knows it: integers. There is no clock here, and no conversion from the
//! standard library's clocks, because such a conversion would have to read one (G12).

use core::fmt;
use core::ops::Add;

use serde::{Deserialize, Serialize};

/// A length of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Millis(pub u64);

impl Millis {
    /// A length of time in whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            whole if whole >= 1000 && whole.is_multiple_of(1000) => write!(f, "{} s", whole / 1000),
            ms => write!(f, "{ms} ms"),
        }
    }
}

/// A point in time: milliseconds since an epoch that the driver picks and keeps for the life of the
/// machine. It must be monotonic; a machine that is handed an earlier instant keeps the later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The instant `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it has not come yet.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Millis> for Instant {
    type Output = Self;

    /// Saturates at the end of time instead of wrapping round to the beginning.
    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A point in time of the calendar: seconds since 1970-01-01T00:00:00Z. The core compares what it is given
/// and knows no "now".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_saturate_instead_of_wrapping() {
        let end = Instant::from_millis(u64::MAX);
        assert_eq!(end + Millis(1), end);
        assert_eq!(Instant::ZERO.since(end), Millis(0));
        assert_eq!(Millis::from_secs(u64::MAX), Millis(u64::MAX));
    }
}
