//! The world as a machine: events in the order of their times, and every guarantee checked after each.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::case::Case;
use super::parts::{Event, Tcp, Wire};
use super::report::Report;
use super::trace::{Party, Trace};
use crate::edges::Place;
use crate::fault::{Fault, Operator};
use crate::firmware::ControlMode;
use crate::identity::{SpkiHash, Uuid};
use crate::policy::Order;
use crate::provisioner::{Input, Outcome};
use crate::relay::{Limits, Relay, RelayInput};
use crate::sim::device::Device;
use crate::sim::faults::{self, When};
use crate::sim::invariants::{self, Violation};
use crate::sim::persona::Persona;
use crate::sim::rng::Rng;
use crate::sim::server::Server;
use crate::sim::wire::Arena;
use crate::time::{Instant, Millis};

/// The world.
pub struct World {
    pub(super) now: Instant,
    pub(super) queue: BTreeMap<(Instant, u64), Event>,
    pub(super) events: u64,
    pub(super) rng: Rng,
    pub(super) server: Server,
    pub(super) server_epoch: u32,
    pub(super) wire: Wire,
    pub(super) relay: Option<Relay>,
    pub(super) line: u32,
    pub(super) device: Device,
    pub(super) tcp: Option<Tcp>,
    pub(super) tcps: u32,
    pub(super) ports_back: Instant,
    pub(super) arena: Arena,
    pub(super) last: [Instant; 4],
    pub(super) case: Case,
    pub(super) place: Option<Place>,
    pub(super) armed: Vec<faults::Fault>,
    pub(super) report: Report,
    pub(super) logged: bool,
    pub(super) outcome: Option<Outcome>,
    pub(super) rotated_from: Option<SpkiHash>,
    pub(super) strange_uuid: Uuid,
    /// Somebody has unprovisioned the device since it was last looked at: nobody can know it yet.
    pub(super) changed_unseen: bool,
    /// Another genuine device, in the factory's state, within the relay's reach.
    pub(super) other: Device,
    /// What the relay was handed and has not handed on: for the device, and for the server.
    pub(super) handed: (Vec<u8>, Vec<u8>),
}

pub(super) const LIMITS: Limits = Limits::DEFAULT;
const UUID: [u8; 16] = *b"amt-model-device";
/// How many events a case may take before it is said to go round in circles.
const STEPS: u32 = 60_000;

impl World {
    /// The world of `case`; `logged` keeps its trace.
    ///
    /// # Panics
    /// Never: the UUIDs are constants.
    pub fn new(case: Case, logged: bool) -> Self {
        let uuid = Uuid::from_bytes(UUID).expect("the model's UUID is no placeholder");
        let strange_uuid = Uuid::from_bytes([7; 16]).expect("the stranger's UUID is no placeholder");
        Self {
            now: Instant::ZERO,
            queue: BTreeMap::new(),
            events: 0,
            rng: Rng::new(case.seed),
            server: Server::new(uuid),
            server_epoch: 0,
            wire: Wire::default(),
            relay: None,
            line: 0,
            device: Device::new(case.persona, uuid),
            tcp: None,
            tcps: 0,
            ports_back: Instant::ZERO,
            arena: Arena::default(),
            last: [Instant::ZERO; 4],
            place: None,
            armed: Vec::new(),
            report: Report {
                violation: None,
                edges: BTreeSet::new(),
                steps: 0,
                faults: 0,
                runs: 0,
                took: Millis(0),
                trace: Trace { case: case.clone(), entries: Vec::new() },
            },
            logged,
            outcome: None,
            rotated_from: None,
            strange_uuid,
            changed_unseen: false,
            other: Device::new(Persona { found_in: None, ..case.persona }, strange_uuid),
            handed: Default::default(),
            case,
        }
    }

    /// Runs the case to its end: first with its faults, then healed until every order is carried out.
    pub fn run(mut self) -> Report {
        if let Err(violation) = self.live() {
            self.report.violation = Some(violation);
        }
        self.report.took = self.now.since(Instant::ZERO);
        self.report
    }

