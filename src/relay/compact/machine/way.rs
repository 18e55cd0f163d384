//! The WebSocket goes and comes back.

use amt_provision_fsm::time::Instant;

use super::Line;
use crate::protocol::Remark;
use crate::protocol::compact::Packet;
use crate::relay::line::Notice;

/// The WebSocket.
#[derive(Debug)]
pub(super) enum Way {
    /// It is there.
    Up,
    /// It is there again, and the server has not said yet whether it knows the session. Since when there was none.
    Greeting(Instant),
    /// It is being made.
    Dialling(Lost),
    /// It is to be made at that time.
    Pausing(Lost, Instant),
}

/// Since when there is no WebSocket, and why.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) since: Instant,
    pub(super) why: String,
}

impl Line {
    pub(super) fn on_line_lost(&mut self, why: String) {
        let since = match &self.way {
            Way::Up => {
                self.tell(Notice::LineLost(Remark::new(&why)));
                self.now
            }
            Way::Greeting(since) => *since,
            Way::Dialling(lost) => lost.since,
            Way::Pausing(..) => return,
        };
        self.on_the_way.clear();
        let at = self.now + self.backoff.pause();
        self.way = Way::Pausing(Lost { since, why }, at);
    }

    pub(super) fn on_line_up(&mut self) {
        if let Way::Dialling(lost) = &self.way {
            let since = lost.since;
            self.way = if self.session.is_some() { Way::Greeting(since) } else { Way::Up };
            self.greet();
        }
    }

    /// The first packet over a WebSocket.
    pub(super) fn greet(&mut self) {
        let packet = match self.session {
            Some(session) => Packet::Resume { session, received: self.frames.received() },
            // Nothing of a session without a name was acknowledged.
            None => match self.frames.resume(0) {
                Ok(()) => Packet::Begin,
                Err(breach) => return self.refuse(breach.into()),
            },
        };
        self.send(&packet);
        self.flush();
    }
}
