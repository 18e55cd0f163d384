//! The world as a machine: one queue, one clock, and the rules that both must keep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use amt_provision_fsm::edges::{Edge, Place};
use amt_provision_fsm::firmware::{ControlMode, Port};
use amt_provision_fsm::policy::Order;
use amt_provision_fsm::sim::{Fault, FaultPlan, When};
use amt_provision_fsm::time::{Instant, Millis};
use rustls::pki_types::UnixTime;

use super::course::Course;
use super::disk::Disk;
use super::events::{Event, LineId, TcpId};
use super::far::Strangers;
use super::parts::{Relay, Server, Tcp, Way};
use super::site::{Site, SiteError};
use super::tape::Tape;
use super::trace::{Party, Trace};
use crate::password::PasswordRule;
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

/// The server's clock when the world begins: 2027-01-15.
const BEGINNING: u64 = 1_800_000_000;

/// A device, what is stored about it, and whoever talks with it.
pub struct World {
    pub(super) now: Instant,
    pub(super) queue: BTreeMap<(Instant, u64), Event>,
    scheduled: u64,
    /// When the last event of each way arrives: ways are ordered.
    pub(super) last: [Instant; 3],
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
    pub(super) strangers: Strangers,
    pub(super) tcps: BTreeMap<TcpId, Tcp>,
    pub(super) dialled: u32,
    /// What the device had counted when it was last in the factory's state, or was found.
    pub(super) born: Counters,
    /// In which mode somebody else had left it, until it leaves provisioning.
    pub(super) found: Option<ControlMode>,
    /// The ports of the device at which somebody listens.
    pub(super) listening: Vec<Port>,
    /// What the device had counted when it was last looked at.
    pub(super) counters: Counters,
    pub(super) course: Course,
    /// What the operator orders.
    pub(super) order: Order,
    /// When the order is taken back, counted from the event of that number on.
    pub(super) patience: Option<(When, u32)>,
    pub(super) taken_back: bool,
    /// What goes wrong by script.
    pub(super) script: FaultPlan,
    /// Faults whose occasion is still to come.
    pub(super) armed: Vec<Fault>,
    /// How many there were.
    pub(super) injected: u32,
    /// Until when the device, and the line to the server, take no bytes.
    pub(super) deaf_until: Instant,
    pub(super) line_stalls_until: Instant,
    /// Somebody took the device out of provisioning, and no run has begun since: nobody can know it yet.
    pub(super) changed_unseen: bool,
    /// Another server has taken the device over since the run began.
    pub(super) lease_lost: bool,
    /// Where the run is, by its edges, and every edge that runs have taken.
    pub(super) place: Option<Place>,
    pub(super) edges: BTreeSet<Edge>,
    pub(super) tape: Tape,
    /// How many runs began.
    pub(super) runs: u32,
    /// Events since the world began, and in this attempt.
    pub(super) events: u32,
    pub(super) steps: u32,
    trace: Trace,
    pub(super) violation: Option<Violation>,
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
            strangers: Strangers::to(config).map_err(SiteError::from)?,
            tcps: BTreeMap::new(),
            dialled: 0,
            born: Counters::default(),
            found: None,
            listening: Vec::new(),
            counters: Counters::default(),
            course: Course::default(),
            order: Order::Provision,
            patience: None,
            taken_back: false,
            script: FaultPlan::NONE,
            armed: Vec::new(),
            injected: 0,
            deaf_until: Instant::ZERO,
            line_stalls_until: Instant::ZERO,
            changed_unseen: false,
            lease_lost: false,
            place: None,
            edges: BTreeSet::new(),
            tape: Tape::default(),
            runs: 0,
            events: 0,
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
        self.device.unprovision_locally(self.now)?;
        self.device_is_new();
        Ok(())
    }

    pub(super) fn unprovisioned(&mut self, by: impl FnOnce(&mut Device, Instant) -> Result<(), SimulatorError>) {
        if let Err(error) = by(&mut self.device, self.now) {
            return self.violated("a simulated device can be unprovisioned", error.to_string());
        }
        self.changed_unseen = true;
        self.device_is_new();
    }

    /// It is in the factory's state again.
    fn device_is_new(&mut self) {
        (self.born, self.found) = (self.device.counters(), None);
        self.device_went_on();
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
    /// A password of the world's is none that AMT takes.
    #[error(transparent)]
    Password(#[from] PasswordRule),
}
