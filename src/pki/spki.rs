//! Public keys: what a pin is, which kinds there are, and which signatures are taken.

use amt_provision_fsm::identity::SpkiHash;
use pkcs1::RsaPublicKeyRef;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use sha2::{Digest, Sha256};
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::certificate::{CertificateError, CertificateParts};

/// The pin of a public key: SHA-256 of its SubjectPublicKeyInfo in DER.
pub fn spki_hash(spki: &SubjectPublicKeyInfoDer<'_>) -> SpkiHash {
    SpkiHash::from_bytes(Sha256::digest(spki).into())
}

/// The pin of the key in a certificate of any X.509 version.
///
/// # Errors
/// If it is no certificate.
pub fn spki_hash_of_certificate(certificate: &CertificateDer<'_>) -> Result<SpkiHash, CertificateError> {
    Ok(spki_hash(CertificateParts::read(certificate)?.spki()))
}

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA.
    Rsa {
        /// Length of the modulus.
        bits: usize,
    },
    /// A point on P-384, uncompressed.
    P384,
    /// Another algorithm or curve, or no key at all.
    Other,
}

impl KeyKind {
    /// The kind of `spki`.
    pub fn of(spki: &SubjectPublicKeyInfoDer<'_>) -> Self {
        Self::read(spki).unwrap_or(Self::Other)
    }

    fn read(spki: &[u8]) -> Option<Self> {
        const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
        const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
        const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
        const UNCOMPRESSED_P384_POINT: usize = 1 + 2 * 48;

        let spki = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
        let key = spki.subject_public_key.as_bytes()?;
        match spki.algorithm.oid {
            RSA_ENCRYPTION => Some(Self::Rsa { bits: modulus_bits(&RsaPublicKeyRef::from_der(key).ok()?) }),
            EC_PUBLIC_KEY if spki.algorithm.parameters_oid().ok()? == SECP384R1 => {
                (key.len() == UNCOMPRESSED_P384_POINT && key.first() == Some(&4)).then_some(Self::P384)
            }
            _ => None,
        }
    }
}

/// Length of an RSA key's modulus in bits.
pub(super) fn modulus_bits(key: &RsaPublicKeyRef<'_>) -> usize {
    let bytes = key.modulus.as_bytes();
    let leading_zeros = bytes.first().map_or(0, |first| first.leading_zeros() as usize);
    bytes.len() * 8 - leading_zeros
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::identity::{Identity, generate_p384_key, generate_rsa_key};
    use pkcs1::UintRef;
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
    use x509_cert::der::Encode;
    use x509_cert::der::asn1::{Any, BitString, Null};
    use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

    fn kind_of_key(oid: &str, parameters: Any, key: &[u8]) -> KeyKind {
        let algorithm =
            AlgorithmIdentifierOwned { oid: ObjectIdentifier::new(oid).unwrap(), parameters: Some(parameters) };
        let subject_public_key = BitString::from_bytes(key).unwrap();
        let spki = SubjectPublicKeyInfoOwned { algorithm, subject_public_key };
        KeyKind::of(&spki.to_der().unwrap().into())
    }

    fn kind_of_point(curve: &str, point: &[u8]) -> KeyKind {
        let curve = Any::encode_from(&ObjectIdentifier::new(curve).unwrap()).unwrap();
        kind_of_key("1.2.840.10045.2.1", curve, point)
    }

    #[test]
    fn keys_are_told_apart_by_kind_and_size() {
        let kind = |key: KeyPair| KeyKind::of(&key.subject_public_key_info().into());
        assert_eq!(kind(generate_rsa_key().unwrap()), KeyKind::Rsa { bits: 2048 });
        assert_eq!(kind(generate_p384_key().unwrap()), KeyKind::P384);
        assert_eq!(kind(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()), KeyKind::Other);
        assert_eq!(KeyKind::of(&b"\x30\x00"[..].into()), KeyKind::Other);
    }

    #[test]
    fn no_part_of_a_key_is_of_a_known_kind() {
        for key in [generate_rsa_key().unwrap(), generate_p384_key().unwrap()] {
            let der = key.subject_public_key_info();
            for length in 0..der.len() {
                assert_eq!(KeyKind::of(&der[..length].into()), KeyKind::Other, "{length} bytes");
            }
        }
    }

    #[test]
    fn a_point_is_one_of_p384_by_its_curve_its_length_and_its_form() {
        const P384: &str = "1.3.132.0.34";
        const BRAINPOOL_P384R1: &str = "1.3.36.3.3.2.8.1.1.11";
        let point = |form: u8, length: usize| [vec![form], vec![0x5a; length - 1]].concat();
        assert_eq!(kind_of_point(P384, &point(4, 97)), KeyKind::P384);
        assert_eq!(kind_of_point(BRAINPOOL_P384R1, &point(4, 97)), KeyKind::Other, "as long, on another curve");
        assert_eq!(kind_of_point(P384, &point(2, 49)), KeyKind::Other, "compressed");
        assert_eq!(kind_of_point(P384, &point(6, 97)), KeyKind::Other, "hybrid");
        assert_eq!(kind_of_point(P384, &point(4, 96)), KeyKind::Other, "cut short");
        assert_eq!(kind_of_point(P384, &[]), KeyKind::Other);
    }

    #[test]
    fn the_bits_of_an_rsa_key_are_counted_from_the_first_one_that_is_set() {
        for (first, bits) in [(0xff, 2048), (0x80, 2048), (0x7f, 2047), (0x01, 2041)] {
            let modulus = [vec![first], vec![0x5a; 255]].concat();
            let key = RsaPublicKeyRef {
                modulus: UintRef::new(&modulus).unwrap(),
                public_exponent: UintRef::new(&[1, 0, 1]).unwrap(),
            };
            let kind = kind_of_key("1.2.840.113549.1.1.1", Null.into(), &key.to_der().unwrap());
            assert_eq!(kind, KeyKind::Rsa { bits });
        }
    }

    #[test]
    fn a_pin_is_of_the_key_and_not_of_the_certificate() {
        let key = generate_p384_key().unwrap();
        let pin = spki_hash(&key.subject_public_key_info().into());
        let v3 = Identity::self_signed(key).unwrap();
        assert_eq!(spki_hash_of_certificate(&v3.chain[0]), Ok(pin));
    }
}
