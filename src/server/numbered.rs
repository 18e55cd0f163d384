//! The server's end of a line of compact frames: every connection to the device has a number, and "open", "opened" and
//! "lost" are said and not guessed.

use std::collections::VecDeque;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;

use super::line::LineEvent;
use crate::protocol::compact::{ToRelay, ToServer};
use crate::protocol::{self, Data, MAX_DATA};

/// The channel that the line stands for, and the number of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Channel {
    #[default]
    None,
    Dialling(ChannelId, ChannelId),
    Open(ChannelId, ChannelId),
}

/// The line of one relay.
#[derive(Debug, Default)]
pub(super) struct NumberedLine {
    channel: Channel,
    /// The connection that was asked for last. A channel may go over several ([`Event::Reopen`]).
    ///
    /// [`Event::Reopen`]: crate::tunnel::channel::Event::Reopen
    last: u32,
    frames: VecDeque<ToRelay>,
}

impl NumberedLine {
    /// The next frame for the relay.
    pub(super) fn poll_frame(&mut self) -> Option<ToRelay> {
        self.frames.pop_front()
    }

    /// Opens `port` as `channel`, over a connection of its own.
    pub(super) fn open(&mut self, channel: ChannelId, port: Port) {
        self.last += 1;
        let connection = ChannelId(self.last);
        self.channel = Channel::Dialling(channel, connection);
        self.frames.push_back(ToRelay::Dial(connection, port));
    }

    /// Nothing that still comes counts.
    pub(super) fn close(&mut self) {
        if let Channel::Dialling(_, connection) | Channel::Open(_, connection) = std::mem::take(&mut self.channel) {
            self.frames.push_back(ToRelay::HangUp(connection));
        }
    }

    /// Bytes for the device, cut to what one frame holds.
    pub(super) fn send(&mut self, channel: ChannelId, bytes: &[u8]) {
        if let Channel::Open(open, connection) = self.channel
            && open == channel
        {
            let pieces = bytes.chunks(MAX_DATA).map(|piece| ToRelay::Data(connection, Data(piece.to_vec())));
            self.frames.extend(pieces);
        }
    }

    /// The run has ended: the last frame.
    pub(super) fn finish(&mut self, last: &protocol::ToRelay) {
        self.close();
        self.frames.extend(match last {
            protocol::ToRelay::Success(outcome) => Some(ToRelay::success(outcome)),
            protocol::ToRelay::Error(outcome) => Some(ToRelay::failure(outcome)),
            _ => None,
        });
    }

    /// Takes in what the relay said.
    pub(super) fn receive(&mut self, frame: ToServer) -> Option<LineEvent> {
        let (ToServer::Opened(number)
        | ToServer::OpenFailed(number, _)
        | ToServer::Data(number, _)
        | ToServer::Lost(number)) = frame
        else {
            return Some(LineEvent::Misused("a second first message"));
        };
        if number.0 == 0 || number.0 > self.last {
            return Some(LineEvent::Misused("the number of a connection that it was not asked for"));
        }
        match (self.channel, frame) {
            (Channel::Dialling(channel, dialled), ToServer::Opened(_)) if dialled == number => {
                self.channel = Channel::Open(channel, number);
                Some(LineEvent::Opened(channel))
            }
            (Channel::Dialling(channel, dialled), ToServer::OpenFailed(_, fault)) if dialled == number => {
                self.channel = Channel::None;
                Some(LineEvent::OpenFailed(channel, fault))
            }
            (Channel::Dialling(_, dialled), _) if dialled == number => {
                Some(LineEvent::Misused("of a connection before it was open"))
            }
            (Channel::Open(channel, open), ToServer::Data(_, Data(bytes))) if open == number => {
                Some(LineEvent::Bytes(channel, bytes))
            }
            (Channel::Open(channel, open), ToServer::Lost(_)) if open == number => {
                self.channel = Channel::None;
                Some(LineEvent::Lost(channel))
            }
            (Channel::Open(_, open), _) if open == number => Some(LineEvent::Misused("twice that a port is open")),
            // Of a connection that was closed while this was on its way.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use amt_provision_fsm::stage::OpenFault;

    use super::*;

    const A: ChannelId = ChannelId(0);
    const B: ChannelId = ChannelId(1);
    const FIRST: ChannelId = ChannelId(1);
    const SECOND: ChannelId = ChannelId(2);

    fn bytes(number: ChannelId, byte: u8) -> ToServer {
        ToServer::Data(number, Data(vec![byte]))
    }

    #[test]
    fn a_channel_goes_on_over_another_connection_and_what_the_first_one_still_says_does_not_count() {
        let mut line = NumberedLine::default();
        line.open(A, Port::Tls);
        assert_eq!(line.poll_frame(), Some(ToRelay::Dial(FIRST, Port::Tls)));
        assert_eq!(line.receive(ToServer::Opened(FIRST)), Some(LineEvent::Opened(A)));
        assert_eq!(line.receive(bytes(FIRST, 1)), Some(LineEvent::Bytes(A, vec![1])));
        line.send(A, &[2]);
        line.send(B, &[3]);
        assert_eq!(line.poll_frame(), Some(ToRelay::Data(FIRST, Data(vec![2]))));
        line.open(A, Port::Tls);
        assert_eq!(line.poll_frame(), Some(ToRelay::Dial(SECOND, Port::Tls)));
        assert_eq!(line.receive(bytes(FIRST, 4)), None);
        assert_eq!(line.receive(ToServer::Lost(FIRST)), None);
        assert_eq!(line.receive(ToServer::Opened(SECOND)), Some(LineEvent::Opened(A)));
        assert_eq!(line.receive(ToServer::Lost(SECOND)), Some(LineEvent::Lost(A)));
        assert_eq!(line.receive(ToServer::Lost(SECOND)), None);
    }

    #[test]
    fn a_port_that_does_not_open_is_told_and_a_channel_that_is_closed_is_hung_up_once() {
        let mut line = NumberedLine::default();
        line.open(A, Port::Plain);
        let refused = ToServer::OpenFailed(FIRST, OpenFault::Refused);
        assert_eq!(line.receive(refused), Some(LineEvent::OpenFailed(A, OpenFault::Refused)));
        line.open(B, Port::Plain);
        line.close();
        line.close();
        let said: Vec<ToRelay> = std::iter::from_fn(|| line.poll_frame()).collect();
        assert_eq!(said[1..], [ToRelay::Dial(SECOND, Port::Plain), ToRelay::HangUp(SECOND)]);
        assert_eq!(line.receive(ToServer::Opened(SECOND)), None);
    }

    #[test]
    fn what_no_honest_relay_says_is_misuse() {
        let mut line = NumberedLine::default();
        line.open(A, Port::Tls);
        for frame in [bytes(SECOND, 1), bytes(ChannelId(0), 1), bytes(FIRST, 1), ToServer::Lost(FIRST)] {
            assert!(matches!(line.receive(frame), Some(LineEvent::Misused(_))));
        }
        line.receive(ToServer::Opened(FIRST));
        assert!(matches!(line.receive(ToServer::Opened(FIRST)), Some(LineEvent::Misused(_))));
    }
}
