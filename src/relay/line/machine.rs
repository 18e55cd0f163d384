//! The machine itself: what the server says, and when something is due.

mod from_relay;

use std::collections::VecDeque;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Close, Limits, Relay, RelayInput};
use amt_provision_fsm::time::{Instant, Millis};

use super::flight::{BRISK, Due, PATIENT};
use super::hello::starts_client_hello;
use super::io::{End, LineInput, LineOutput, LineWake, Notice};
use super::session::Session;
use super::switch::Switch;
use crate::protocol::{Data, Hello, MAX_DATA, PortSwitch, Remark, ResetReason, ToRelay, ToServer};

/// The most messages that may be on their way to the server before no more are read from it: a server that asks
/// without listening gets no queue of answers (G10).
pub const MAX_QUEUED: usize = 64;

/// A line to a server. See the [module](super) for what it does and its contract.
#[derive(Debug)]
pub struct Line {
    relay: Relay,
    limits: Limits,
    outputs: VecDeque<LineOutput>,
    now: Instant,
    port: Port,
    channel: Channel,
    last_id: u32,
    /// What the server said to a connection that is not there yet. During a port switch also the ClientHello that
    /// the new connection has been given, until a byte comes back: it may have to be said again.
    waiting: Vec<u8>,
    switch: Option<Switch>,
    /// The lengths of the messages on their way to the server, in device bytes.
    on_the_way: VecDeque<usize>,
    /// The gap for the next session's guesses.
    gap: Millis,
    end: Option<End>,
}

/// The connection to the device.
#[derive(Debug)]
enum Channel {
    None,
    Dialling(ChannelId),
    Open(ChannelId, Box<Session>),
}

/// What a message wants of the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// A new one.
    New,
    /// One.
    Any,
    /// The one that is there.
    Present,
}

impl Line {
    /// A line that begins at `now` with the first message. `port` is the one that the firmware says it speaks.
    pub fn new(now: Instant, limits: Limits, port: Port, hello: Hello) -> Self {
        let mut line = Self {
            relay: Relay::new(now, limits),
            limits,
            outputs: VecDeque::from([LineOutput::Send(ToServer::Hello(Box::new(hello)))]),
            now,
            port,
            channel: Channel::None,
            last_id: 0,
            waiting: Vec::new(),
            switch: None,
            on_the_way: VecDeque::from([0]),
            gap: BRISK,
            end: None,
        };
        line.tell_relay(RelayInput::Surveyed);
        line
    }

    /// Whether the next message may be read from the server now, however long it is.
    pub fn wants_message(&self) -> bool {
        let credit = self.relay.line_credit().map(|credit| credit.saturating_sub(self.waiting.len()));
        credit.is_some_and(|credit| credit >= MAX_DATA) && self.on_the_way.len() < MAX_QUEUED
    }

