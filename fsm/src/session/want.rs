//! What a session wants of its driver next.

use super::AnySession;
use crate::fault::Fault;
use crate::firmware::Port;
use crate::record::Intent;
use crate::request::{KeyPair, Request};

/// What a session wants before it can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// An input; there is nothing to do until it comes.
    Input,
    /// A port of the device.
    Open(Port),
    /// A reply.
    Ask(Request),
    /// A change of the record, durable.
    Intend(Intent),
    /// A certificate for this key.
    Issue(KeyPair),
    /// This channel closed, and a fresh look over a new one.
    Reopen,
    /// The end: the device is in pre-provisioning.
    Unprovisioned,
    /// The device out of service, because of this; then the end.
    GiveBack(Fault),
    /// The end: nothing can be done.
    Fail(Fault),
}

impl Want {
    /// Whether it would have something begin; else it is what was found out already, or an end.
    pub(crate) const fn begins(&self) -> bool {
        match self {
            Self::Intend(intent) => !intent.is_finding(),
            Self::Input | Self::Open(_) | Self::Ask(_) | Self::Issue(_) | Self::Reopen | Self::GiveBack(_) => true,
            Self::Unprovisioned | Self::Fail(_) => false,
        }
    }
}

/// What became of a session when it was asked to go on.
pub(crate) enum Step {
    /// It took an edge.
    Moved(AnySession),
    /// It wants something first.
    Wants(AnySession, Want),
}
