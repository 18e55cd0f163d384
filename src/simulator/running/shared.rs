//! One device between its tasks: the machine, and the clock that it is driven by.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as WallInstant};

use amt_provision_fsm::time::Instant;

use crate::simulator::device::Device;

/// The machine of a running device.
pub(super) struct Shared {
    device: Mutex<Device>,
    started: WallInstant,
}

impl Shared {
    pub(super) fn new(device: Device) -> Self {
        Self { device: Mutex::new(device), started: WallInstant::now() }
    }

    /// Since the device started.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The machine at this moment. What the caller computes in it counts as the device's own time.
    pub(super) fn drive<T>(&self, drive: impl FnOnce(&mut Device, Instant) -> T) -> T {
        let mut device = self.lock();
        let before = self.elapsed();
        let result = drive(&mut device, at(before));
        device.worked(before, self.elapsed());
        result
    }

    /// Looks at the machine.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Device, Instant) -> T) -> T {
        look(&mut self.lock(), at(self.elapsed()))
    }

    /// The moment on this machine's clock at which that instant of the device comes.
    pub(super) fn wall(&self, at: Instant) -> WallInstant {
        self.started.checked_add(Duration::from_millis(at.as_millis())).unwrap_or(self.started)
    }

    /// A panic while the lock was held is our bug and has been reported; the device goes on as it is.
    fn lock(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn at(elapsed: Duration) -> Instant {
    Instant::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
