//! The device's clock (wsman.md §2.5).

use amt_provision_fsm::time::Instant;

use super::instance::{Instance, output, value};
use super::refusal::Invoked;
use super::{Class, Firmware};
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;

/// Seconds since 1970 as the device counts them, wrong until somebody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceClock {
    /// What it showed at `since`.
    seconds: u64,
    since: Instant,
    pub(super) was_set: bool,
}

impl DeviceClock {
    pub(super) const fn showing(seconds: u64) -> Self {
        Self { seconds, since: Instant::ZERO, was_set: false }
    }

    pub(super) const fn at(&self, now: Instant) -> u64 {
        self.seconds.saturating_add(now.since(self.since).0 / 1000)
    }
}

impl Firmware {
    pub(super) fn time_synchronization_service(&self) -> Node {
        let name = "Intel(r) AMT Time Synchronization Service";
        Instance::service(Class::TimeSynchronizationService, name, name)
            .with("EnabledState", 5)
            .with("LocalTimeSyncEnabled", 0)
            .with("RequestedState", 12)
            .with("TimeSource", u8::from(self.clock.was_set))
            .finish()
    }

    pub(super) fn get_low_accuracy_time_synch(&self, now: Instant) -> Invoked {
        Ok(vec![output(Class::TimeSynchronizationService, "Ta0", &self.clock.at(now).to_string())])
    }

    /// The clock then shows Tm2. What the firmware makes of the other two is not documented.
    pub(super) fn set_high_accuracy_time_synch(&mut self, input: &Node, now: Instant) -> Invoked {
        let time = |name| value(input, name).and_then(|text| text.parse::<u64>().ok());
        match (time("Ta0"), time("Tm1"), time("Tm2")) {
            (Some(ta0), Some(tm1), Some(tm2)) if ta0 <= self.clock.at(now) && tm1 <= tm2 => {
                self.clock = DeviceClock { seconds: tm2, since: now, was_set: true };
                Ok(Vec::new())
            }
            _ => Err(PtStatus::InvalidParameter.into()),
        }
    }
}
