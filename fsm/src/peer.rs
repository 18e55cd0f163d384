//! What a TLS handshake may show, and what it did show (G4).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::identity::{RomCaHash, SpkiHash};

/// What the next TLS handshake may show. The TLS client refuses everything else *during* the handshake,
/// before a byte of ours has gone out under its keys; there is no value that accepts just anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Expectation {
    /// Keys that are accepted by their hash, whatever certificate carries them.
    pub pins: Vec<SpkiHash>,
    /// Whether an ODCA chain is accepted.
    pub odca: OdcaExpectation,
    /// Which certificates that nobody vouches for are accepted (`Provisional`).
    pub unvouched: Unvouched,
}

/// Which certificates that nobody vouches for are accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unvouched {
    /// None.
    #[default]
    Refused,
    /// A single self-signed one: the default certificate.
    SelfSigned,
    /// Any: that of a device which somebody else provisioned, and which is to be adopted.
    Any,
}

/// Which on-die certificate authority chain is accepted (odca.md §7, "Verifier recipe").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OdcaExpectation {
    /// None.
    #[default]
    Refused,
    /// The chain of the one device whose ROM-CA certificate has this hash.
    Enrolled(RomCaHash),
    /// The chain of any device; the ROM-CA hash is there to be enrolled.
    AnyDevice,
}

/// The peer of a TLS session, as the TLS stack itself authenticated it: never a copy of the chain taken
/// from relayed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Peer {
    /// Hash of the key that the handshake proved possession of.
    pub spki: SpkiHash,
    /// Who vouches for that key.
    pub voucher: Voucher,
}

/// Who vouches for a peer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Voucher {
    /// A verified ODCA chain; the hash is of the ROM-CA certificate in the *verified* path.
    Odca(RomCaHash),
    /// Nobody: the key was accepted by its hash, or because one that nobody vouches for was allowed.
    Nobody,
}
