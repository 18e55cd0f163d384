//! Whoever takes part in an attempt, and the ways between them.

use std::collections::VecDeque;

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::provisioner::{ChannelId, Outcome};
use amt_provision_fsm::record::{Generation, Record};
use amt_provision_fsm::request::Certificate;
use amt_provision_fsm::time::{Instant, Millis};
use rustls::pki_types::CertificateDer;

use super::events::LineId;
use super::far::Far;
use crate::protocol::ToServer;
use crate::relay::line::Line;
use crate::server::Conversation;
use crate::simulator::device::ConnectionId;

/// How many outputs one input may have.
pub(super) const DRAIN: u32 = 20_000;
/// How long a frame is on its way, at most.
pub(super) const LINE_LATENCY: Millis = Millis(4);

/// Ways on which nothing overtakes.
#[derive(Clone, Copy)]
pub(super) enum Way {
    ToServer,
    ToRelay,
    Store,
}

/// A connection between the relay and the device, or somebody who took its place.
pub(super) struct Tcp {
    pub(super) channel: ChannelId,
    pub(super) connection: ConnectionId,
    pub(super) far: Far,
    /// The device has closed it, and the relay does not know yet.
    pub(super) closing: bool,
    /// When the last bytes of each direction arrive.
    pub(super) to_device: Instant,
    pub(super) from_device: Instant,
}

/// A relay.
pub(super) struct Relay {
    pub(super) line: LineId,
    pub(super) machine: Line,
    /// Frames that wait until it wants them.
    pub(super) inbox: VecDeque<String>,
    pub(super) dialling: Vec<ChannelId>,
}

/// A session of a relay.
pub(super) struct Server {
    pub(super) line: LineId,
    pub(super) conversation: Conversation,
    pub(super) began: Instant,
    pub(super) suite: KeySuite,
    pub(super) writing: Option<Writing>,
    /// What the relay said meanwhile.
    pub(super) inbox: VecDeque<ToServer>,
    /// The relay is gone, and the write is still to be waited for.
    pub(super) left: bool,
    /// It dies once the write is durable, or once there is nothing more to say.
    pub(super) doomed: bool,
    pub(super) ended: Option<Outcome>,
    /// How many requests it has asked so far.
    pub(super) asked: u64,
}

impl Server {
    /// Nothing is under way, and no deadline will come.
    pub(super) fn waits_for_ever(&self) -> bool {
        let over = self.left || self.ended.is_some();
        !over && self.writing.is_none() && self.conversation.poll_timeout().is_none()
    }
}

/// What the store is busy with.
pub(super) enum Writing {
    Record(Generation, Box<Record>),
    Certificate(Certificate, CertificateDer<'static>),
    Outcome(Outcome),
}
