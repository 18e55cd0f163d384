//! The server's end of a line that knows neither channel numbers nor "open": RPS messages, protocolVersion
//! 4.0.0. On it, a first ClientHello opens the port that the relay reported, and every later opening is a
//! `port_switch` whose acknowledgement says that the port answers (rpc-go.md §4): the wait for a port that
//! restarts is an event, and a relay that would end on a refused connection is never made to meet one.
//!
//! Relays differ in when they read the device: ours always, rpc-go for a while behind each message. So a device that is
//! silent for long is asked for with an empty message: one relay passes over it, the other looks (rpc-go.md §6.11).

use std::collections::VecDeque;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::stage::OpenFault;
use amt_provision_fsm::time::{Instant, Millis};

use super::silence::Silence;
use crate::protocol::{Data, MAX_DATA, PortSwitch, ToRelay, ToServer};
use crate::tunnel::channel::Carriage;

/// What came over the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LineEvent {
    /// The port is open.
    Opened(ChannelId),
    /// It is not.
    OpenFailed(ChannelId, OpenFault),
    /// The device's bytes.
    Bytes(ChannelId, Vec<u8>),
    /// The connection to the device is gone.
    Lost(ChannelId),
    /// The relay said what it may not say here; the line is to be closed with these words.
    Misused(&'static str),
}

/// The channel that the line stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    None,
    /// `port_switch` was sent, and this many acknowledgements are still to come; the last one counts.
    Switching(ChannelId, u32),
    Open(ChannelId),
}

/// The line of one relay.
#[derive(Debug)]
pub(super) struct Line {
    port: Port,
    used: bool,
    /// How the relay carries plain text: after a port switch it keeps its connection (rpc-go.md §4).
    carriage: Carriage,
    silence: Silence,
    channel: Channel,
    /// Acknowledgements that are still to come, those of switches that were given up among them.
    owed: u32,
    /// Whether the connection before may have ended by itself just as we gave it up, and its reset be on the way.
    crossing: bool,
    messages: VecDeque<ToRelay>,
}

impl Line {
    /// The line of a relay that will dial `port` first, because its device reports that one.
    pub(super) const fn new(port: Port) -> Self {
        Self {
            port,
            used: false,
            carriage: Carriage::PerRequest,
            silence: Silence::NOTHING_SAID,
            channel: Channel::None,
            owed: 0,
            crossing: false,
            messages: VecDeque::new(),
        }
    }

    /// The next message for the relay.
    pub(super) fn poll_message(&mut self) -> Option<ToRelay> {
        self.messages.pop_front()
    }

    /// Opens `port` as `channel`.
    pub(super) fn open(&mut self, channel: ChannelId, port: Port) -> Option<LineEvent> {
        self.crossing |= matches!(self.channel, Channel::Open(_));
        self.channel = Channel::None;
        if !self.used && port == self.port {
            self.used = true;
            self.channel = Channel::Open(channel);
            return Some(LineEvent::Opened(channel));
        }
        self.used = true;
        self.port = port;
        self.carriage = Carriage::Kept;
        self.owed += 1;
        self.channel = Channel::Switching(channel, self.owed);
        self.messages.push_back(ToRelay::PortSwitch(PortSwitch { port, delay: Millis(0) }));
        None
    }

    /// Opens the port of `channel` again, whose connection the device has ended. A relay makes plain connections by
    /// itself, one for each request if need be (rpc-go.md §4).
    pub(super) fn reopen(&mut self, channel: ChannelId, port: Port) -> Option<LineEvent> {
        match (port, self.channel) {
            (Port::Plain, Channel::Open(open)) if open == channel => Some(LineEvent::Opened(channel)),
            _ => self.open(channel, port),
        }
    }

    /// How the relay carries plain text over the channel that is open.
    pub(super) const fn carriage(&self) -> Carriage {
        self.carriage
    }

    /// When to [nudge](Self::nudge) the relay if the next word is still the device's then.
    pub(super) fn nudge_at(&self) -> Option<Instant> {
        match (self.channel, self.port) {
            (Channel::Open(_), Port::Tls) => self.silence.ends(),
            // A plain reply that rpc-go did not read in its time went with its connection (rpc-go.md §4).
            (Channel::None | Channel::Switching(..), _) | (_, Port::Plain) => None,
        }
    }

    /// Has the relay look whether the device said something: nothing goes to the device.
    pub(super) fn nudge(&mut self, now: Instant) {
        self.silence.broken_by_nudge(now);
        self.messages.push_back(ToRelay::TlsData(Data::default()));
    }

    /// Nothing that still comes for the open channel counts. There is no message for it: the next
    /// `port_switch` tells the relay to drop the connection.
    pub(super) const fn close(&mut self) {
        if let Channel::Open(_) = self.channel {
            self.crossing = true;
        }
        self.channel = Channel::None;
    }

