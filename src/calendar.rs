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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Seconds since 1970 of what [`rfc3339`] writes, by the rule of the Gregorian calendar.
    fn read(text: &str) -> Option<u64> {
        let numbers: Vec<u64> =
            text.split(['-', 'T', ':', 'Z']).take(6).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [year, month, day, hour, minute, second] = numbers[..] else { return None };
        let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days_of = |month: u64| match month {
            2 => 28 + u64::from(leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let years: u64 = (1970..year).map(|year| 365 + u64::from(leap(year))).sum();
        let days = years + (1..month).map(days_of).sum::<u64>() + day - 1;
        Some(((days * 24 + hour) * 60 + minute) * 60 + second)
    }

    proptest! {
        #[test]
        fn any_time_is_written_so_that_it_can_be_read(seconds in prop_oneof![0..253_402_300_800_u64, any::<u64>()]) {
            let text = rfc3339(seconds);
            if seconds < 253_402_300_800 {
                prop_assert_eq!(read(&text), Some(seconds), "{}", text);
                prop_assert!(text.ends_with('Z') && text.len() == 20);
                prop_assert_eq!(&text[..10], day(seconds));
            } else {
                // Behind the year 9999 there is no such text.
                prop_assert_eq!((text, day(seconds)), (format!("{seconds} s after 1970"), format!("{seconds} s after 1970")));
            }
        }
    }
}
