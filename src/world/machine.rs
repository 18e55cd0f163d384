//! The world as a machine: one queue, one clock, and the rules that both must keep.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::{Instant, Millis};
use rustls::pki_types::UnixTime;

use super::attempt::Course;
use super::device_side::Tcp;
use super::disk::Disk;
use super::events::{Event, LineId, TcpId};
use super::relay_side::Relay;
use super::server_side::Server;
use super::site::{Site, SiteError};
use super::trace::{Party, Trace};
use crate::pki::authority::DeploymentAuthority;
use crate::pki::odca::OdcaTrust;
use crate::server::ServedProfile;
use crate::simulator::config::{DeviceConfig, SimulatorError};
use crate::simulator::device::Device;
use crate::simulator::firmware::{Counters, Truth};

/// A rule of the world that was broken: a mistake of ours, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, and {}", self.rule, self.seen)
    }
}

impl std::error::Error for Violation {}

/// How many events an attempt may take before it is said never to fall silent.
const STEPS: u32 = 400_000;
/// How many outputs one input may have.
pub(super) const DRAIN: u32 = 20_000;
/// The server's clock when the world begins: 2027-01-15.
const BEGINNING: u64 = 1_800_000_000;

/// A device, what is stored about it, and whoever talks with it.
pub struct World {
    pub(super) now: Instant,
    queue: BTreeMap<(Instant, u64), Event>,
    scheduled: u64,
    /// When the last event of each way arrives: ways are ordered.
    last: [Instant; 3],
    pub(super) chance: fastrand::Rng,
    pub(super) authority: Arc<DeploymentAuthority>,
    pub(super) trust: Arc<OdcaTrust>,
    pub(super) profile: ServedProfile,
    pub(super) disk: Disk,
    pub(super) server: Option<Server>,
    pub(super) relay: Option<Relay>,
    /// The line that holds; `None` between two attempts and when it is cut.
    pub(super) line: Option<LineId>,
    pub(super) lines: u32,
    pub(super) device: Device,
    pub(super) impostor: Device,
    pub(super) tcps: BTreeMap<TcpId, Tcp>,
    pub(super) dialled: u32,
    /// How often the device began at the factory's state.
    pub(super) lives: u32,
    /// The ports of the device at which somebody listens.
    pub(super) listening: Vec<Port>,
    /// What the device had counted when it was last looked at.
    pub(super) counters: Counters,
    pub(super) course: Course,
    steps: u32,
    trace: Trace,
    pub(super) violation: Option<Violation>,
}

/// Ways on which nothing overtakes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    ToServer,
    ToRelay,
    Store,
}

impl World {
    /// A world with a device fresh from the factory, and an empty store.
    ///
    /// # Errors
    /// [`SiteError`] and [`SimulatorError`]: this machine's cryptography is to blame.
    pub fn new(site: &Site, config: &DeviceConfig, profile: ServedProfile, seed: u64) -> Result<Self, WorldError> {
        let mut world = Self {
            now: Instant::ZERO,
            queue: BTreeMap::new(),
            scheduled: 0,
            last: [Instant::ZERO; 3],
            chance: fastrand::Rng::with_seed(seed),
            authority: Arc::clone(&site.authority),
            trust: Arc::clone(&site.trust),
            profile,
            disk: Disk::new(config.uuid),
            server: None,
            relay: None,
            line: None,
            lines: 0,
            device: Device::new(config)?,
            impostor: Device::new(&Site::impostor(config).map_err(SiteError::from)?)?,
            tcps: BTreeMap::new(),
            dialled: 0,
            lives: 1,
            listening: Vec::new(),
            counters: Counters::default(),
            course: Course::default(),
            steps: 0,
            trace: Trace::default(),
            violation: None,
        };
        world.device_went_on();
        Ok(world)
    }

    /// Virtual time since the world began.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What is stored.
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The device, to do something to it between two attempts. What takes it out of provisioning is
    /// [`unprovision_locally`](Self::unprovision_locally).
    pub const fn device(&mut self) -> &mut Device {
        &mut self.device
    }

    /// What the device really is.
    pub fn truth(&self) -> Truth {
        self.device.truth(self.now)
    }

    /// What the next attempt wants.
    pub fn serve(&mut self, profile: ServedProfile) {
        self.profile = profile;
    }

