//! What the server's packets mean.

use amt_provision_fsm::relay::RelayInput;

use super::{Line, Way};
use crate::protocol::compact::{CompactError, Packet, SessionId, ToRelay};
use crate::protocol::{Data, Outcome, Remark};
use crate::relay::line::{End, Notice};

impl Line {
    pub(super) fn on_packet(&mut self, packet: Packet) -> Result<(), CompactError> {
        match packet {
            Packet::Welcome { session, received } => self.on_welcome(session, received),
            Packet::Unknown if matches!(self.way, Way::Greeting(_)) => {
                self.finish(End::Unknown);
                Ok(())
            }
            Packet::Frame { at, received, frame } if self.is_welcome() => {
                match self.frames.receive(at, received, frame)? {
                    Some(frame) => self.on_frame(ToRelay::decode(&frame)?),
                    None => Ok(()),
                }
            }
            Packet::Received(received) if self.is_welcome() => Ok(self.frames.acknowledge(received)?),
            Packet::Begin | Packet::Resume { .. } => Err(CompactError::Misplaced("what a server says")),
            Packet::Unknown | Packet::Frame { .. } | Packet::Received(_) => {
                Err(CompactError::Misplaced("a welcome first, and one only"))
            }
        }
    }

    const fn is_welcome(&self) -> bool {
        matches!(self.way, Way::Up) && self.session.is_some()
    }

    fn on_welcome(&mut self, session: SessionId, received: u64) -> Result<(), CompactError> {
        match (&self.way, self.session) {
            (Way::Up, None) => self.frames.acknowledge(received)?,
            (Way::Greeting(_), Some(known)) if known == session => {
                self.frames.resume(received)?;
                self.way = Way::Up;
                self.tell(Notice::LineBack);
            }
            _ => return Err(CompactError::Misplaced("one welcome, to this session")),
        }
        self.session = Some(session);
        self.backoff.reset();
        Ok(())
    }

    fn on_frame(&mut self, frame: ToRelay) -> Result<(), CompactError> {
        match frame {
            ToRelay::Dial(id, port) => {
                self.port = port;
                self.tell_relay(RelayInput::Dial(id, port));
            }
            ToRelay::Data(id, Data(bytes)) => self.tell_relay(RelayInput::FromServer(id, bytes)),
            ToRelay::HangUp(id) => self.tell_relay(RelayInput::HangUp(id)),
            ToRelay::Progress(text) => self.tell(Notice::Progress(Remark::new(&text))),
            ToRelay::Success(text) => self.on_last(End::Success(Outcome::from_message(&text))),
            ToRelay::Failure(text) => self.on_last(End::Failure(Outcome::from_message(&text))),
        }
        Ok(())
    }

    /// The server keeps its last word until it knows that it was heard.
    fn on_last(&mut self, end: End) {
        if let Some(packet) = self.frames.acknowledgement() {
            self.send(&packet);
        }
        self.finish(end);
    }

    pub(super) fn refuse(&mut self, error: CompactError) {
        self.finish(End::Compact(error));
    }
}
