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

/// A TLS client that enforces the expectation never hands a stranger on, so no run comes by these lines: they are
/// looked at one by one.
#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::identity::{RomCaHash, SpkiHash, Uuid};
    use crate::record::{Pin, Pins, Provenance};

    const KEY: SpkiHash = SpkiHash::from_bytes([1; 32]);
    const SILICON: RomCaHash = RomCaHash::from_bytes([2; 32]);
    const OTHER_SILICON: RomCaHash = RomCaHash::from_bytes([3; 32]);
    const BY_ODCA: Peer = Peer { spki: KEY, voucher: Voucher::Odca(SILICON) };
    const BY_NOBODY: Peer = Peer { spki: KEY, voucher: Voucher::Nobody };

    fn stored(pins: Pins) -> Record {
        let uuid = Uuid::from_bytes(*b"amt-classified-1").expect("no placeholder");
        Record { pins, ..Record::new(uuid) }
    }

    fn pinned(provenance: Provenance) -> Record {
        stored(Pins { confirmed: Some(Pin { spki: KEY, provenance }), ..Pins::NONE })
    }

    fn expecting_the_key() -> Expectation {
        Expectation { pins: vec![KEY], ..Expectation::default() }
    }

    fn expecting_silicon(odca: OdcaExpectation) -> Expectation {
        Expectation { odca, ..Expectation::default() }
    }

    #[test]
    fn a_stored_key_is_proven_only_where_every_session_to_it_was() {
        for provenance in [Provenance::Odca, Provenance::OdcaInterim] {
            let recognised = classify(&BY_NOBODY, &expecting_the_key(), &pinned(provenance));
            assert!(matches!(recognised, Ok(Recognised::Proven(_))), "{recognised:?}");
        }
        for provenance in [Provenance::FirstUse, Provenance::Adopted, Provenance::Provisional] {
            let recognised = classify(&BY_NOBODY, &expecting_the_key(), &pinned(provenance));
            assert!(matches!(recognised, Ok(Recognised::FirstUse(_))), "{recognised:?}");
        }
    }

    #[test]
    fn a_stored_key_that_is_not_expected_here_is_a_strangers_whoever_vouches_for_it() {
        let expected =
            Expectation { odca: OdcaExpectation::AnyDevice, unvouched: Unvouched::Any, ..Expectation::default() };
        for peer in [BY_ODCA, BY_NOBODY] {
            assert_eq!(classify(&peer, &expected, &pinned(Provenance::Odca)), Err(Stranger));
        }
    }

    #[test]
    fn an_enrolled_device_is_its_own_silicon_and_no_other() {
        let shown = |odca| classify(&BY_ODCA, &expecting_silicon(odca), &stored(Pins::NONE));
        let odca = Ok(Recognised::Odca(Odca { rom_ca: SILICON }));
        assert_eq!(shown(OdcaExpectation::Enrolled(SILICON)), odca);
        assert_eq!(shown(OdcaExpectation::Enrolled(OTHER_SILICON)), Err(Stranger));
        assert_eq!(shown(OdcaExpectation::AnyDevice), odca);
        assert_eq!(shown(OdcaExpectation::Refused), Err(Stranger));
    }

    #[test]
    fn the_key_that_was_listed_is_interim_where_it_is_expected_and_where_it_was_listed() {
        let listed = stored(Pins { interim: Some(KEY), ..Pins::NONE });
        let interim = Ok(Recognised::Interim(Interim { spki: KEY }));
        assert_eq!(classify(&BY_NOBODY, &expecting_the_key(), &listed), interim);
        assert_eq!(classify(&BY_NOBODY, &Expectation::default(), &listed), Err(Stranger));
        assert_eq!(classify(&BY_NOBODY, &expecting_the_key(), &stored(Pins::NONE)), Err(Stranger));
    }

    #[test]
    fn a_key_that_nobody_vouches_for_is_let_pass_by_the_profiles_word_alone() {
        let shown = |peer, unvouched| {
            let expected = Expectation { unvouched, ..Expectation::default() };
            classify(&peer, &expected, &stored(Pins::NONE))
        };
        let provisional = Ok(Recognised::Provisional(Provisional { spki: KEY }));
        assert_eq!(shown(BY_NOBODY, Unvouched::SelfSigned), provisional);
        assert_eq!(shown(BY_NOBODY, Unvouched::Any), provisional);
        assert_eq!(shown(BY_NOBODY, Unvouched::Refused), Err(Stranger));
        assert_eq!(shown(BY_ODCA, Unvouched::Any), Err(Stranger), "silicon that is not wanted is not nobody");
    }
}
