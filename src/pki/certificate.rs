//! The parts of a certificate, unjudged.
//!
//! This reader accepts X.509 v1 as well as v3: a firmware's default certificate may be either (odca.md §2.5),
//! and webpki reads v1 only as a trust anchor.

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Encode, Tagged};

use super::signed::Signed;

/// A certificate that cannot be taken apart: the peer's fault, or that of a damaged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate in DER")]
pub struct CertificateError;

impl From<x509_cert::der::Error> for CertificateError {
    fn from(_: x509_cert::der::Error) -> Self {
        Self
    }
}

/// What a certificate says. Having one proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateParts {
    signed: Signed,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    spki: SubjectPublicKeyInfoDer<'static>,
}

impl CertificateParts {
    /// Takes a certificate of any X.509 version apart.
    ///
    /// # Errors
    /// If it is no certificate; its extensions are not looked at.
    pub fn read(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let signed = Signed::read(certificate)?;
        let fields = Vec::<AnyRef<'_>>::from_der(signed.tbs())?;
        // A v1 certificate has no version field: DER leaves a default value out.
        let fields = match fields.split_first() {
            Some((version, rest)) if version.tag().is_context_specific() => rest,
            _ => &fields[..],
        };
        let [_serial, _algorithm, issuer, _validity, subject, spki, ..] = fields else {
            return Err(CertificateError);
        };
        let (issuer, subject, spki) = (issuer.to_der()?, subject.to_der()?, spki.to_der()?.into());
        Ok(Self { signed, issuer, subject, spki })
    }

    /// The public key, as SubjectPublicKeyInfo.
    pub fn spki(&self) -> &SubjectPublicKeyInfoDer<'static> {
        &self.spki
    }

    /// The subject's name, in DER.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// Whether the certificate names itself as its issuer and carries a signature of its own key. That proves
    /// possession of the key and nothing about whose it is.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.is_signed_by(&self.spki)
    }

    /// Whether the certificate names itself as its issuer, whatever signature it carries.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Whether the certificate names the owner of `other` as its issuer, whatever signature it carries.
    pub fn names_as_issuer(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }

    /// Whether the certificate carries a signature of `key`, whatever names it bears.
    pub fn is_signed_by(&self, key: &SubjectPublicKeyInfoDer<'_>) -> bool {
        self.signed.is_signed_by(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::identity::{ChainShape, Identity, SimulatorAuthority, generate_p384_key, generate_rsa_key};
    use proptest::prelude::*;
    use webpki::EndEntityCert;

    #[test]
    fn the_key_of_a_v3_certificate_is_the_one_that_webpki_sees() {
        let device = SimulatorAuthority::generate().unwrap().device(&ChainShape::default()).unwrap();
        for certificate in &device.chain {
            let parts = CertificateParts::read(certificate).unwrap();
            assert_eq!(*parts.spki(), EndEntityCert::try_from(certificate).unwrap().subject_public_key_info());
        }
    }

    #[test]
    fn self_signed_certificates_of_both_versions_are_known_as_such() {
        for identity in [
            Identity::self_signed(generate_p384_key().unwrap()).unwrap(),
            Identity::self_signed_v1(generate_p384_key().unwrap()).unwrap(),
            Identity::self_signed(generate_rsa_key().unwrap()).unwrap(),
            Identity::self_signed_v1(generate_rsa_key().unwrap()).unwrap(),
        ] {
            assert!(CertificateParts::read(&identity.chain[0]).unwrap().is_self_signed());
        }
    }

    #[test]
    fn certificates_that_another_key_signed_are_not_self_signed() {
        let device = SimulatorAuthority::generate().unwrap().device(&ChainShape::default()).unwrap();
        for certificate in &device.chain {
            assert!(!CertificateParts::read(certificate).unwrap().is_self_signed());
        }
        let mut forged = Identity::self_signed(generate_p384_key().unwrap()).unwrap().chain[0].to_vec();
        *forged.last_mut().unwrap() ^= 1;
        assert!(!CertificateParts::read(&forged.into()).unwrap().is_self_signed());
    }

    #[test]
    fn a_certificate_cut_anywhere_is_no_certificate() {
        for identity in [
            Identity::self_signed_v1(generate_p384_key().unwrap()).unwrap(),
            Identity::self_signed(generate_rsa_key().unwrap()).unwrap(),
        ] {
            let whole = &identity.chain[0];
            for length in 0..whole.len() {
                assert_eq!(CertificateParts::read(&whole[..length].into()), Err(CertificateError), "{length} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn damaged_certificates_panic_nobody(at in 0usize..500, to: u8) {
            let mut bytes = Identity::self_signed(generate_p384_key().unwrap()).unwrap().chain[0].to_vec();
            let at = at % bytes.len();
            bytes[at] = to;
            if let Ok(parts) = CertificateParts::read(&bytes.into()) {
                let _ = parts.is_self_signed();
            }
        }
    }
}
