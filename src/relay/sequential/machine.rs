//! The machine: what the server says, one message after the other, and what comes of each.

use std::collections::VecDeque;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::time::{Instant, Millis};

use super::io::{End, Fatal, Input, Output};
use super::round::{Connection, Ending, Mode, Result, Round};
use super::timing::{Timing, Transport};
use crate::protocol::{Data, Hello, PortSwitch, ResetReason, ToRelay, ToServer};

/// rpc-go, from its first message to its exit.
///
/// After every call do what [`poll_output`](Self::poll_output) yields, then wait for an input or for
/// [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Sequential {
    timing: Timing,
    mode: Mode,
    port: Port,
    phase: Phase,
    connection: Option<Connection>,
    last_id: u32,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum Phase {
    /// The next message may come.
    Idle,
    /// A channel is opened, or will be at that time; then this is written. So many tries are left.
    Connecting(ChannelId, Vec<u8>, u8),
    Waiting(Instant, Vec<u8>, u8),
    Reading(Round),
    /// A port switch: this test is under way, or comes at that time.
    Testing(ChannelId, PortSwitch, u8),
    Switching(Instant, PortSwitch, u8),
    Over,
}

impl Sequential {
    /// rpc-go on a device whose firmware says that it speaks `port`.
    pub fn new(timing: Timing, port: Port, hello: Hello) -> Self {
        Self {
            timing,
            // With TLS on the local ports it is in a tunnel from the start.
            mode: if port == Port::Tls { Mode::Tunnel } else { Mode::Plain },
            port,
            phase: Phase::Idle,
            connection: None,
            last_id: 0,
            outputs: VecDeque::from([Output::Send(ToServer::Hello(Box::new(hello)))]),
        }
    }

