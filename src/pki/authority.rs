//! The deployment's own certificate authority: it certifies the keys that devices generate.
//!
//! The private key of a device never leaves it, so the "self-signed" certificate of the provisioning flow is one
//! that this authority issues over the device's public key. What is pinned is that key, and it is known, as
//! [`DeviceKey::spki_hash`], before a certificate exists (G3).

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::identity::{SpkiHash, Uuid};
use pkcs1::RsaPublicKeyRef;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData, SanType, SerialNumber, SignatureAlgorithm,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use time::{Duration, OffsetDateTime};
use x509_cert::der::Decode;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use zeroize::{Zeroize, Zeroizing};

use super::certificate::CertificateParts;
use super::spki::{KeyKind, modulus_bits, spki_hash};
use crate::secret::Secret;

/// The longest certificate that `AddCertificate` takes, in DER (wsman.md §2.6).
pub const MAX_DEVICE_CERTIFICATE_BYTES: usize = 4100;

/// Why the authority cannot be made, read, or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The cryptography library failed.
    #[error("the deployment's certificate authority: {0}")]
    Library(#[from] rcgen::Error),
    /// The stored authority is damaged or was made by something else.
    #[error(
        "the stored certificate authority cannot be used: {0}; restore it from a backup, for the issued certificates hang on it"
    )]
    Stored(&'static str),
    /// The certificate would not fit into the device.
    #[error("the device certificate has {bytes} bytes: a device takes {MAX_DEVICE_CERTIFICATE_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Why a `DERKey` is not a key that this firmware's suite asks for: the device's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceKeyError {
    /// Not a PKCS#1 `RSAPublicKey`.
    #[error("expected an RSA public key (PKCS#1) as DERKey, got something else")]
    NotRsa,
    /// An RSA key of another length.
    #[error("expected an RSA key of 2048 bits as DERKey, got one of {bits}")]
    RsaLength {
        /// Length of its modulus.
        bits: usize,
    },
    /// An RSA key that no key generator makes.
    #[error("the RSA key in DERKey has an even modulus or a public exponent other than 65537")]
    RsaForm,
    /// Not a SubjectPublicKeyInfo of a point on P-384.
    #[error("expected a P-384 public key (SubjectPublicKeyInfo) as DERKey, got something else")]
    NotP384,
}

/// A public key that a device generated, of the kind that its suite asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceKey {
    suite: KeySuite,
    /// The content of the SubjectPublicKeyInfo's BIT STRING.
    key: Vec<u8>,
}

impl DeviceKey {
    /// Reads `AMT_PublicPrivateKeyPair.DERKey`: PKCS#1 up to AMT 21, SubjectPublicKeyInfo from AMT 22 on
    /// (wsman.md §2.6).
    ///
    /// # Errors
    /// If it is not exactly an RSA-2048 or P-384 key.
    pub fn from_der_key(suite: KeySuite, der_key: &[u8]) -> Result<Self, DeviceKeyError> {
        let key = match suite {
            KeySuite::Rsa2048Sha256 => {
                let key = RsaPublicKeyRef::from_der(der_key).map_err(|_| DeviceKeyError::NotRsa)?;
                let bits = modulus_bits(&key);
                if bits != 2048 {
                    return Err(DeviceKeyError::RsaLength { bits });
                }
                let odd = key.modulus.as_bytes().last().is_some_and(|last| last & 1 == 1);
                if !odd || key.public_exponent.as_bytes() != [1, 0, 1] {
                    return Err(DeviceKeyError::RsaForm);
                }
                der_key
            }
            KeySuite::EcP384Sha384 => {
                let spki = SubjectPublicKeyInfoRef::from_der(der_key).map_err(|_| DeviceKeyError::NotP384)?;
                match (KeyKind::of(&der_key.into()), spki.subject_public_key.as_bytes()) {
                    (KeyKind::P384, Some(point)) => point,
                    _ => return Err(DeviceKeyError::NotP384),
                }
            }
        };
        Ok(Self { suite, key: key.to_vec() })
    }

