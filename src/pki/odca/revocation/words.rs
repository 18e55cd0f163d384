//! How serial numbers and days are written for people.

use std::fmt;

use rustls::pki_types::UnixTime;
use time::OffsetDateTime;

/// A day, such as `2020-07-01`.
pub(super) struct Day(pub(super) UnixTime);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.as_secs()).ok();
        match seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) {
            Some(moment) => write!(f, "{}", moment.date()),
            None => write!(f, "{} s after 1970", self.0.as_secs()),
        }
    }
}

/// A serial number, in hex as other tools show it.
pub(super) struct Serial<'a>(pub(super) &'a [u8]);

impl fmt::Display for Serial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
