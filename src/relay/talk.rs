//! The line, in whichever encoding the server has chosen.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::relay::Limits;
use amt_provision_fsm::time::Instant;

use super::compact;
use super::line::{Line, LineInput, LineOutput, LineWake};
use crate::protocol::Hello;
use crate::tunnel::channel::{Entropy, SystemEntropy};
use crate::websocket::Encoding;

/// A line. Its contract is that of the [line of JSON messages](super::line).
#[derive(Debug)]
pub(super) enum Talk {
    Json(Box<Line>),
    Compact(Box<compact::Line>),
}

impl Talk {
    pub(super) fn new(encoding: Encoding, now: Instant, port: Port, hello: Hello) -> Self {
        match encoding {
            Encoding::Json => Self::Json(Box::new(Line::new(now, Limits::DEFAULT, port, hello))),
            Encoding::Compact => {
                let mut seed = [0; 8];
                // Without it the pauses are the same on every machine, and that is all.
                let _ = SystemEntropy.fill(&mut seed);
                let seed = u64::from_ne_bytes(seed);
                Self::Compact(Box::new(compact::Line::new(now, Limits::DEFAULT, port, &hello, seed)))
            }
        }
    }

    pub(super) fn wants_message(&self) -> bool {
        match self {
            Self::Json(line) => line.wants_message(),
            Self::Compact(line) => line.wants_message(),
        }
    }

    pub(super) fn handle(&mut self, now: Instant, input: LineInput) {
        match self {
            Self::Json(line) => line.handle(now, input),
            Self::Compact(line) => line.handle(now, input),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Json(line) => line.handle_timeout(now),
            Self::Compact(line) => line.handle_timeout(now),
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<LineOutput> {
        match self {
            Self::Json(line) => line.poll_output(),
            Self::Compact(line) => line.poll_output(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, LineWake)> {
        match self {
            Self::Json(line) => line.poll_timeout(),
            Self::Compact(line) => line.poll_timeout(),
        }
    }
}
