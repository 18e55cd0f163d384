//! Whom the second connection of a channel may reach: nobody but the peer of the first.

use amt_provision_fsm::peer::{Expectation, OdcaExpectation, Peer, Unvouched, Voucher};
use rustls::pki_types::UnixTime;

use super::event::PeerFault;
use super::settings::TlsOptions;
use super::transport::{Carriage, Transport};
use crate::tunnel::tls::TlsError;

/// The peer of a channel, which is the same in all its connections.
pub(super) enum SamePeer {
    /// Port 16992: nobody knows it, and nothing is sent there that depends on it.
    Unknown(Carriage),
    /// The first handshake has not ended.
    NotSeen(TlsOptions),
    /// What it showed first; a handshake expects that and nothing else.
    Seen(Peer, TlsOptions),
}

impl SamePeer {
    /// The first handshake has shown `peer`.
    pub(super) fn seen(&mut self, peer: Peer) {
        if let Self::NotSeen(options) = self {
            let options = TlsOptions { expectation: only(&peer), ..options.clone() };
            *self = Self::Seen(peer, options);
        }
    }

    /// The next connection's beginning.
    pub(super) fn connect(&self, now: UnixTime) -> Result<Transport, TlsError> {
        match self {
            Self::Unknown(carriage) => Ok(Transport::plain(*carriage)),
            Self::NotSeen(options) | Self::Seen(_, options) => Transport::tls(options.clone(), now),
        }
    }

    /// Whether `peer` is the one that was seen: its key, and what vouched for it. An ODCA chain proves the die, and a
    /// die may have two keys; what was learnt holds for the key that it was learnt from.
    pub(super) fn check(&self, peer: Peer) -> Result<(), PeerFault> {
        match self {
            Self::Seen(first, _) if *first == peer => Ok(()),
            _ => Err(PeerFault::AnotherKey { shown: peer.spki }),
        }
    }
}

const fn no_pins() -> Expectation {
    Expectation { pins: Vec::new(), odca: OdcaExpectation::Refused, unvouched: Unvouched::Refused }
}

fn only(peer: &Peer) -> Expectation {
    match peer.voucher {
        Voucher::Nobody => Expectation { pins: vec![peer.spki], ..no_pins() },
        Voucher::Odca(rom_ca) => Expectation { odca: OdcaExpectation::Enrolled(rom_ca), ..no_pins() },
    }
}
