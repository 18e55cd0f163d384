//! What a channel tells its owner, and what goes wrong by who is to blame.

use amt_provision_fsm::identity::SpkiHash;
use amt_provision_fsm::peer::Peer;
use amt_provision_fsm::record::PasswordId;
use amt_provision_fsm::request::{Reply, RequestId};
use amt_provision_fsm::stage::TlsFault;
use rustls::crypto::GetRandomFailed;
use thiserror::Error;

use super::provisioning::SignatureError;
use super::remembered::MAX_REOPENINGS;
use crate::http::HttpError;
use crate::http::digest::Refused;
use crate::tunnel::tls::{self, TlsError};
use crate::wsman::envelope::{MessageId, ReplyError};

/// What happened on a channel.
#[derive(Debug)]
pub enum Event {
    /// The handshake has shown a peer that may be there: requests can be asked.
    TlsUp(Peer),
    /// The handshake failed, and why in detail; nothing follows.
    TlsFailed(TlsFault, Lost),
    /// The device answered. When it refused, [`Channel::explanation`](super::Channel::explanation) says more.
    Reply(RequestId, Reply),
    /// The device has ended the connection in due form, and what is asked needs a new one to the same port: when that is
    /// there, [`Channel::reopened`](super::Channel::reopened); when it cannot be had, the channel is lost.
    Reopen,
    /// The new connection's handshake has shown the same peer again.
    Reopened,
    /// The channel is over; nothing follows. A request without a reply stays without one.
    Lost(Lost),
}

/// Why a channel is over, by who is to blame.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Lost {
    /// Nobody: the device ended the connection in due form, and instead of a reply. The request may have been carried
    /// out, so the channel does not go on by itself (G6).
    #[error("the device ended the connection instead of replying")]
    InsteadOfReply,
    /// The line, or whoever is on it.
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// The device, or whoever is in its place.
    #[error(transparent)]
    Peer(#[from] PeerFault),
    /// Our own side.
    #[error(transparent)]
    Ours(#[from] OurFault),
}

/// The line is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkFault {
    /// The bytes stopped without the peer's word for it.
    #[error("the connection to the device was cut")]
    Cut,
    /// The relay does not take what we write.
    #[error("too many bytes wait to be sent: the relay does not take them")]
    Backlog,
}

/// The device, or whoever is in its place, is to blame.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PeerFault {
    /// Broken TLS, or a peer that was not expected.
    #[error(transparent)]
    Tls(TlsError),
    /// Bytes that are no HTTP reply.
    #[error("the device's reply cannot be read: {0}")]
    Http(#[from] HttpError),
    /// Bytes that nobody asked for.
    #[error("the device sent something that it was not asked for")]
    Unasked,
    /// A new connection of the channel showed another key than the first.
    #[error("the device's new connection shows the key {shown}, which is not the one before")]
    AnotherKey {
        /// The hash of what it showed.
        shown: SpkiHash,
    },
    /// It has ended as many connections in due form as it may (G10).
    #[error("the device has ended {MAX_REOPENINGS} connections in this run")]
    EndsTooOften,
    /// A whole reply to something else than the request that it came to.
    #[error("expected the reply to message {expected}, got one to {got:?}")]
    Unrelated {
        /// Our request.
        expected: MessageId,
        /// What the reply relates to, shortened.
        got: String,
    },
}

/// Our own side is to blame.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum OurFault {
    /// The random source failed.
    #[error("the random source failed: nothing was sent")]
    Entropy,
    /// The TLS client was used or set up wrongly.
    #[error(transparent)]
    Tls(TlsError),
    /// The owner closed it.
    #[error("the connection was closed from our side")]
    Closed,
}

impl From<GetRandomFailed> for OurFault {
    fn from(_: GetRandomFailed) -> Self {
        Self::Entropy
    }
}

impl From<TlsError> for Lost {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Backlog => LinkFault::Backlog.into(),
            TlsError::Setup(_) | TlsError::NotOpen => OurFault::Tls(error).into(),
            TlsError::Refused(_) | TlsError::ClientCertificateRequested | TlsError::Protocol(_) | TlsError::Flooded => {
                PeerFault::Tls(error).into()
            }
        }
    }
}

impl Lost {
    /// What a handshake that ended so means to the core.
    pub(super) fn tls_fault(&self) -> TlsFault {
        let Self::Peer(PeerFault::Tls(TlsError::Refused(refusal))) = self else { return TlsFault::Broken };
        match refusal {
            tls::Refusal::NotPinned { found, .. } | tls::Refusal::NotSelfSigned { found, .. } => {
                TlsFault::Stranger(Some(*found))
            }
            tls::Refusal::OtherDevice { found, .. } => TlsFault::StrangeRomCa(*found),
            tls::Refusal::Odca(refusal) if refusal.is_about_revocation() => TlsFault::Revoked,
            tls::Refusal::Unreadable(_)
            | tls::Refusal::WeakKey { .. }
            | tls::Refusal::Odca(_)
            | tls::Refusal::NothingExpected => TlsFault::Stranger(None),
        }
    }
}

/// Why a request was not sent: our own side is to blame, and the channel is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AskError {
    /// No session yet, or none any more.
    #[error("nothing can be asked: the connection is not open")]
    NotOpen,
    /// The reply to another request is still awaited.
    #[error("nothing can be asked before the reply to the last request")]
    Busy,
    /// The store has no such password.
    #[error("there is no password number {}", .0.0)]
    NoPassword(PasswordId),
    /// The operator gave no password for a device that is to be adopted.
    #[error("no password was given for the adoption of this device")]
    NoGivenPassword,
    /// The relay reported no local system account.
    #[error("the relay reported no local system account to log in with")]
    NoLocalSystem,
    /// ACM was asked for and there is no provisioning certificate.
    #[error("there is no provisioning certificate: configure one, or make the profile's goal CCM")]
    NoProvisioningCertificate,
    /// The provisioning chain is shorter than the core was told.
    #[error("the provisioning chain has no certificate {0}, the leaf being 0")]
    NoChainCertificate(u8),
    /// The provisioning certificate's key did not sign.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The random source failed.
    #[error("the random source failed")]
    Entropy,
}

impl From<GetRandomFailed> for AskError {
    fn from(_: GetRandomFailed) -> Self {
        Self::Entropy
    }
}

/// Why the last reply was a refusal, for the log: what a [`Refusal`](amt_provision_fsm::request::Refusal) has no room
/// for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Explanation {
    /// A fault, or an answer that is none.
    #[error(transparent)]
    Answer(ReplyError),
    /// Bytes that are no HTTP reply, or are too many for one.
    #[error("the device's reply cannot be read: {0}")]
    NoHttp(HttpError),
    /// A whole answer without what the request needs.
    #[error("the device's answer lacks {0}")]
    Lacks(&'static str),
    /// A method's ReturnValue with its name.
    #[error("the device refused: {0}")]
    ReturnValue(String),
    /// The login was refused.
    #[error(transparent)]
    Login(Refused),
    /// The device began a new digest session, so what it was sent of the provisioning chain is forgotten.
    #[error("the digest session of the firmware's nonce is over: the way to ACM begins anew")]
    NonceGone,
}