    fn live(&mut self) -> Result<(), Violation> {
        let orders = core::mem::take(&mut self.case.orders);
        for (order, patience) in orders {
            self.log(Party::Fate, || format!("order: {order:?}"));
            self.rotated_from = self.server.disk.record().and_then(|record| record.pins.confirmed).map(|pin| pin.spki);
            self.carry_out(order, patience)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, order: Order, patience: Option<When>) -> Result<(), Violation> {
        self.outcome = None;
        self.schedule(Millis(0), Event::RelayStarts);
        let begun = self.report.steps;
        while !self.is_done(order) {
            let place = self.server.run.as_ref().map(|run| run.place());
            if patience.is_some_and(|patience| patience.is_due(self.report.steps - begun, place)) {
                self.stop();
                return Ok(());
            }
            if self.report.steps - begun > STEPS / 2 {
                self.case.faults.heal();
                self.armed.clear();
            }
            if self.report.steps - begun > STEPS {
                return Err(Violation {
                    guarantee: "G7",
                    seen: format!(
                        "{order:?} was not carried out in {STEPS} events; the last outcome was {:?}",
                        self.outcome
                    ),
                });
            }
            self.step(order)?;
        }
        self.judge(order)
    }

    fn is_done(&self, order: Order) -> bool {
        let rotated = || {
            let pin = self.server.disk.record().and_then(|record| record.pins.confirmed).map(|pin| pin.spki);
            pin != self.rotated_from
        };
        match (&self.outcome, order) {
            (Some(Outcome::Configured { .. }), Order::Provision) => !self.changed_unseen,
            (Some(Outcome::Configured { .. }), Order::Rotate) => rotated() && !self.changed_unseen,
            (Some(Outcome::Unprovisioned), Order::Deactivate) => true,
            (Some(Outcome::Failed(Fault::Operator(Operator::NothingToDo))), Order::Deactivate) => {
                self.server.disk.record().is_none() || self.device.truth().foreign
            }
            _ => false,
        }
    }

    /// Everything stops but the device and the disk.
    pub(super) fn stop(&mut self) {
        self.relay = None;
        self.cut_tcp();
        self.queue.clear();
        self.server.run = None;
        self.server_epoch += 1;
    }

    fn judge(&mut self, order: Order) -> Result<(), Violation> {
        self.stop();
        let record = self.server.disk.record();
        let proven = record.and_then(|record| record.pins.confirmed).is_some_and(|pin| pin.provenance.is_proven());
        // Nobody takes a device down from the ACM that it was found in.
        let found = self.case.persona.found_in.filter(|_| self.device.counters().setup == 0);
        let goal = match (found, invariants::goal_of(&self.case.profile, proven)) {
            (Some(ControlMode::Admin), _) => ControlMode::Admin,
            (_, goal) => goal,
        };
        match order {
            Order::Provision | Order::Rotate => {
                invariants::store_and_device_agree(&self.device, &self.server.disk, goal)
            }
            Order::Deactivate => Ok(()),
        }
    }

    fn step(&mut self, order: Order) -> Result<(), Violation> {
        self.report.steps += 1;
        let place = self.server.run.as_ref().map(|run| run.place());
        if let Some(fault) = self.case.faults.take(self.report.steps, place) {
            self.report.faults += 1;
            self.inject(fault);
        }
        let server_due = self.server.run.as_ref().and_then(|run| run.poll_timeout()).map(|(at, _)| at);
        let relay_due = self.relay.as_ref().and_then(|relay| relay.poll_timeout()).map(|(at, _)| at);
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = [server_due, relay_due, queued].into_iter().flatten().min() else {
            return Err(Violation {
                guarantee: "G8",
                seen: String::from("a deadlock: nothing will ever happen again"),
            });
        };
        self.now = self.now.max(next);
        if queued == Some(next) {
            if let Some((_, event)) = self.queue.pop_first() {
                self.happen(event, order)?;
            }
        } else if server_due == Some(next) {
            if let Some(run) = &mut self.server.run {
                run.handle_timeout(self.now);
            }
            self.drain_server()?;
            let due = self.server.run.as_ref().and_then(|run| run.poll_timeout()).map(|(at, _)| at);
            invariants::time_advances(self.now, due)?;
        } else {
            if let Some(relay) = &mut self.relay {
                relay.handle_timeout(self.now);
            }
            self.drain_relay()?;
            let due = self.relay.as_ref().and_then(|relay| relay.poll_timeout()).map(|(at, _)| at);
            invariants::time_advances(self.now, due)?;
        }
        self.drain_server()?;
        self.drain_relay()?;
        self.check()
    }

    fn check(&self) -> Result<(), Violation> {
        invariants::nothing_is_applied_twice(&self.device)?;
        invariants::another_device_is_left_alone(&self.other)?;
        invariants::a_shown_key_is_stored(&self.device, &self.server.disk)?;
        if let Some(run) = &self.server.run {
            invariants::everything_has_a_deadline(run)?;
        }
        if let Some(relay) = &self.relay {
            invariants::the_relay_is_bounded(relay, LIMITS)?;
        }
        Ok(())
    }

    fn happen(&mut self, event: Event, order: Order) -> Result<(), Violation> {
        match event {
            Event::RelayStarts => {
                self.line += 1;
                self.relay = Some(Relay::new(self.now, LIMITS));
                self.log(Party::Relay, || String::from("starts"));
            }
            Event::Surveyed(line) if line == self.line => self.relay_input(RelayInput::Surveyed),
            Event::Up(line, up) if line == self.line => self.on_up(up, order)?,
            Event::Down(line, down) if line == self.line => self.on_down(down),
            Event::Sent(line, count) if line == self.line => self.relay_input(RelayInput::SentToServer(count)),
            Event::Wrote(line, channel, count) if line == self.line => {
                self.relay_input(RelayInput::SentToDevice(channel, count));
            }
            Event::TcpOpened(id) => {
                if let Some(channel) = self.tcp.as_ref().filter(|tcp| tcp.id == id).map(|tcp| tcp.channel) {
                    self.relay_input(RelayInput::Connected(channel));
                }
            }
            Event::TcpFailed(line, channel, fault) if line == self.line => {
                self.relay_input(RelayInput::NotConnected(channel, fault));
            }
            Event::ToDevice(id, bytes) => self.on_device_bytes(id, &bytes),
            Event::DeviceDone(id, message) => self.device_says(id, message),
            Event::ToRelay(id, bytes) => {
                if let Some(channel) = self.tcp.as_ref().filter(|tcp| tcp.id == id).map(|tcp| tcp.channel) {
                    self.relay_input(RelayInput::FromDevice(channel, bytes));
                }
            }
            Event::DeviceGone(id) => {
                if let Some(tcp) = self.tcp.take_if(|tcp| tcp.id == id) {
                    self.relay_input(RelayInput::DeviceClosed(tcp.channel));
                }
            }
            Event::Durable(epoch, generation, record) if epoch == self.server_epoch => {
                self.on_durable(generation, &record);
            }
            Event::Issued(epoch, certificate) if epoch == self.server_epoch => {
                self.server_input(Input::Issued(certificate));
            }
            // Whatever bears an older number belongs to something that is gone.
            Event::Up(..)
            | Event::Down(..)
            | Event::Sent(..)
            | Event::Wrote(..)
            | Event::Surveyed(_)
            | Event::TcpFailed(..)
            | Event::Durable(..)
            | Event::Issued(..) => {}
        }
        Ok(())
    }
}