    /// Bytes for the device, cut to what one message holds.
    pub(super) fn send(&mut self, now: Instant, channel: ChannelId, bytes: &[u8]) {
        if self.channel != Channel::Open(channel) || bytes.is_empty() {
            return;
        }
        self.silence.broken(now);
        for piece in bytes.chunks(MAX_DATA) {
            let data = Data(piece.to_vec());
            self.messages.push_back(match self.port {
                Port::Tls => ToRelay::TlsData(data),
                Port::Plain => ToRelay::Wsman(data),
            });
        }
    }

    /// The run has ended: the last message.
    pub(super) fn finish(&mut self, last: ToRelay) {
        self.close();
        self.messages.push_back(last);
    }

    /// Takes in what the relay said.
    pub(super) fn receive(&mut self, now: Instant, message: ToServer) -> Option<LineEvent> {
        match message {
            // Which of the two it is says how the relay carries it, and nothing about the device: after a port switch
            // rpc-go answers `wsman` with `tls_data` (rpc-go.md §4).
            ToServer::Response(Data(bytes)) | ToServer::TlsData(Data(bytes)) => match self.channel {
                Channel::Open(channel) => {
                    self.silence.broken(now);
                    Some(LineEvent::Bytes(channel, bytes))
                }
                Channel::None | Channel::Switching(..) => None,
            },
            ToServer::PortSwitchAck => self.acknowledged(),
            ToServer::ConnectionReset(_) => match self.channel {
                Channel::Open(channel) => {
                    self.channel = Channel::None;
                    Some(LineEvent::Lost(channel))
                }
                Channel::Switching(..) if self.crossing => {
                    self.crossing = false;
                    None
                }
                // A relay that gives a port up says so instead of acknowledging it.
                Channel::Switching(channel, 1) => {
                    self.owed = 0;
                    self.channel = Channel::None;
                    Some(LineEvent::OpenFailed(channel, OpenFault::TimedOut))
                }
                Channel::Switching(..) | Channel::None => None,
            },
            ToServer::HeartbeatResponse => None,
            ToServer::Hello(_) => Some(LineEvent::Misused("a second first message")),
        }
    }

