//! The machine itself.

mod from_relay;
mod from_server;
mod way;

use std::collections::VecDeque;

use amt_provision_fsm::deadline;
use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Limits, Relay, RelayInput};
use amt_provision_fsm::time::Instant;

use self::way::Way;
use super::backoff::Backoff;
use crate::protocol::compact::{CompactError, Packet, Report, Resumable, SessionId, ToServer};
use crate::protocol::{Data, Hello, MAX_DATA};
use crate::relay::line::{End, LineInput, LineOutput, LineWake, MAX_QUEUED, Notice};

/// What is kept until the server acknowledges it, in bytes: what the relay machine lets be on its way, and as much again
/// that has left and was not acknowledged yet.
const KEPT: usize = 2 * Limits::DEFAULT.to_server;

/// Of that, what is left for all that is not the device's bytes.
const RESERVE: usize = 64 * 1024;

/// A line to a server. See the [module](super).
#[derive(Debug)]
pub(in crate::relay) struct Line {
    relay: Relay,
    frames: Resumable,
    session: Option<SessionId>,
    way: Way,
    backoff: Backoff,
    outputs: VecDeque<LineOutput>,
    now: Instant,
    /// The port that was dialled last.
    port: Port,
    /// Where the packets on their way to the server end.
    on_the_way: VecDeque<u64>,
    /// The device's bytes in frames that have not left yet: where the frame ends, and how many.
    counted: VecDeque<(u64, usize)>,
    end: Option<End>,
}

impl Line {
    /// A line that begins at `now` with the report. `seed` is for the dice of its pauses.
    pub(in crate::relay) fn new(now: Instant, limits: Limits, port: Port, hello: &Hello, seed: u64) -> Self {
        let mut line = Self {
            relay: Relay::new(now, limits),
            frames: Resumable::new(KEPT),
            session: None,
            way: Way::Up,
            backoff: Backoff::new(seed),
            outputs: VecDeque::new(),
            now,
            port,
            on_the_way: VecDeque::new(),
            counted: VecDeque::new(),
            end: None,
        };
        line.say(&ToServer::Report(Report::from(hello)));
        line.tell_relay(RelayInput::Surveyed);
        line.greet();
        line
    }

    /// Whether the next message may be read from the server now, however long it is.
    pub(in crate::relay) fn wants_message(&self) -> bool {
        let line = matches!(self.way, Way::Up | Way::Greeting(_)) && self.on_the_way.len() < MAX_QUEUED;
        line && self.relay.line_credit().is_some_and(|credit| credit >= MAX_DATA)
    }

    /// Takes one input in. One that does not fit changes nothing.
    pub(in crate::relay) fn handle(&mut self, now: Instant, input: LineInput) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        match input {
            LineInput::Text(_) => self.refuse(CompactError::Misplaced("no text")),
            LineInput::Binary(bytes) => {
                // Any word of the server's is a sign of life.
                self.tell_relay(RelayInput::HangUp(STALE));
                if let Err(error) = Packet::decode(&bytes).and_then(|packet| self.on_packet(packet)) {
                    self.refuse(error);
                }
            }
            LineInput::Delivered => self.on_delivered(),
            LineInput::LineLost(why) => self.on_line_lost(why),
            LineInput::LineUp => self.on_line_up(),
            LineInput::Connected(id) => self.tell_relay(RelayInput::Connected(id)),
            LineInput::NotConnected(id, fault) => self.tell_relay(RelayInput::NotConnected(id, fault)),
            LineInput::FromDevice(id, bytes) => self.tell_relay(RelayInput::FromDevice(id, bytes)),
            LineInput::DeviceClosed(id) => self.tell_relay(RelayInput::DeviceClosed(id)),
            LineInput::SentToDevice(id, count) => self.tell_relay(RelayInput::SentToDevice(id, count)),
        }
        self.flush();
    }

    /// Does what is due at `now`; early or repeated calls do nothing.
    pub(in crate::relay) fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        if !matches!(self.way, Way::Up) {
            // What cannot leave is not stuck: how long that may last is the deadline of the session.
            self.tell_relay(RelayInput::SentToServer(0));
        }
        self.relay.handle_timeout(self.now);
        self.pump();
        match &self.way {
            Way::Dialling(lost) | Way::Pausing(lost, _) if lost.since + deadline::RECONNECT <= self.now => {
                let why = lost.why.clone();
                self.finish(End::NotBack(why));
            }
            Way::Greeting(since) if *since + deadline::RECONNECT <= self.now => {
                self.finish(End::NotBack("it takes the WebSocket and says nothing".to_owned()));
            }
            Way::Pausing(lost, at) if *at <= self.now => {
                self.way = Way::Dialling(lost.clone());
                self.outputs.push_back(LineOutput::Redial);
            }
            _ => {}
        }
        self.flush();
    }

    /// The next thing to be done, until `None`.
    pub(in crate::relay) fn poll_output(&mut self) -> Option<LineOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do; `None` once the line has ended.
    pub(in crate::relay) fn poll_timeout(&self) -> Option<(Instant, LineWake)> {
        let (relay, wake) = self.relay.poll_timeout()?;
        let ours = match &self.way {
            Way::Up => None,
            Way::Greeting(since) => Some(*since + deadline::RECONNECT),
            Way::Dialling(lost) => Some(lost.since + deadline::RECONNECT),
            Way::Pausing(lost, at) => Some((*at).min(lost.since + deadline::RECONNECT)),
        };
        let ours = ours.map(|at| (at, LineWake::Server));
        ours.into_iter().chain([(relay, LineWake::Relay(wake))]).min_by_key(|(at, _)| *at)
    }

    const fn has_ended(&self) -> bool {
        self.relay.line_credit().is_none()
    }

    fn on_delivered(&mut self) {
        let Some(until) = self.on_the_way.pop_front() else { return };
        let mut count = 0;
        while let Some((_, bytes)) = self.counted.pop_front_if(|(end, _)| *end <= until) {
            count += bytes;
        }
        if count > 0 {
            self.tell_relay(RelayInput::SentToServer(count));
        }
    }

    /// Sends what may be sent.
    fn flush(&mut self) {
        while matches!(self.way, Way::Up) && !self.has_ended() {
            match self.frames.poll_packet() {
                Some(packet) => self.send(&packet),
                None => break,
            }
        }
    }

    fn send(&mut self, packet: &Packet) {
        let until = match packet {
            Packet::Frame { at, frame, .. } => at + frame.0.len() as u64,
            _ => 0,
        };
        match packet.encode() {
            Ok(bytes) => {
                self.on_the_way.push_back(until);
                self.outputs.push_back(LineOutput::SendPacket(Data(bytes.to_vec())));
            }
            Err(error) => self.refuse(error),
        }
    }

    fn say(&mut self, frame: &ToServer) {
        match frame.encode().map(|bytes| self.frames.push(bytes)) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => self.finish(End::Unacknowledged),
            Err(error) => self.refuse(error),
        }
    }

    fn tell_relay(&mut self, input: RelayInput) {
        self.relay.handle(self.now, input);
        self.pump();
    }

    fn tell(&mut self, notice: Notice) {
        self.outputs.push_back(LineOutput::Tell(notice));
    }

    fn finish(&mut self, end: End) {
        if self.end.is_none() && !self.has_ended() {
            self.end = Some(end);
            self.tell_relay(RelayInput::Finished);
        }
    }
}

/// The number of no channel: the server counts from 1.
const STALE: ChannelId = ChannelId(0);