    /// Somebody at the machine takes the device out of provisioning.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn unprovision_locally(&mut self) -> Result<(), SimulatorError> {
        self.lives += 1;
        self.device.unprovision_locally(self.now)?;
        self.device_went_on();
        Ok(())
    }

    /// The store is lost, or the device is taken to another deployment: nothing is known of it.
    pub fn forget(&mut self) {
        self.disk = Disk::new(self.truth().uuid);
    }

    /// Everything that has happened: a line an event, in columns of server, relay and device.
    pub fn trace(&self) -> &str {
        self.trace.text()
    }

    /// The server's clock.
    pub(super) fn unix(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(BEGINNING) + Duration::from_millis(self.now.as_millis()))
    }

    pub(super) fn tell(&mut self, party: Party, what: impl FnOnce() -> String) {
        self.trace.tell(self.now, party, &what());
    }

    pub(super) fn violated(&mut self, rule: &'static str, seen: String) {
        self.tell(Party::Fault, || format!("violated: {rule}, and {seen}"));
        self.violation.get_or_insert(Violation { rule, seen });
    }

    pub(super) fn schedule_at(&mut self, at: Instant, event: Event) {
        self.scheduled += 1;
        self.queue.insert((at, self.scheduled), event);
    }

    /// After up to `most`, and after whatever is on the same way.
    pub(super) fn schedule(&mut self, way: Way, most: Millis, event: Event) {
        let at = self.now + Millis(1 + self.chance.u64(0..most.0.max(1)));
        if let Some(last) = self.last.get_mut(way as usize) {
            *last = at.max(*last);
            let at = *last;
            self.schedule_at(at, event);
        }
    }

    pub(super) fn forget_what_is_on_its_way(&mut self) {
        self.queue.clear();
        self.line = None;
        self.steps = 0;
        self.hang_up_all();
    }

    /// One thing happens: whatever comes first.
    pub(super) fn step(&mut self) {
        let event = self.queue.first_key_value().map(|((at, _), _)| *at);
        let timers = self.timers();
        let Some(next) = timers.into_iter().chain([event]).flatten().min() else {
            return self.violated("whoever has not ended waits for something", "nothing can happen any more".into());
        };
        self.now = self.now.max(next);
        self.steps += 1;
        if self.steps > STEPS {
            return self.violated("everything ends", format!("{STEPS} events were not enough"));
        }
        if event.is_some_and(|at| at <= self.now) {
            if let Some((_, event)) = self.queue.pop_first() {
                self.on(event);
            }
            return;
        }
        let [server, relay, device, impostor] = timers.map(|at| at.is_some_and(|at| at <= self.now));
        if server {
            self.server_is_due();
        } else if relay {
            self.relay_is_due();
        } else if device || impostor {
            self.devices_are_due();
        }
        let late = |at: &Option<Instant>| at.is_some_and(|at| at <= self.now);
        if self.queue.first_key_value().is_none_or(|((at, _), _)| *at > self.now) {
            let [again_server, again_relay, ..] = self.timers();
            if (server && late(&again_server)) || (relay && !server && late(&again_relay)) {
                self.violated(
                    "time goes on",
                    format!("a machine is due again at once, at {} ms", self.now.as_millis()),
                );
            }
        }
    }

    fn timers(&self) -> [Option<Instant>; 4] {
        [self.server_due(), self.relay_due(), self.device.poll_timeout(), self.impostor.poll_timeout()]
    }

    fn on(&mut self, event: Event) {
        match event {
            Event::ToServer(line, text) => self.server_reads(line, &text),
            Event::RelayClosed(line) => self.server_sees_the_end(line),
            Event::Stored(line) => self.on_stored(line),
            Event::ToRelay(line, text) => self.relay_reads(line, text),
            Event::ServerClosed(line) => self.relay_sees_the_end(line),
            Event::Delivered(line) => self.on_delivered(line),
            Event::Dialled(line, channel, port) => self.on_dialled(line, channel, port),
            Event::Written(tcp, count) => self.on_written(tcp, count),
            Event::ToDevice(tcp, bytes) => self.device_reads(tcp, &bytes),
            Event::HungUp(tcp) => self.device_is_hung_up_on(tcp),
            Event::FromDevice(tcp, bytes) => self.relay_reads_device(tcp, bytes),
            Event::DeviceClosed(tcp) => self.on_device_closed(tcp),
        }
    }
}

/// Why there is no world. This machine's cryptography is to blame.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Nothing for it could be made.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// No device could be made.
    #[error(transparent)]
    Device(#[from] SimulatorError),
}
