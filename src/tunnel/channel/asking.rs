//! A request that waits for the answer to its current call.

use amt_provision_fsm::request::{Request, RequestId};

use super::exchange::Exchange;

/// What is asked, as far as it has come: what is left of its calls.
pub(super) struct Asked {
    pub(super) id: RequestId,
    pub(super) kind: Kind,
    pub(super) exchange: Box<dyn Exchange>,
}

/// What a request has to do with the firmware's nonce.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It reads it.
    ReadsNonce,
    /// It has a meaning only in the digest session of the nonce.
    BoundToNonce,
    /// Nothing.
    Free,
}

impl Kind {
    pub(super) const fn of(request: &Request) -> Self {
        match request {
            Request::ReadControlMode => Self::ReadsNonce,
            Request::AddChainCertificate { .. } | Request::UpgradeClientToAdmin { .. } => Self::BoundToNonce,
            _ => Self::Free,
        }
    }
}
