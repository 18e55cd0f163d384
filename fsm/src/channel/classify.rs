//! From a finished handshake to the channel's type (G4, G5).

use core::marker::PhantomData;

use super::kinds::{Interim, Odca, Pinned, Proven, Provisional};
use crate::channel::FirstUse;
use crate::peer::{Expectation, OdcaExpectation, Peer, Unvouched, Voucher};
use crate::record::Record;

/// A TLS channel, typed by what proved its peer.
#[derive(Debug, PartialEq, Eq)]
pub enum Recognised {
    /// An ODCA chain vouched for the key.
    Odca(Odca),
    /// The default key that was listed inside an ODCA session.
    Interim(Interim),
    /// A self-signed key that the profile lets pass.
    Provisional(Provisional),
    /// The stored key, learnt over proven sessions.
    Proven(Pinned<Proven>),
    /// The stored key, learnt at first use.
    FirstUse(Pinned<FirstUse>),
}

/// The key is none that may be shown here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stranger;

/// Types a finished handshake by what is stored about the device and by what was expected of it.
///
/// A stored pin comes first: where the key is the pinned one it does not matter who else vouches for it.
///
/// # Errors
/// [`Stranger`] when the key is not in the expectation. A TLS client that enforced the expectation
/// during the handshake never gets here with one; the check is repeated because everything rests on it.
pub fn classify(peer: &Peer, expected: &Expectation, record: &Record) -> Result<Recognised, Stranger> {
    let pins = [record.pins.intended, record.pins.confirmed];
    if let Some(pin) = pins.into_iter().flatten().find(|pin| pin.spki == peer.spki) {
        if !expected.pins.contains(&pin.spki) {
            return Err(Stranger);
        }
        return Ok(if pin.provenance.is_proven() {
            Recognised::Proven(Pinned { pin, assurance: PhantomData })
        } else {
            Recognised::FirstUse(Pinned { pin, assurance: PhantomData })
        });
    }
    match (peer.voucher, expected.odca) {
        (Voucher::Odca(rom_ca), OdcaExpectation::AnyDevice) => return Ok(Recognised::Odca(Odca { rom_ca })),
        (Voucher::Odca(rom_ca), OdcaExpectation::Enrolled(known)) if rom_ca == known => {
            return Ok(Recognised::Odca(Odca { rom_ca }));
        }
        _ => {}
    }
    if record.pins.interim == Some(peer.spki) && expected.pins.contains(&peer.spki) {
        return Ok(Recognised::Interim(Interim { spki: peer.spki }));
    }
    match peer.voucher {
        Voucher::Nobody if expected.unvouched != Unvouched::Refused => {
            Ok(Recognised::Provisional(Provisional { spki: peer.spki }))
        }
        _ => Err(Stranger),
    }
}
