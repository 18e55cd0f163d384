//! The line of one relay, in the encoding that it speaks.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::time::Instant;

use super::line::{Line, LineEvent};
use super::numbered::NumberedLine;
use crate::protocol::{ToRelay, ToServer, compact};
use crate::tunnel::channel::Carriage;

/// The line of one relay.
#[derive(Debug)]
pub(super) enum Spoken {
    /// RPS's messages.
    Json(Line),
    /// Compact frames.
    Frames(NumberedLine),
}

/// What a relay is told that mixes the two.
const MIXED: LineEvent = LineEvent::Misused("a message in another encoding than was agreed");

impl Spoken {
    pub(super) const fn json(port: Port) -> Self {
        Self::Json(Line::new(port))
    }

    pub(super) fn frames() -> Self {
        Self::Frames(NumberedLine::default())
    }

    pub(super) fn poll_message(&mut self) -> Option<ToRelay> {
        match self {
            Self::Json(line) => line.poll_message(),
            Self::Frames(_) => None,
        }
    }

    pub(super) fn poll_frame(&mut self) -> Option<compact::ToRelay> {
        match self {
            Self::Json(_) => None,
            Self::Frames(line) => line.poll_frame(),
        }
    }

    pub(super) fn receive(&mut self, now: Instant, message: ToServer) -> Option<LineEvent> {
        match self {
            Self::Json(line) => line.receive(now, message),
            Self::Frames(_) => Some(MIXED),
        }
    }

    pub(super) fn receive_frame(&mut self, frame: compact::ToServer) -> Option<LineEvent> {
        match self {
            Self::Json(_) => Some(MIXED),
            Self::Frames(line) => line.receive(frame),
        }
    }

    pub(super) fn open(&mut self, channel: ChannelId, port: Port) -> Option<LineEvent> {
        match self {
            Self::Json(line) => line.open(channel, port),
            Self::Frames(line) => {
                line.open(channel, port);
                None
            }
        }
    }

    pub(super) fn reopen(&mut self, channel: ChannelId, port: Port) -> Option<LineEvent> {
        match self {
            Self::Json(line) => line.reopen(channel, port),
            Self::Frames(_) => self.open(channel, port),
        }
    }

    pub(super) const fn carriage(&self) -> Carriage {
        match self {
            Self::Json(line) => line.carriage(),
            Self::Frames(_) => Carriage::Kept,
        }
    }

    /// When to have the relay look for a word of the device's. One that speaks frames always looks.
    pub(super) fn nudge_at(&self) -> Option<Instant> {
        match self {
            Self::Json(line) => line.nudge_at(),
            Self::Frames(_) => None,
        }
    }

    pub(super) fn nudge(&mut self, now: Instant) {
        if let Self::Json(line) = self {
            line.nudge(now);
        }
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Json(line) => line.close(),
            Self::Frames(line) => line.close(),
        }
    }

    pub(super) fn send(&mut self, now: Instant, channel: ChannelId, bytes: &[u8]) {
        match self {
            Self::Json(line) => line.send(now, channel, bytes),
            Self::Frames(line) => line.send(channel, bytes),
        }
    }

    pub(super) fn finish(&mut self, last: ToRelay) {
        match self {
            Self::Json(line) => line.finish(last),
            Self::Frames(line) => line.finish(&last),
        }
    }
}
