//! One round: what is read behind one message.

use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::time::{Instant, Millis};

use super::timing::{Timing, Transport};

/// Which of rpc-go's two ways a message is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// A connection for each message.
    Plain,
    /// One connection, until a ClientHello or the end of it. A port switch begins this, for good, whatever the port.
    Tunnel,
}

/// The connection to the device, and what it has said while nobody read.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ChannelId,
    pub(super) unread: Vec<u8>,
    pub(super) end: Option<Ending>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Closed,
    Failed,
}

/// What a round has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Result {
    /// The device has said this, or nothing; the connection may live on.
    Said(Vec<u8>),
    /// It has ended, behind this or nothing.
    Ended(Vec<u8>, Ending),
    /// It took too long.
    Late,
}

/// A round that goes on.
#[derive(Debug)]
pub(super) struct Round {
    mode: Mode,
    timing: Timing,
    said: Vec<u8>,
    window: Instant,
    end: Instant,
    /// The window is the last one, for the end of the channel.
    closing: bool,
}

impl Round {
    pub(super) fn begin(now: Instant, mode: Mode, timing: Timing) -> Self {
        let (first, end) = match mode {
            Mode::Plain => (timing.plain_first_byte, timing.plain_round),
            Mode::Tunnel => (timing.first_byte, timing.round),
        };
        Self { mode, timing, said: Vec::new(), window: now + first, end: now + end, closing: false }
    }

    /// Reads what is there.
    pub(super) fn read(&mut self, now: Instant, connection: &mut Connection) -> Option<Result> {
        if !connection.unread.is_empty() {
            self.said.append(&mut connection.unread);
            self.closing = false;
            self.window = match (self.mode, self.timing.transport) {
                (Mode::Plain, Transport::Lme) => self.end,
                (Mode::Plain, Transport::Lms) => now + self.timing.plain_idle,
                (Mode::Tunnel, _) => now + self.timing.idle,
            };
        }
        connection.end.map(|ending| Result::Ended(std::mem::take(&mut self.said), ending))
    }

    pub(super) fn deadline(&self) -> Instant {
        self.window.min(self.end)
    }

    pub(super) fn expire(&mut self, now: Instant) -> Option<Result> {
        if now >= self.end {
            return Some(Result::Late);
        }
        if now < self.window {
            return None;
        }
        if !self.said.is_empty() && !self.closing && self.timing.close > Millis(0) {
            self.closing = true;
            self.window = now + self.timing.close;
            return None;
        }
        Some(Result::Said(std::mem::take(&mut self.said)))
    }
}
