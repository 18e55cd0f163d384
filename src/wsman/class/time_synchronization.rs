//! `AMT_TimeSynchronizationService` (wsman.md §2.5): the device's clock.

use crate::wsman::call::{Call, Parameter};
use crate::wsman::properties::Properties;
use crate::wsman::query::Query;
use crate::wsman::resource::ResourceUri;
use crate::wsman::status::PtStatus;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_TimeSynchronizationService");

/// Seconds since 1970-01-01 UTC, as the firmware counts them: up to the year 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub u32);

/// Reads the device's clock.
pub fn get_low_accuracy() -> Query<Result<UnixSeconds, PtStatus>> {
    Query::new(Call::invoke(RESOURCE, "GetLowAccuracyTimeSynch", []), |body| {
        let output = Properties::of_output(body.as_ref(), &RESOURCE, "GetLowAccuracyTimeSynch")?;
        match output.return_value(PtStatus::from_code)? {
            Ok(()) => Ok(Ok(UnixSeconds(output.number("Ta0")?))),
            Err(status) => Ok(Err(status)),
        }
    })
}

/// Sets the device's clock: `read` is what it answered, `received` our time when that came, `now` our time as this is
/// sent.
pub fn set_high_accuracy(read: UnixSeconds, received: UnixSeconds, now: UnixSeconds) -> Query<Result<(), PtStatus>> {
    let parameters =
        [("Ta0", Parameter::from(read.0)), ("Tm1", Parameter::from(received.0)), ("Tm2", Parameter::from(now.0))];
    Query::new(Call::invoke(RESOURCE, "SetHighAccuracyTimeSynch", parameters), |body| {
        let output = Properties::of_output(body.as_ref(), &RESOURCE, "SetHighAccuracyTimeSynch")?;
        output.return_value(PtStatus::from_code)
    })
}