    /// The pin: what a TLS session with this key will show.
    pub fn spki_hash(&self) -> SpkiHash {
        spki_hash(&self.spki())
    }

    /// The key as SubjectPublicKeyInfo.
    pub fn spki(&self) -> SubjectPublicKeyInfoDer<'static> {
        self.subject_public_key_info().into()
    }
}

impl PublicKeyData for DeviceKey {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.suite {
            KeySuite::Rsa2048Sha256 => &PKCS_RSA_SHA256,
            KeySuite::EcP384Sha384 => &PKCS_ECDSA_P384_SHA384,
        }
    }
}

/// A certificate's serial number: positive, 16 bytes long, made of 126 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serial([u8; 16]);

impl Serial {
    /// The serial number of 16 random bytes, the two highest bits replaced by `01`.
    pub const fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[0] = bytes[0] & 0x3f | 0x40;
        Self(bytes)
    }

    /// Its bytes, the highest first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The deployment's certificate authority: a P-384 key with a self-signed certificate until the end of 2049.
pub struct DeploymentAuthority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl DeploymentAuthority {
    /// A new authority, at a deployment's first start. The key comes from the cryptography library's random
    /// source.
    ///
    /// # Errors
    /// [`AuthorityError::Library`].
    pub fn generate() -> Result<Self, AuthorityError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let params = authority_params(&key);
        let certificate = params.self_signed(&key)?.into();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// The authority that [`DeploymentAuthority::to_pem`] wrote.
    ///
    /// # Errors
    /// [`AuthorityError::Stored`] if certificate and key are missing, damaged, or do not belong together.
    pub fn from_pem(pem: &Secret) -> Result<Self, AuthorityError> {
        let text = pem.expose().as_bytes();
        let certificate =
            CertificateDer::from_pem_slice(text).map_err(|_| AuthorityError::Stored("it has no certificate"))?;
        let mut pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(text)
            .map_err(|_| AuthorityError::Stored("it has no private key in PKCS#8"))?;
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P384_SHA384);
        pkcs8.zeroize();
        let key = key.map_err(|_| AuthorityError::Stored("its private key is not of P-384"))?;
        let parts =
            CertificateParts::read(&certificate).map_err(|_| AuthorityError::Stored("its certificate is damaged"))?;
        if parts.spki().as_ref() != key.subject_public_key_info() || !parts.is_self_signed() {
            return Err(AuthorityError::Stored("its certificate is not of its private key"));
        }
        Ok(Self { certificate, issuer: Issuer::new(authority_params(&key), key) })
    }

    /// Certificate and private key: whoever has them can certify keys, though not make a server accept them, for
    /// servers go by pins.
    pub fn to_pem(&self) -> Secret {
        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", &self.certificate[..]));
        Secret::from(certificate + &Zeroizing::new(self.issuer.key().serialize_pem()))
    }

    /// The authority's own certificate, which devices get as a trusted root where they need one.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Issues the TLS certificate of the device `uuid` over its own `key`. It starts in the past of every device
    /// clock and ends with 2049: the pin decides, not the dates.
    ///
    /// # Errors
    /// [`AuthorityError::Library`]; [`AuthorityError::TooLong`] cannot come for keys that [`DeviceKey`] takes.
    pub fn issue(
        &self,
        uuid: Uuid,
        key: &DeviceKey,
        serial: Serial,
    ) -> Result<CertificateDer<'static>, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("AMT-{uuid}"));
        params.subject_alt_names = vec![SanType::URI(format!("urn:uuid:{uuid}").try_into()?)];
        params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = match key.suite {
            KeySuite::Rsa2048Sha256 => vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment],
            KeySuite::EcP384Sha384 => vec![KeyUsagePurpose::DigitalSignature],
        };
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = validity();
        let certificate: CertificateDer<'static> = params.signed_by(key, &self.issuer)?.into();
        match certificate.len() {
            bytes if bytes > MAX_DEVICE_CERTIFICATE_BYTES => Err(AuthorityError::TooLong { bytes }),
            _ => Ok(certificate),
        }
    }
}

