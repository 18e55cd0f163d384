//! Server, relay and device on one clock, with ordered pipes between them that may be cut at any byte.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::device::{Answer, Connection, Device};
use super::faults::{Fault, FaultPlan};
use super::invariants::{self, Violation};
use super::persona::Persona;
use super::rng::Rng;
use super::server::{Server, handshake};
use super::wire::{Arena, Down, Message, Up};
use crate::edges::{Edge, Place};
use crate::firmware::{ControlMode, Port};
use crate::identity::{SpkiHash, Uuid};
use crate::peer::{Expectation, Peer, Voucher};
use crate::policy::{FlowB, Order, Permit, Profile};
use crate::provisioner::{ChannelId, Input, Outcome, Output, StoreFault};
use crate::record::{Generation, Record};
use crate::relay::{Limits, Relay, RelayInput, RelayOutput};
use crate::request::{Certificate, Class, Login, Refusal, Reply, Request};
use crate::stage::{OpenFault, StageName};
use crate::time::{Instant, Millis};

/// One case: what the device is, what is wanted of it, and what goes wrong.
#[derive(Clone, Debug)]
pub struct Case {
    /// Chooses latencies and where bytes are cut.
    pub seed: u64,
    /// The device.
    pub persona: Persona,
    /// The profile.
    pub profile: Profile,
    /// What the operator orders, one after the other, and after how many events an order is taken back
    /// before it is carried out.
    pub orders: Vec<(Order, Option<u32>)>,
    /// What goes wrong.
    pub faults: FaultPlan,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The first guarantee that did not hold.
    pub violation: Option<Violation>,
    /// Every edge that was taken.
    pub edges: BTreeSet<Edge>,
    /// How many events there were.
    pub steps: u32,
    /// How many faults were injected.
    pub faults: u32,
    /// How many runs began.
    pub runs: u32,
    /// The virtual time that it took.
    pub took: Millis,
    /// One line an event, where a log was asked for.
    pub log: Vec<String>,
}

enum Event {
    Up(u32, Up),
    Down(u32, Down),
    TcpOpened(u32),
    TcpFailed(u32, ChannelId, OpenFault),
    ToDevice(u32, Vec<u8>),
    ToRelay(u32, Vec<u8>),
    DeviceDone(u32, Message),
    DeviceGone(u32),
    Durable(u32, Generation, Record),
    Issued(u32, Certificate),
    Sent(u32, usize),
    Wrote(u32, ChannelId, usize),
    Surveyed(u32),
    RelayStarts,
}

/// A TCP connection between relay and device.
struct Tcp {
    id: u32,
    channel: ChannelId,
    connection: Connection,
    inbox: Vec<u8>,
    /// What the relay itself shows instead of the device.
    impostor: bool,
}

/// The channel layer's part of a run.
#[derive(Default)]
struct Wire {
    inbox: Vec<u8>,
    expecting: Option<(ChannelId, Expectation)>,
}

/// The world.
pub struct World {
    now: Instant,
    queue: BTreeMap<(Instant, u64), Event>,
    events: u64,
    rng: Rng,
    server: Server,
    server_epoch: u32,
    wire: Wire,
    relay: Option<Relay>,
    line: u32,
    device: Device,
    tcp: Option<Tcp>,
    tcps: u32,
    ports_back: Instant,
    arena: Arena,
    last: [Instant; 4],
    case: Case,
    place: Option<Place>,
    armed: Vec<Fault>,
    report: Report,
    logged: bool,
    outcome: Option<Outcome>,
    rotated_from: Option<SpkiHash>,
    strange_uuid: Uuid,
    /// Somebody has unprovisioned the device since it was last looked at: nobody can know it yet.
    changed_unseen: bool,
}

const LIMITS: Limits = Limits::DEFAULT;
const UUID: [u8; 16] = *b"amt-model-device";
/// How many events a case may take before it is said to go round in circles.
const STEPS: u32 = 60_000;