    fn acknowledged(&mut self) -> Option<LineEvent> {
        if self.owed == 0 {
            return Some(LineEvent::Misused("an acknowledgement of a port_switch that was not sent"));
        }
        self.owed -= 1;
        match self.channel {
            Channel::Switching(channel, 1) => {
                self.channel = Channel::Open(channel);
                self.crossing = false;
                Some(LineEvent::Opened(channel))
            }
            Channel::Switching(channel, awaited) => {
                self.channel = Channel::Switching(channel, awaited - 1);
                None
            }
            Channel::None | Channel::Open(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ResetReason;

    const NOW: Instant = Instant::ZERO;
    const A: ChannelId = ChannelId(0);
    const B: ChannelId = ChannelId(1);

    fn bytes(n: u8) -> ToServer {
        ToServer::TlsData(Data(vec![n]))
    }

    #[test]
    fn the_reported_port_is_opened_by_its_first_bytes_and_every_later_one_by_a_switch() {
        let mut line = Line::new(Port::Tls);
        assert_eq!(line.open(A, Port::Tls), Some(LineEvent::Opened(A)));
        line.send(NOW, A, &[1]);
        assert_eq!(line.poll_message(), Some(ToRelay::TlsData(Data(vec![1]))));
        assert_eq!(line.open(B, Port::Tls), None);
        let switch = PortSwitch { port: Port::Tls, delay: Millis(0) };
        assert_eq!(line.poll_message(), Some(ToRelay::PortSwitch(switch)));
        assert_eq!(line.receive(NOW, bytes(7)), None, "from the connection before");
        assert_eq!(line.receive(NOW, ToServer::PortSwitchAck), Some(LineEvent::Opened(B)));
        assert_eq!(line.receive(NOW, bytes(8)), Some(LineEvent::Bytes(B, vec![8])));
    }

    #[test]
    fn the_acknowledgement_of_a_switch_that_was_given_up_does_not_open_the_next_one() {
        let mut line = Line::new(Port::Plain);
        assert_eq!(line.open(A, Port::Tls), None);
        assert_eq!(line.open(B, Port::Tls), None);
        assert_eq!(line.receive(NOW, ToServer::PortSwitchAck), None);
        assert_eq!(line.receive(NOW, ToServer::PortSwitchAck), Some(LineEvent::Opened(B)));
        assert!(matches!(line.receive(NOW, ToServer::PortSwitchAck), Some(LineEvent::Misused(_))));
    }

    #[test]
    fn a_reset_ends_the_channel_once() {
        let mut line = Line::new(Port::Tls);
        let reset = || ToServer::ConnectionReset(ResetReason::Closed);
        line.open(A, Port::Tls);
        assert_eq!(line.receive(NOW, reset()), Some(LineEvent::Lost(A)));
        assert_eq!(line.receive(NOW, reset()), None);
        assert_eq!(line.receive(NOW, bytes(1)), None);
        line.open(B, Port::Tls);
        assert_eq!(line.receive(NOW, reset()), Some(LineEvent::OpenFailed(B, OpenFault::TimedOut)));
    }

    /// Found on real sockets: the device ended the connection just as the server switched ports.
    #[test]
    fn a_reset_that_crosses_a_switch_is_of_the_connection_before() {
        let mut line = Line::new(Port::Tls);
        let reset = || ToServer::ConnectionReset(ResetReason::Closed);
        line.open(A, Port::Tls);
        line.open(B, Port::Tls);
        assert_eq!(line.receive(NOW, reset()), None);
        assert_eq!(line.receive(NOW, ToServer::PortSwitchAck), Some(LineEvent::Opened(B)));
    }

    #[test]
    fn a_silent_device_is_asked_for_over_tls_and_not_in_plain_text_nor_during_a_port_switch() {
        let at = Instant::from_millis;
        let mut line = Line::new(Port::Tls);
        line.open(A, Port::Tls);
        assert_eq!(line.nudge_at(), None, "nothing was said yet");
        line.send(at(10), A, &[1]);
        line.poll_message();
        assert_eq!(line.nudge_at(), Some(at(2510)));
        line.nudge(at(2510));
        assert_eq!(line.poll_message(), Some(ToRelay::TlsData(Data::default())));
        assert!(line.nudge_at() > Some(at(2 * 2510)), "the next silence may be longer");
        line.receive(at(3000), bytes(1));
        assert_eq!(line.nudge_at(), Some(at(5500)), "a part of an answer: the rest may be late as well");
        line.open(B, Port::Tls);
        assert_eq!(line.nudge_at(), None);

        let mut line = Line::new(Port::Plain);
        line.open(A, Port::Plain);
        line.send(at(10), A, &[1]);
        assert_eq!(line.nudge_at(), None);
    }

    #[test]
    fn plain_text_has_a_connection_per_request_until_a_port_switch_and_its_answers_come_by_either_name() {
        let mut line = Line::new(Port::Plain);
        assert_eq!(line.open(A, Port::Plain), Some(LineEvent::Opened(A)));
        assert_eq!(line.carriage(), Carriage::PerRequest);
        let response = ToServer::Response(Data(vec![7]));
        assert_eq!(line.receive(NOW, response), Some(LineEvent::Bytes(A, vec![7])));
        line.open(B, Port::Plain);
        line.receive(NOW, ToServer::PortSwitchAck);
        assert_eq!(line.carriage(), Carriage::Kept);
        assert_eq!(line.receive(NOW, bytes(7)), Some(LineEvent::Bytes(B, vec![7])), "what rpc-go makes of it");
    }

    #[test]
    fn a_tls_port_is_opened_again_by_a_switch_and_a_plain_one_by_its_next_request() {
        let mut line = Line::new(Port::Tls);
        line.open(A, Port::Tls);
        assert_eq!(line.reopen(A, Port::Tls), None);
        assert!(matches!(line.poll_message(), Some(ToRelay::PortSwitch(_))));
        assert_eq!(line.receive(NOW, ToServer::ConnectionReset(ResetReason::Closed)), None, "of the connection before");
        assert_eq!(line.receive(NOW, ToServer::PortSwitchAck), Some(LineEvent::Opened(A)));

        let mut line = Line::new(Port::Plain);
        line.open(A, Port::Plain);
        assert_eq!(line.reopen(A, Port::Plain), Some(LineEvent::Opened(A)));
        assert_eq!(line.receive(NOW, ToServer::ConnectionReset(ResetReason::Closed)), Some(LineEvent::Lost(A)));
        assert_eq!(line.reopen(A, Port::Plain), None, "a relay that said so waits for a switch");
        assert!(matches!(line.poll_message(), Some(ToRelay::PortSwitch(_))));
    }

    #[test]
    fn long_writes_are_cut_to_what_a_message_holds() {
        let mut line = Line::new(Port::Tls);
        line.open(A, Port::Tls);
        line.send(NOW, A, &vec![0; MAX_DATA + 1]);
        let lengths: Vec<usize> = std::iter::from_fn(|| line.poll_message())
            .map(|message| match message {
                ToRelay::TlsData(data) => data.0.len(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lengths, [MAX_DATA, 1]);
    }
}