    /// Whether the next message is looked at; until then it waits in the WebSocket's TCP connection.
    pub const fn wants_message(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// The next thing to be done, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting(at, ..) | Phase::Switching(at, ..) => Some(*at),
            Phase::Reading(round) => Some(round.deadline()),
            Phase::Idle | Phase::Connecting(..) | Phase::Testing(..) | Phase::Over => None,
        }
    }

    /// Takes one input in. One of a connection that is gone changes nothing.
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Text(text) if self.wants_message() => self.on_text(now, &text),
            Input::Text(_) => {}
            Input::Connected(id) => self.on_connected(now, id),
            Input::Refused(id) => self.on_refused(now, id),
            Input::FromDevice(id, bytes) => {
                if let Some(connection) = self.connection_of(id) {
                    connection.unread.extend(bytes);
                }
            }
            Input::Closed(id) => self.on_end(id, Ending::Closed),
            Input::Failed(id) => self.on_end(id, Ending::Failed),
            Input::NotWritten(id) if self.connection_of(id).is_some() => self.give_up(Fatal::Write),
            Input::NotWritten(_) => {}
        }
        self.read(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Waiting(_, bytes, tries) => self.connect(bytes, tries),
            // It sleeps behind the last test as well.
            Phase::Switching(_, switch, Timing::TESTS) => self.give_up(Fatal::SwitchFailed(switch.port)),
            Phase::Switching(_, switch, tests) => self.test(switch, tests),
            Phase::Reading(mut round) => match round.expire(now) {
                Some(result) => self.round_ended(result),
                None => self.phase = Phase::Reading(round),
            },
            phase @ (Phase::Idle | Phase::Connecting(..) | Phase::Testing(..) | Phase::Over) => self.phase = phase,
        }
    }

    fn on_text(&mut self, now: Instant, text: &str) {
        match ToRelay::parse(text) {
            Ok(ToRelay::Wsman(Data(bytes)) | ToRelay::TlsData(Data(bytes))) => self.on_data(now, bytes),
            // A message without bytes is a round all the same.
            Ok(ToRelay::Progress(_)) => self.on_data(now, Vec::new()),
            Ok(ToRelay::PortSwitch(switch)) => self.on_port_switch(now, switch),
            Ok(ToRelay::HeartbeatRequest) => self.outputs.push_back(Output::Send(ToServer::HeartbeatResponse)),
            Ok(ToRelay::Success(outcome)) => self.end(End::Success(outcome)),
            Ok(ToRelay::Error(outcome)) => self.end(End::Failure(outcome)),
            Err(error) => self.end(End::Unknown(error)),
        }
    }

    fn on_data(&mut self, now: Instant, bytes: Vec<u8>) {
        if let [0x16, _, _, _, _, 0x01, ..] = bytes[..] {
            let open = self.connection.as_ref().is_some_and(|connection| connection.end.is_none());
            self.disconnect();
            if open && self.timing.reader_stop > Millis(0) {
                self.phase = Phase::Waiting(now + self.timing.reader_stop, bytes, self.tries());
                return;
            }
        }
        match &self.connection {
            Some(connection) => self.write(now, connection.id, bytes),
            None => self.connect(bytes, self.tries()),
        }
    }

    const fn tries(&self) -> u8 {
        match (self.timing.transport, self.mode) {
            (Transport::Lms, _) => 1,
            (Transport::Lme, Mode::Plain) => Timing::CHANNEL_TRIES,
            (Transport::Lme, Mode::Tunnel) => Timing::TUNNEL_TRIES,
        }
    }

    fn on_port_switch(&mut self, now: Instant, switch: PortSwitch) {
        self.disconnect();
        self.phase = Phase::Switching(now + switch.delay.min(PortSwitch::MAX_DELAY), switch, 0);
        self.handle_timeout(now);
    }

    /// Over LME there is nothing to be tested.
    fn test(&mut self, switch: PortSwitch, tests: u8) {
        match self.timing.transport {
            Transport::Lme => self.switched(switch),
            Transport::Lms => {
                let id = self.next_id();
                self.outputs.push_back(Output::Connect(id, switch.port));
                self.phase = Phase::Testing(id, switch, tests + 1);
            }
        }
    }

    fn switched(&mut self, switch: PortSwitch) {
        self.port = switch.port;
        self.mode = Mode::Tunnel;
        self.phase = Phase::Idle;
        self.outputs.push_back(Output::Send(ToServer::PortSwitchAck));
    }

    fn connect(&mut self, bytes: Vec<u8>, tries: u8) {
        let id = self.next_id();
        self.outputs.push_back(Output::Connect(id, self.port));
        self.phase = Phase::Connecting(id, bytes, tries);
    }

    fn write(&mut self, now: Instant, id: ChannelId, bytes: Vec<u8>) {
        self.outputs.push_back(Output::ToDevice(id, bytes));
        self.phase = Phase::Reading(Round::begin(now, self.mode, self.timing));
    }

    fn on_connected(&mut self, now: Instant, id: ChannelId) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Connecting(opening, bytes, _) if opening == id => {
                self.connection = Some(Connection { id, unread: Vec::new(), end: None });
                self.write(now, id, bytes);
            }
            Phase::Testing(testing, switch, _) if testing == id => {
                self.outputs.push_back(Output::Disconnect(id));
                self.switched(switch);
            }
            phase => self.phase = phase,
        }
    }

    fn on_refused(&mut self, now: Instant, id: ChannelId) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Connecting(opening, _, 1) if opening == id => self.give_up(Fatal::Refused(self.port)),
            Phase::Connecting(opening, bytes, tries) if opening == id => {
                self.phase = Phase::Waiting(now + self.timing.channel_pause, bytes, tries - 1);
            }
            Phase::Testing(testing, switch, tests) if testing == id => {
                self.phase = Phase::Switching(now + self.timing.test_pause, switch, tests);
            }
            phase => self.phase = phase,
        }
    }

    fn on_end(&mut self, id: ChannelId, ending: Ending) {
        if let Some(connection) = self.connection_of(id) {
            connection.end = Some(ending);
        }
    }

    /// Nobody reads but in a round.
    fn read(&mut self, now: Instant) {
        let (Phase::Reading(round), Some(connection)) = (&mut self.phase, &mut self.connection) else { return };
        if let Some(result) = round.read(now, connection) {
            self.round_ended(result);
        }
    }

    fn round_ended(&mut self, result: Result) {
        self.phase = Phase::Idle;
        let lost = |reason| Output::Send(ToServer::ConnectionReset(reason));
        match (self.mode, result) {
            (_, Result::Late) => self.give_up(Fatal::Round),
            (Mode::Plain, Result::Ended(_, Ending::Failed)) => self.give_up(Fatal::Read),
            (Mode::Plain, Result::Said(said) | Result::Ended(said, Ending::Closed)) => {
                self.disconnect();
                self.forward(said);
            }
            (Mode::Tunnel, Result::Said(said)) => self.forward(said),
            (Mode::Tunnel, Result::Ended(said, Ending::Closed)) if !said.is_empty() => {
                // Over LMS it goes on believing in the connection.
                if self.timing.transport == Transport::Lme {
                    self.disconnect();
                }
                self.forward(said);
            }
            (Mode::Tunnel, Result::Ended(_, ending)) => {
                self.disconnect();
                self.outputs.push_back(lost(match ending {
                    Ending::Closed => ResetReason::Closed,
                    Ending::Failed => ResetReason::Failed,
                }));
            }
        }
    }

    fn forward(&mut self, said: Vec<u8>) {
        if !said.is_empty() {
            self.outputs.push_back(Output::Send(match self.mode {
                Mode::Plain => ToServer::Response(Data(said)),
                Mode::Tunnel => ToServer::TlsData(Data(said)),
            }));
        }
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.outputs.push_back(Output::Disconnect(connection.id));
        }
    }

    fn give_up(&mut self, why: Fatal) {
        self.end(End::Fatal(why));
    }

    fn end(&mut self, end: End) {
        self.disconnect();
        self.phase = Phase::Over;
        self.outputs.push_back(Output::End(end));
    }

    fn connection_of(&mut self, id: ChannelId) -> Option<&mut Connection> {
        self.connection.as_mut().filter(|connection| connection.id == id)
    }

    fn next_id(&mut self) -> ChannelId {
        self.last_id += 1;
        ChannelId(self.last_id)
    }
}
