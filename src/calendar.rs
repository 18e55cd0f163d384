//! Points in time, for people.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// RFC 3339, in UTC, of so many seconds since 1970.
pub(crate) fn rfc3339(seconds: u64) -> String {
    moment(seconds).and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// The day, in UTC, of so many seconds since 1970.
pub(crate) fn day(seconds: u64) -> String {
    moment(seconds).map_or_else(|| format!("{seconds} s after 1970"), |moment| moment.date().to_string())
}

fn moment(seconds: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
}