    /// Takes one input in. One that does not fit (a stale channel) changes nothing.
    pub fn handle(&mut self, now: Instant, input: LineInput) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        match input {
            LineInput::Text(text) => self.on_text(&text),
            LineInput::Binary(_) => self.finish(End::Binary),
            LineInput::Delivered => {
                if let Some(count) = self.on_the_way.pop_front() {
                    self.tell_relay(RelayInput::SentToServer(count));
                }
            }
            LineInput::LineLost(_) => self.tell_relay(RelayInput::LineLost),
            LineInput::LineUp => {}
            LineInput::Connected(id) => self.tell_relay(RelayInput::Connected(id)),
            LineInput::NotConnected(id, fault) => self.tell_relay(RelayInput::NotConnected(id, fault)),
            LineInput::FromDevice(id, bytes) => self.tell_relay(RelayInput::FromDevice(id, bytes)),
            LineInput::DeviceClosed(id) => self.on_device_closed(id),
            LineInput::SentToDevice(id, count) => self.tell_relay(RelayInput::SentToDevice(id, count)),
        }
    }

    /// Does what is due at `now`; early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        if self.on_the_way.iter().all(|count| *count == 0) {
            // Bytes that are held here are not stuck in the line.
            self.tell_relay(RelayInput::SentToServer(0));
        }
        self.relay.handle_timeout(self.now);
        self.pump();
        let dial_is_due = self.switch.as_ref().and_then(Switch::next_dial).is_some_and(|at| at <= self.now);
        if dial_is_due && matches!(self.channel, Channel::None) {
            self.dial();
        }
        let due = match &mut self.channel {
            Channel::Open(_, session) => session.expire(self.now),
            Channel::None | Channel::Dialling(_) => None,
        };
        match due {
            Some(Due::Message(message)) => self.send_data(message),
            Some(Due::Rest(messages)) => {
                self.gap = PATIENT;
                messages.into_iter().for_each(|message| self.send_data(message));
            }
            Some(Due::Stuck) => self.give_up(),
            None => {}
        }
    }

    /// The next thing to be done, until `None`.
    pub fn poll_output(&mut self) -> Option<LineOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do; `None` once the line has ended.
    pub fn poll_timeout(&self) -> Option<(Instant, LineWake)> {
        let (relay, wake) = self.relay.poll_timeout()?;
        let held = match &self.channel {
            Channel::Open(_, session) => session.deadline(),
            Channel::None | Channel::Dialling(_) => None,
        };
        let dial = self.switch.as_ref().and_then(Switch::next_dial);
        let ours = [dial.map(|at| (at, LineWake::NextDial)), held.map(|at| (at, LineWake::HeldBytes))];
        ours.into_iter().flatten().chain([(relay, LineWake::Relay(wake))]).min_by_key(|(at, _)| *at)
    }

    const fn has_ended(&self) -> bool {
        self.relay.line_credit().is_none()
    }

    fn on_text(&mut self, text: &str) {
        // Any word of the server's is a sign of life.
        self.tell_relay(RelayInput::HangUp(STALE));
        match ToRelay::parse(text) {
            Ok(ToRelay::Wsman(data)) => {
                let wants = if self.port == Port::Plain { Wants::Any } else { Wants::Present };
                self.on_data(data, wants);
            }
            Ok(ToRelay::TlsData(data)) => self.on_data(data, Wants::Present),
            Ok(ToRelay::PortSwitch(switch)) => self.on_port_switch(switch),
            Ok(ToRelay::HeartbeatRequest) => self.send(ToServer::HeartbeatResponse, 0),
            Ok(ToRelay::Progress(line)) => self.tell(Notice::Progress(Remark::new(&line))),
            Ok(ToRelay::Success(outcome)) => self.finish(End::Success(outcome)),
            Ok(ToRelay::Error(outcome)) => self.finish(End::Failure(outcome)),
            Err(error) => self.finish(End::Unreadable(error)),
        }
    }

    fn on_data(&mut self, Data(bytes): Data, wants: Wants) {
        if bytes.is_empty() {
            return;
        }
        let wants = if starts_client_hello(&bytes) && !self.is_continued_by(&bytes) { Wants::New } else { wants };
        let kept = self.is_kept();
        if wants == Wants::New {
            self.waiting.clear();
        }
        if bytes.len() > self.limits.to_device.saturating_sub(self.waiting.len()) {
            return self.finish(End::Relay(Close::ServerFlooded));
        }
        match (&self.channel, wants) {
            // The connection of a port switch waits for exactly this.
            (Channel::Open(..), Wants::New) if kept => {
                self.waiting.clone_from(&bytes);
                self.write(bytes);
            }
            (Channel::None, Wants::New | Wants::Any) if self.switch.is_some() => self.waiting.extend(bytes),
            (Channel::Dialling(_), Wants::New) if self.switch.is_some() => self.waiting.extend(bytes),
            (_, Wants::New) | (Channel::None, Wants::Any) => {
                self.waiting.extend(bytes);
                self.hang_up();
                self.dial();
            }
            (Channel::Open(..), Wants::Any | Wants::Present) => {
                // What was said now cannot be said twice, so this connection is no longer on trial.
                self.end_switch();
                self.write(bytes);
            }
            (Channel::Dialling(_) | Channel::None, Wants::Any | Wants::Present) => {
                if !self.waiting.is_empty() || wants == Wants::Any {
                    self.waiting.extend(bytes);
                }
            }
        }
    }

    fn is_continued_by(&self, hello: &[u8]) -> bool {
        matches!(&self.channel, Channel::Open(_, session) if session.is_continued_by(hello))
    }

    /// Whether a port switch's connection is there and unused.
    fn is_kept(&self) -> bool {
        self.switch.is_some() && self.waiting.is_empty() && matches!(self.channel, Channel::Open(..))
    }

    fn on_port_switch(&mut self, switch: PortSwitch) {
        self.hang_up();
        self.waiting.clear();
        self.port = switch.port;
        self.tell(Notice::Switching(switch));
        let first = self.now + switch.delay.min(PortSwitch::MAX_DELAY);
        self.switch = Some(Switch::new(first, self.switch.as_ref()));
        if switch.delay == Millis(0) {
            self.dial();
        }
    }

    fn dial(&mut self) {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let id = ChannelId(self.last_id);
        self.channel = Channel::Dialling(id);
        if let Some(switch) = &mut self.switch {
            switch.dialled();
        }
        self.tell_relay(RelayInput::Dial(id, self.port));
    }

    /// Drops the connection: the server wants it so.
    fn hang_up(&mut self) {
        match core::mem::replace(&mut self.channel, Channel::None) {
            Channel::None => {}
            Channel::Dialling(id) => self.tell_relay(RelayInput::HangUp(id)),
            Channel::Open(id, session) => {
                self.forget(session.held());
                self.tell_relay(RelayInput::HangUp(id));
            }
        }
    }

    /// Drops the connection: it is of no use any more.
    fn give_up(&mut self) {
        self.hang_up();
        self.end_switch();
        self.waiting.clear();
        self.send(ToServer::ConnectionReset(ResetReason::Failed), 0);
        self.tell(Notice::Closed(self.port));
    }

    fn end_switch(&mut self) {
        if self.switch.take().is_some() && matches!(self.channel, Channel::Open(..)) {
            self.waiting.clear();
        }
    }

    /// Bytes of the device that will not be sent: the relay need not count them any more.
    fn forget(&mut self, count: usize) {
        if count > 0 {
            self.tell_relay(RelayInput::SentToServer(count));
        }
    }

    fn write(&mut self, bytes: Vec<u8>) {
        let Channel::Open(id, session) = &mut self.channel else { return };
        let (id, freed) = (*id, session.on_server_bytes(&bytes));
        self.tell_relay(RelayInput::FromServer(id, bytes));
        if let Some(message) = freed {
            self.send_data(message);
        }
    }

    fn tell_relay(&mut self, input: RelayInput) {
        self.relay.handle(self.now, input);
        self.pump();
    }

    /// Bytes of the device, as one message where they fit.
    fn send_data(&mut self, bytes: Vec<u8>) {
        for part in bytes.chunks(MAX_DATA) {
            let data = Data(part.to_vec());
            let message = if self.port == Port::Plain { ToServer::Response(data) } else { ToServer::TlsData(data) };
            self.send(message, part.len());
        }
    }

    fn send(&mut self, message: ToServer, device_bytes: usize) {
        self.on_the_way.push_back(device_bytes);
        self.outputs.push_back(LineOutput::Send(message));
    }

    fn tell(&mut self, notice: Notice) {
        self.outputs.push_back(LineOutput::Tell(notice));
    }

    fn finish(&mut self, end: End) {
        self.end = Some(end);
        self.tell_relay(RelayInput::Finished);
    }
}

/// The number of no channel: the first one is 1.
const STALE: ChannelId = ChannelId(0);
