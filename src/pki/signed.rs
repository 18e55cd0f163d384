//! What certificates and revocation lists have in common: a part that is signed, an algorithm and a signature
//! (RFC 5280 §4.1, §5.1).

use rustls::pki_types::SubjectPublicKeyInfoDer;
use webpki::RawPublicKeyEntity;
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::{Decode, Encode, Error, ErrorKind};

use super::algorithms::SIGNATURE_ALGORITHMS;

/// A signed structure. Having one proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// The part that is signed, in DER.
    tbs: Vec<u8>,
    /// The content of the signature's AlgorithmIdentifier.
    algorithm: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    /// Takes a structure apart; what is in its signed part is not looked at.
    pub(super) fn read(der: &[u8]) -> Result<Self, Error> {
        let [tbs, algorithm, signature] = Vec::<AnyRef<'_>>::from_der(der)?[..] else {
            return Err(ErrorKind::Failed.into());
        };
        let signature = signature.decode_as::<BitStringRef<'_>>()?.as_bytes().ok_or(ErrorKind::Failed)?.to_vec();
        Ok(Self { tbs: tbs.to_der()?, algorithm: algorithm.value().to_vec(), signature })
    }

    pub(super) fn tbs(&self) -> &[u8] {
        &self.tbs
    }

    /// Whether the signature is one of `key`.
    pub(super) fn is_signed_by(&self, key: &SubjectPublicKeyInfoDer<'_>) -> bool {
        // Intel's root writes NULL parameters behind ECDSA, in its own certificate and in its revocation list, against
        // RFC 5758 §3.2 (odca.md §1.3). Nothing that is signed depends on them.
        let bare = self.algorithm.strip_suffix(b"\x05\x00").unwrap_or(&self.algorithm);
        RawPublicKeyEntity::try_from(key).is_ok_and(|key| {
            SIGNATURE_ALGORITHMS
                .all
                .iter()
                .filter(|algorithm| [&self.algorithm, bare].contains(&algorithm.signature_alg_id().as_ref()))
                .any(|algorithm| key.verify_signature(*algorithm, &self.tbs, &self.signature).is_ok())
        })
    }
}
