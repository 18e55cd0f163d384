//! What can go wrong in a TLS session, by who is to blame.

use amt_provision_fsm::identity::{RomCaHash, SpkiHash};

use super::{MAX_UNREAD_BYTES, MAX_UNSENT_BYTES};
use crate::pki::certificate::CertificateError;
use crate::pki::odca::OdcaRefusal;

/// Why a TLS session ended. Each is final but the last two, which leave the session as it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The peer is not one that was expected.
    #[error("refused the device's certificate: {0}")]
    Refused(Refusal),
    /// The device wants a certificate of ours, as a half-provisioned one does (odca.md §2.1).
    #[error(
        "the device asks for a client certificate: it is in the middle of another provisioning; unprovision it locally"
    )]
    ClientCertificateRequested,
    /// The device or something on the way broke TLS, or has no version and suite in common with us.
    #[error("TLS with the device failed: {0}")]
    Protocol(rustls::Error),
    /// The peer sent more than anybody asked for.
    #[error("the device sent more than {MAX_UNREAD_BYTES} bytes that nobody has read")]
    Flooded,
    /// Our mistake: the TLS library does not take our configuration.
    #[error("the TLS client could not be set up, please report this: {0}")]
    Setup(rustls::Error),
    /// Our mistake: data was written before the peer was known, or after the session was closed.
    #[error("nothing may be written but between the end of the handshake and the close")]
    NotOpen,
    /// The link does not take what we write.
    #[error("more than {MAX_UNSENT_BYTES} bytes wait to be sent: the link does not take them")]
    Backlog,
}

/// Why a peer's certificate is refused, for the nearest of the ways that were open to it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its leaf is no certificate.
    #[error("it is {0}")]
    Unreadable(#[from] CertificateError),
    /// An RSA key that can be factored; refused also where its hash is pinned.
    #[error("its RSA key has {bits} bits: expected at least 2048")]
    WeakKey {
        /// Length of the modulus.
        bits: usize,
    },
    /// A chain was accepted and is not that of a genuine device.
    #[error("{0}")]
    Odca(#[from] OdcaRefusal),
    /// A genuine device, and not the one that is enrolled under this UUID.
    #[error("it is a genuine device with ROM CA {found}: expected the enrolled {enrolled}")]
    OtherDevice {
        /// The enrolled device's ROM-CA hash.
        enrolled: RomCaHash,
        /// That of the device which answered.
        found: RomCaHash,
    },
    /// A self-signed certificate was accepted and this is none, or a chain.
    #[error("expected one self-signed certificate, got {presented} certificates with key {found}")]
    NotSelfSigned {
        /// The leaf's key.
        found: SpkiHash,
        /// How many certificates there were.
        presented: usize,
    },
    /// Only pinned keys were accepted.
    #[error("its key {found} is none of the {pins} pinned ones")]
    NotPinned {
        /// The leaf's key.
        found: SpkiHash,
        /// How many keys are pinned.
        pins: usize,
    },
    /// Nothing was accepted: our own mistake.
    #[error("nothing was expected")]
    NothingExpected,
}