/// A function of the key alone, so that a stored key brings back the issuer it was.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let fingerprint = spki_hash(&key.subject_public_key_info().into()).to_hex();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "amt-provision");
    // Deployments have different names, so that a device that changes hands does not mix them up.
    params.distinguished_name.push(DnType::CommonName, format!("AMT device authority {:.16}", fingerprint));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = validity();
    params
}

/// From before any device's clock to the last second that UTCTime can say.
fn validity() -> (OffsetDateTime, OffsetDateTime) {
    (rcgen::date_time_ymd(2010, 1, 1), rcgen::date_time_ymd(2050, 1, 1) - Duration::SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::identity::{generate_p384_key, generate_rsa_key};
    use proptest::prelude::*;
    use rcgen::RsaKeySize;
    use rustls::pki_types::UnixTime;
    use std::sync::LazyLock;
    use webpki::aws_lc_rs::ECDSA_P384_SHA384;
    use webpki::{EndEntityCert, KeyUsage};
    use x509_cert::Certificate;
    use x509_cert::ext::pkix::SubjectAltName;
    use x509_cert::ext::pkix::name::GeneralName;

    static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| generate_rsa_key().unwrap().public_key_raw().to_vec());

    fn uuid() -> Uuid {
        "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().unwrap()
    }

    fn rsa_key() -> DeviceKey {
        DeviceKey::from_der_key(KeySuite::Rsa2048Sha256, &RSA).unwrap()
    }

    fn p384_key() -> DeviceKey {
        let der_key = generate_p384_key().unwrap().subject_public_key_info();
        let key = DeviceKey::from_der_key(KeySuite::EcP384Sha384, &der_key).unwrap();
        assert_eq!(*key.spki(), der_key[..]);
        key
    }

    #[test]
    fn an_issued_certificate_names_the_device_and_verifies_at_any_device_clock() {
        let authority = DeploymentAuthority::generate().unwrap();
        for key in [rsa_key(), p384_key()] {
            let der = authority.issue(uuid(), &key, Serial::from_random([0xff; 16])).unwrap();
            assert!(der.len() <= MAX_DEVICE_CERTIFICATE_BYTES);
            let certificate = Certificate::from_der(&der).unwrap();
            let tbs = certificate.tbs_certificate();
            assert_eq!(tbs.subject().to_string(), "CN=AMT-4c4c4544-0051-3610-8053-b7c04f4e3033");
            assert_eq!(tbs.serial_number().as_bytes(), Serial::from_random([0xff; 16]).as_bytes());
            let (_, SubjectAltName(names)) = tbs.get_extension().unwrap().unwrap();
            let [GeneralName::UniformResourceIdentifier(uri)] = &names[..] else { panic!("{names:?}") };
            assert_eq!(uri.as_str(), "urn:uuid:4c4c4544-0051-3610-8053-b7c04f4e3033");

            let anchor = webpki::anchor_from_trusted_cert(authority.certificate()).unwrap();
            let leaf = EndEntityCert::try_from(&der).unwrap();
            for year_2015_2026_2040 in [1_420_070_400, 1_795_478_400, 2_208_988_800] {
                let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(year_2015_2026_2040));
                let anchors = std::slice::from_ref(&anchor);
                let usage = KeyUsage::required(b"\x2b\x06\x01\x05\x05\x07\x03\x01");
                leaf.verify_for_usage(&[ECDSA_P384_SHA384], anchors, &[], now, usage, None, None).unwrap();
            }
        }
    }

    #[test]
    fn the_pin_is_known_before_the_certificate_and_is_its_keys() {
        let authority = DeploymentAuthority::generate().unwrap();
        for key in [rsa_key(), p384_key()] {
            let der = authority.issue(uuid(), &key, Serial::from_random([7; 16])).unwrap();
            assert_eq!(crate::pki::spki::spki_hash_of_certificate(&der), Ok(key.spki_hash()));
        }
    }

    #[test]
    fn a_stored_authority_comes_back_whole() {
        let authority = DeploymentAuthority::generate().unwrap();
        let again = DeploymentAuthority::from_pem(&authority.to_pem()).unwrap();
        assert_eq!(again.certificate(), authority.certificate());
        assert_eq!(again.to_pem().expose(), authority.to_pem().expose());
        let serial = Serial::from_random([1; 16]);
        let (a, b) =
            (authority.issue(uuid(), &rsa_key(), serial).unwrap(), again.issue(uuid(), &rsa_key(), serial).unwrap());
        let tbs = |der: &CertificateDer<'_>| Certificate::from_der(der).unwrap().tbs_certificate().clone();
        assert_eq!(tbs(&a), tbs(&b));
    }

    #[test]
    fn a_stored_authority_that_is_not_whole_is_refused() {
        let (one, other) = (DeploymentAuthority::generate().unwrap(), DeploymentAuthority::generate().unwrap());
        let [one, other] = [one.to_pem(), other.to_pem()];
        let (certificate, key) = one.expose().split_at(one.expose().find("-----BEGIN PRIVATE").unwrap());
        let other_certificate = &other.expose()[..other.expose().find("-----BEGIN PRIVATE").unwrap()];
        for text in ["", certificate, key, &format!("{other_certificate}{key}"), &one.expose()[..200]] {
            let read = DeploymentAuthority::from_pem(&Secret::from(text.to_owned()));
            assert!(matches!(read, Err(AuthorityError::Stored(_))), "{text}");
        }
        for length in 0..one.expose().trim_end().len() {
            let read = DeploymentAuthority::from_pem(&Secret::from(one.expose()[..length].to_owned()));
            assert!(matches!(read, Err(AuthorityError::Stored(_))), "{length} bytes");
        }
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }

    #[test]
    fn only_the_suites_own_kind_of_key_is_taken() {
        use DeviceKeyError as E;
        let rsa = |der: &[u8]| DeviceKey::from_der_key(KeySuite::Rsa2048Sha256, der).map(|_| ());
        let p384 = |der: &[u8]| DeviceKey::from_der_key(KeySuite::EcP384Sha384, der).map(|_| ());
        let spki = generate_p384_key().unwrap().subject_public_key_info();
        assert_eq!(rsa(&spki), Err(E::NotRsa));
        assert_eq!(p384(&RSA), Err(E::NotP384));
        assert_eq!(p384(&rsa_key().spki()), Err(E::NotP384));
        assert_eq!(p384(&[&spki[..], &[0]].concat()), Err(E::NotP384));

        let long = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap();
        assert_eq!(rsa(long.public_key_raw()), Err(E::RsaLength { bits: 3072 }));
        let mut even = RSA.clone();
        even[264] &= 0xfe; // the modulus' last byte, before 02 03 01 00 01
        assert_eq!(rsa(&even), Err(E::RsaForm));
        let mut exponent_three = RSA.clone();
        exponent_three[267] = 3;
        assert_eq!(rsa(&exponent_three), Err(E::RsaForm));
    }

    #[test]
    fn serials_are_positive_and_sixteen_bytes_long() {
        for byte in [0x00, 0x3f, 0x40, 0x80, 0xff] {
            let serial = Serial::from_random([byte; 16]);
            assert!((0x40..0x80).contains(&serial.as_bytes()[0]));
            assert_eq!(serial.as_bytes()[1..], [byte; 15]);
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_no_part_of_it_is_one() {
        let p384 = generate_p384_key().unwrap().subject_public_key_info();
        for (suite, der) in [(KeySuite::Rsa2048Sha256, &RSA[..]), (KeySuite::EcP384Sha384, &p384[..])] {
            assert!(DeviceKey::from_der_key(suite, der).unwrap().spki().ends_with(der));
            for length in 0..der.len() {
                assert!(DeviceKey::from_der_key(suite, &der[..length]).is_err(), "{length} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn no_der_key_panics(at in 0usize..270, to: u8, cut in 0usize..271) {
            let mut der = RSA.clone();
            der[at] = to;
            der.truncate(cut);
            let _ = DeviceKey::from_der_key(KeySuite::Rsa2048Sha256, &der);
            let _ = DeviceKey::from_der_key(KeySuite::EcP384Sha384, &der);
        }
    }
}