impl World {
    /// The world of `case`; `logged` keeps one line an event.
    ///
    /// # Panics
    /// Never: the UUID is a constant.
    pub fn new(case: Case, logged: bool) -> Self {
        let uuid = Uuid::from_bytes(UUID).expect("the model's UUID is no placeholder");
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
                log: Vec::new(),
            },
            logged,
            outcome: None,
            rotated_from: None,
            strange_uuid: Uuid::from_bytes([7; 16]).expect("the stranger's UUID is no placeholder"),
            changed_unseen: false,
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
            self.log(|| format!("order: {order:?}"));
            self.rotated_from = self.server.disk.record().and_then(|record| record.pins.confirmed).map(|pin| pin.spki);
            self.carry_out(order, patience)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, order: Order, patience: Option<u32>) -> Result<(), Violation> {
        self.outcome = None;
        self.schedule(Millis(0), Event::RelayStarts);
        let begun = self.report.steps;
        while !self.is_done(order) {
            if patience.is_some_and(|patience| self.report.steps - begun > patience) {
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
            _ => false,
        }
    }

    /// Everything stops but the device and the disk.
    fn stop(&mut self) {
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
        if let Some(fault) = self.case.faults.take(self.report.steps) {
            self.report.faults += 1;
            self.inject(fault);
        }
        let server_due = self.server.run.as_ref().and_then(|run| run.poll_timeout()).map(|(at, _)| at);
        let relay_due = self.relay.as_ref().and_then(|relay| relay.poll_timeout()).map(|(at, _)| at);
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = [server_due, relay_due, queued].into_iter().flatten().min() else {
            self.begin_again(Millis(500));
            return Ok(());
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
            self.drain_relay();
            let due = self.relay.as_ref().and_then(|relay| relay.poll_timeout()).map(|(at, _)| at);
            invariants::time_advances(self.now, due)?;
        }
        self.drain_server()?;
        self.drain_relay();
        self.check()
    }

    fn check(&self) -> Result<(), Violation> {
        invariants::nothing_is_applied_twice(&self.device)?;
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
                self.log(|| String::from("           | starts"));
            }
            Event::Surveyed(line) if line == self.line => self.relay_input(RelayInput::Surveyed),
            Event::Up(line, up) if line == self.line => self.on_up(up, order),
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

    fn inject(&mut self, fault: Fault) {
        self.log(|| format!("*** {fault:?}"));
        match fault {
            Fault::CutTcp => self.break_tcp(),
            Fault::CutLine => self.cut_line(),
            Fault::CrashServer => {
                self.server.run = None;
                self.server_epoch += 1;
                self.cut_line();
            }
            Fault::CrashRelay => {
                self.relay = None;
                self.cut_tcp();
                self.line += 1;
                self.server_input(Input::LineLost);
                self.begin_again(Millis(3000));
            }
            Fault::RebootDevice(away) => {
                self.ports_back = self.now + away;
                self.break_tcp();
            }
            Fault::Unprovision => {
                self.device.unprovision();
                self.changed_unseen = true;
                self.break_tcp();
            }
            Fault::UnprovisionQuietly => {
                self.device.unprovision();
                self.changed_unseen = true;
            }
            Fault::Sleep(length) => self.now = self.now + length,
            armed => self.armed.push(armed),
        }
    }

    fn disarm(&mut self, fault: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.armed.iter().position(fault)?;
        Some(self.armed.remove(at))
    }

    // ---- the server's side -------------------------------------------------------------------------

    fn on_up(&mut self, up: Up, order: Order) {
        self.log(|| format!("server     <  {}", shorten(&up)));
        match up {
            Up::Report => {
                self.wire = Wire::default();
                if self.server.run.as_ref().is_some_and(|run| run.outcome().is_none()) {
                    self.server_input(Input::LineLost);
                    self.server_input(Input::Report(self.device.report()));
                } else {
                    self.report.runs += 1;
                    self.outcome = None;
                    self.place = None;
                    self.server_epoch += 1;
                    self.server.begin(self.now, self.case.profile.clone(), order, self.device.report());
                }
            }
            Up::Opened(channel) => {
                self.wire = Wire::default();
                self.server_input(Input::Opened(channel));
            }
            Up::OpenFailed(channel, fault) => self.server_input(Input::OpenFailed(channel, fault)),
            Up::Lost(channel) => {
                self.wire = Wire::default();
                self.server_input(Input::ChannelLost(channel));
            }
            Up::Data(channel, bytes) => {
                self.wire.inbox.extend(bytes);
                while let Some(message) = self.arena.decode(&mut self.wire.inbox) {
                    self.on_message(channel, message);
                }
            }
        }
    }

    fn on_message(&mut self, channel: ChannelId, message: Message) {
        match message {
            Message::Shown(peer) => {
                if let Some((_, expected)) = self.wire.expecting.take_if(|(id, _)| *id == channel) {
                    self.server_input(match handshake(peer, &expected) {
                        Ok(peer) => Input::TlsUp(channel, peer),
                        Err(fault) => Input::TlsFailed(channel, fault),
                    });
                }
            }
            Message::Reply(id, reply) => self.server_input(Input::Reply(id, reply)),
            Message::Hello | Message::Request(..) => {}
        }
    }

    fn server_input(&mut self, input: Input) {
        if let Some(run) = &mut self.server.run {
            run.handle(self.now, input);
        }
    }

    fn drain_server(&mut self) -> Result<(), Violation> {
        while let Some(output) = self.server.run.as_mut().and_then(|run| run.poll_output()) {
            self.log(|| format!("server     :  {}", shorten(&output)));
            match output {
                Output::Open(channel, port) => self.send_down(Down::Open(channel, port)),
                Output::Close(channel) => self.send_down(Down::Close(channel)),
                Output::StartTls(channel, expected) => {
                    self.wire.expecting = Some((channel, expected));
                    let bytes = self.encode(Message::Hello);
                    self.send_down_bytes(channel, &bytes);
                }
                Output::Request { channel, id, login, request } => {
                    self.check_request(login, &request)?;
                    let bytes = self.encode(Message::Request(id, login, request));
                    self.send_down_bytes(channel, &bytes);
                }
                Output::Persist(generation, record) => {
                    let latency = Millis(1 + self.rng.below(5));
                    self.schedule(latency, Event::Durable(self.server_epoch, generation, record));
                }
                Output::Issue(key) => {
                    let certificate = super::device::issue(&key);
                    self.schedule(Millis(1), Event::Issued(self.server_epoch, certificate));
                }
                Output::Moved(edge) => {
                    let start = Place { stage: StageName::Probe, channel: edge.from.channel };
                    invariants::edges_are_contiguous(self.place.unwrap_or(start), edge)?;
                    self.place = Some(edge.to);
                    self.report.edges.insert(edge);
                }
                Output::Done(outcome) => {
                    self.log(|| format!("server     =  {outcome}"));
                    self.outcome = Some(outcome);
                    self.send_down(Down::Finished);
                }
            }
        }
        Ok(())
    }

    fn check_request(&self, login: Login, request: &Request) -> Result<(), Violation> {
        let Some(run) = &self.server.run else { return Ok(()) };
        let (place, disk) = (run.place(), &self.server.disk);
        invariants::no_secret_on_an_unproven_channel(place, login, request, disk, &self.case.profile)?;
        invariants::credentials_and_doubt_are_durable_first(request, disk)?;
        invariants::no_downgrade(place, disk)
    }

    fn on_durable(&mut self, generation: Generation, record: &Record) {
        let fault = self.disarm(|fault| matches!(fault, Fault::FailStore | Fault::LoseLease));
        let input = match fault {
            Some(Fault::LoseLease) => Input::PersistFailed(generation, StoreFault::LeaseLost),
            Some(_) => Input::PersistFailed(generation, StoreFault::Failed),
            None if self.server.disk.store(generation, record) => Input::Persisted(generation),
            None => Input::PersistFailed(generation, StoreFault::LeaseLost),
        };
        self.server_input(input);
    }

    // ---- the line ----------------------------------------------------------------------------------

    fn send_down_bytes(&mut self, channel: ChannelId, bytes: &[u8]) {
        for chunk in self.cut_up(bytes) {
            self.send_down(Down::Data(channel, chunk));
        }
    }

    fn send_down(&mut self, down: Down) {
        let latency = Millis(1 + self.rng.below(20));
        self.schedule_in_order(0, latency, Event::Down(self.line, down));
    }

    fn send_up(&mut self, up: Up) {
        let latency = Millis(1 + self.rng.below(20));
        self.schedule_in_order(1, latency, Event::Up(self.line, up));
    }

    fn cut_line(&mut self) {
        self.line += 1;
        self.server_input(Input::LineLost);
        if self.relay.is_some() {
            self.relay_input(RelayInput::LineLost);
            self.drain_relay();
        }
        self.begin_again(Millis(1000));
    }

    /// The relay is started again, as a person or a service manager would.
    fn begin_again(&mut self, pause: Millis) {
        self.relay = None;
        self.cut_tcp();
        self.schedule(pause, Event::RelayStarts);
    }

    // ---- the relay's side --------------------------------------------------------------------------

    fn relay_input(&mut self, input: RelayInput) {
        if let Some(relay) = &mut self.relay {
            relay.handle(self.now, input);
        }
    }

    fn on_down(&mut self, down: Down) {
        self.relay_input(match down {
            Down::Open(channel, port) => RelayInput::Dial(channel, port),
            Down::Data(channel, bytes) => RelayInput::FromServer(channel, bytes),
            Down::Close(channel) => RelayInput::HangUp(channel),
            Down::Finished => RelayInput::Finished,
        });
    }

    fn drain_relay(&mut self) {
        while let Some(output) = self.relay.as_mut().and_then(|relay| relay.poll_output()) {
            self.log(|| format!("           | {}", shorten(&output)));
            match output {
                RelayOutput::Survey => self.schedule(Millis(5), Event::Surveyed(self.line)),
                RelayOutput::Report => self.send_up(Up::Report),
                RelayOutput::Connect(channel, port) => self.connect(channel, port),
                RelayOutput::Disconnect(channel) => {
                    self.tcp.take_if(|tcp| tcp.channel == channel);
                }
                RelayOutput::Opened(channel) => self.send_up(Up::Opened(channel)),
                RelayOutput::OpenFailed(channel, fault) => self.send_up(Up::OpenFailed(channel, fault)),
                RelayOutput::ToServer(channel, bytes) => {
                    self.schedule(Millis(1), Event::Sent(self.line, bytes.len()));
                    self.send_up(Up::Data(channel, bytes));
                }
                RelayOutput::Lost(channel) => self.send_up(Up::Lost(channel)),
                RelayOutput::ToDevice(channel, bytes) => {
                    self.schedule(Millis(1), Event::Wrote(self.line, channel, bytes.len()));
                    if let Some(id) = self.tcp.as_ref().filter(|tcp| tcp.channel == channel).map(|tcp| tcp.id) {
                        for chunk in self.cut_up(&bytes) {
                            self.schedule_in_order(2, Millis(0), Event::ToDevice(id, chunk));
                        }
                    }
                }
                RelayOutput::Close(_) => {
                    self.server_input(Input::LineLost);
                    self.begin_again(Millis(5000));
                    self.permit_what_is_quarantined();
                    return;
                }
            }
        }
    }

    /// The operator looks after what was quarantined: somebody did reset that device.
    fn permit_what_is_quarantined(&mut self) {
        if let Some(Outcome::Quarantined(_)) = &self.outcome {
            let permit = Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None };
            self.server.disk.permit(permit);
            self.outcome = None;
        }
    }

    fn connect(&mut self, channel: ChannelId, port: Port) {
        self.cut_tcp();
        match self.device.connect(port).filter(|_| self.now >= self.ports_back) {
            Some(connection) => {
                self.tcps += 1;
                let impostor = self.disarm(|fault| *fault == Fault::Impostor).is_some();
                self.tcp = Some(Tcp { id: self.tcps, channel, connection, inbox: Vec::new(), impostor });
                self.schedule(Millis(1), Event::TcpOpened(self.tcps));
            }
            None => {
                let fault = if self.rng.one_in(2) { OpenFault::Refused } else { OpenFault::ClosedAtOnce };
                self.schedule(Millis(1), Event::TcpFailed(self.line, channel, fault));
            }
        }
    }

    fn cut_tcp(&mut self) {
        self.tcp = None;
    }

    /// The connection breaks, and the relay notices.
    fn break_tcp(&mut self) {
        if let Some(tcp) = &self.tcp {
            self.schedule(Millis(1), Event::DeviceGone(tcp.id));
        }
    }

    // ---- the device's side -------------------------------------------------------------------------

    fn on_device_bytes(&mut self, id: u32, bytes: &[u8]) {
        let Some(tcp) = self.tcp.as_mut().filter(|tcp| tcp.id == id) else { return };
        tcp.inbox.extend(bytes);
        while let Some(message) = self.tcp.as_mut().and_then(|tcp| self.arena.decode(&mut tcp.inbox)) {
            self.on_device_message(id, message);
        }
    }

    fn on_device_message(&mut self, id: u32, message: Message) {
        match message {
            Message::Hello => {
                let impostor = self.tcp.as_ref().is_some_and(|tcp| tcp.impostor);
                let peer = if impostor {
                    Peer { spki: SpkiHash::from_bytes([0xee; 32]), voucher: Voucher::Nobody }
                } else {
                    self.device.shows()
                };
                self.schedule(Millis(10), Event::DeviceDone(id, Message::Shown(peer)));
            }
            Message::Request(request_id, login, request) => {
                let Some(tcp) = &mut self.tcp else { return };
                let changes = request.class() != Class::Read;
                self.changed_unseen &= request != Request::ReadControlMode;
                let refusing = |fault: &Fault| matches!(fault, Fault::Refuse(_)) && changes;
                let at = self.armed.iter().position(refusing);
                let answer = match at.map(|at| self.armed.remove(at)) {
                    Some(Fault::Refuse(code)) => Answer::Reply(Reply::Refused(Refusal::ReturnValue(code))),
                    _ => self.device.answer(&mut tcp.connection, login, &request),
                };
                let answer = match answer {
                    Answer::Reply(Reply::Uuid(_)) if self.armed.contains(&Fault::StrangeUuid) => {
                        self.armed.retain(|fault| *fault != Fault::StrangeUuid);
                        Answer::Reply(Reply::Uuid(self.strange_uuid))
                    }
                    answer => answer,
                };
                self.log(|| format!("           |            | {request} as {login:?}: {answer:?}"));
                let slow = self.disarm(|fault| matches!(fault, Fault::SlowReply(_)));
                let busy = match (slow, &request) {
                    (Some(Fault::SlowReply(length)), _) => length,
                    (_, Request::GenerateKeyPair(_)) => Millis(500 + self.rng.below(8000)),
                    _ => Millis(1 + self.rng.below(50)),
                };
                let lost = changes && self.disarm(|fault| *fault == Fault::LoseReply).is_some();
                match answer {
                    Answer::Reply(_) if lost => self.schedule(busy, Event::DeviceGone(id)),
                    Answer::Reply(reply) => {
                        self.schedule(busy, Event::DeviceDone(id, Message::Reply(request_id, reply)))
                    }
                    Answer::Restart(reply) => {
                        if !lost && self.rng.one_in(2) {
                            self.schedule(busy, Event::DeviceDone(id, Message::Reply(request_id, reply)));
                        }
                        self.ports_back = self.now + Millis(busy.0 + self.rng.below(5000));
                        self.schedule(Millis(busy.0 + 20), Event::DeviceGone(id));
                    }
                }
            }
            Message::Shown(_) | Message::Reply(..) => {}
        }
    }

    fn device_says(&mut self, id: u32, message: Message) {
        if self.tcp.as_ref().is_some_and(|tcp| tcp.id == id) {
            let bytes = self.encode(message);
            for chunk in self.cut_up(&bytes) {
                self.schedule_in_order(3, Millis(0), Event::ToRelay(id, chunk));
            }
        }
    }

    // ---- pipes and time ----------------------------------------------------------------------------

    fn encode(&mut self, message: Message) -> Vec<u8> {
        let padding = u16::try_from(self.rng.below(40)).unwrap_or(0);
        self.arena.encode(message, padding)
    }

    /// Mostly whole, else in two or three pieces that may be a single byte.
    fn cut_up(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        for _ in 0..self.rng.below(4).saturating_sub(1) {
            let at = usize::try_from(self.rng.below(rest.len() as u64)).unwrap_or(0);
            let (piece, left) = rest.split_at(at);
            pieces.push(Vec::from(piece));
            rest = left;
        }
        pieces.push(Vec::from(rest));
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    fn schedule(&mut self, after: Millis, event: Event) {
        self.events += 1;
        self.queue.insert((self.now + after, self.events), event);
    }

    /// A pipe keeps the order of what is put into it.
    fn schedule_in_order(&mut self, pipe: usize, after: Millis, event: Event) {
        let at = self.last[pipe].max(self.now + after);
        self.last[pipe] = at;
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    fn log(&mut self, line: impl FnOnce() -> String) {
        if self.logged {
            let line = format!("{:>12} {}", self.now, line());
            self.report.log.push(line);
        }
    }
}

/// The Debug form of a value, cut at a length that a terminal shows on one line.
fn shorten(value: &impl core::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    if let Some((at, _)) = text.char_indices().nth(200) {
        text.truncate(at);
        text.push('…');
    }
    text
}
