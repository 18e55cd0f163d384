//! What a conversation asks of whoever drives it, and what it counts.

use amt_provision_fsm::edges::Edge;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Record};
use amt_provision_fsm::request::KeyPair;

/// What the conversation wants done, and cannot do itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Make this record durable, with the passwords that it names; then [`stored`](super::Conversation::stored).
    Persist(Generation, Record),
    /// Issue a certificate over this key and keep it; then [`issued`](super::Conversation::issued).
    Issue(KeyPair),
    /// Write this edge into the audit log, once the device is stored (G5).
    Audit(Edge),
    /// The run has ended; the last message is queued.
    End(Outcome),
}

/// What a relay may not say, in words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay sent {0}")]
pub struct Misuse(pub &'static str);

/// What went over the line and to the device so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages for the relay.
    pub messages: u64,
    /// Bytes in these.
    pub bytes: u64,
    /// Requests asked of the device.
    pub requests: u64,
    /// Of these, in plain text.
    pub plain_requests: u64,
    /// TLS sessions that came up.
    pub tls_sessions: u64,
}
