//! What a simulated device shows in a TLS handshake: keys, self-signed certificates, and ODCA-shaped chains
//! under a certificate authority of the simulator's own.
//!
//! ```
//! use amt_provision::simulator::identity::{ChainShape, Identity, SimulatorAuthority};
//!
//! let authority = SimulatorAuthority::generate()?;
//! let device = authority.device(&ChainShape::default())?;
//! assert_eq!(device.chain.len(), 6); // leaf, AMT, kernel, ROM, issuing and intermediate CA: no root
//!
//! // Tests make the wrong chains from the same parts: a shape is plain data, a chain is a plain list.
//! let mut audit_log = ChainShape::default();
//! audit_log.leaf.common_name = "AMT AuditL".into();
//! let wrong = authority.device(&audit_log)?;
//! # assert_eq!(wrong.chain.len(), 6);
//! # Ok::<(), amt_provision::simulator::identity::IdentityError>(())
//! ```

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize,
    SigningKey,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, BitStringRef, Ia5String};
use x509_cert::der::{Decode, Encode, ErrorKind, Tagged};
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::name::Name;
use zeroize::Zeroizing;

use super::revocation::{INDIRECT_LIST, PLATFORM_LIST, PRODUCT_LIST, ROOT_LIST};

/// Why an identity could not be minted. Only a caller who asks for a nonsensical shape or hands over a
/// broken PEM file sees one.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A key or certificate could not be made.
    #[error("the simulated identity could not be made: {0}")]
    Mint(#[from] rcgen::Error),
    /// A structure could not be written or read as DER.
    #[error("the simulated identity could not be encoded: {0}")]
    Der(#[from] x509_cert::der::Error),
    /// The TLS library does not take the key.
    #[error("the simulated identity's key cannot be used in TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The file of a simulator authority is not two PKCS#8 private keys in PEM.
    #[error("not a simulator authority: expected two PEM private keys (root, then intermediate), found {found}")]
    NotAnAuthority {
        /// How many private keys there were.
        found: usize,
    },
}

/// A subject as Intel writes them: an optional unit, then a common name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `OU`, where the CAs that Intel itself holds carry their name (odca.md §1.1).
    pub unit: Option<String>,
    /// `CN`.
    pub common_name: String,
}

impl Subject {
    /// A subject that consists of a common name, as all certificates that are made on the die.
    pub fn named(common_name: impl Into<String>) -> Self {
        Self { unit: None, common_name: common_name.into() }
    }

    /// A subject as Intel's own CAs carry it: the name in the unit, `www.intel.com` as common name.
    pub fn unit(unit: impl Into<String>) -> Self {
        Self { unit: Some(unit.into()), common_name: "www.intel.com".into() }
    }

    fn distinguished_name(&self) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        if let Some(unit) = &self.unit {
            name.push(DnType::OrganizationalUnitName, unit.as_str());
        }
        name.push(DnType::CommonName, self.common_name.as_str());
        name
    }
}

/// The extended key usage of a leaf; critical where present (odca.md §1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafPurpose {
    /// `serverAuth`, as AMT writes it.
    ServerAuth,
    /// `clientAuth`: wrong for a TLS server.
    ClientAuth,
    /// No such extension.
    Unstated,
}

/// The shape of an ODCA chain below the CSME intermediate. The default is what AMT shows (odca.md §1.1, §1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainShape {
    /// The CAs from the platform issuing CA down to the AMT CA.
    pub authorities: Vec<Subject>,
    /// The TLS server's own subject.
    pub leaf: Subject,
    /// What the leaf says it is for.
    pub purpose: LeafPurpose,
    /// Start of validity of every certificate below the intermediate.
    pub not_before: OffsetDateTime,
    /// End of validity of every certificate below the intermediate.
    pub not_after: OffsetDateTime,
    /// Octets of an unknown, non-critical extension put into every certificate: makes oversized ones.
    pub ballast: usize,
    /// The level, the leaf being 0, whose key is on P-256 and signs with SHA-256: no ODCA has one.
    pub p256_at: Option<usize>,
}

impl Default for ChainShape {
    fn default() -> Self {
        Self::with_svn(1)
    }
}

impl ChainShape {
    /// The shape that a firmware of security version `svn` shows. An update to a higher one makes a new
    /// kernel CA, AMT CA and leaf over the same ROM CA (odca.md §1.5); here every call makes a new device.
    pub fn with_svn(svn: u8) -> Self {
        Self {
            authorities: vec![
                Subject::unit("ODCA 2 CSME P_SIM SOC 00000001 Issuing CA"),
                Subject::named("ODCA 2 CSME SIM SOC ROM CA"),
                Subject::named(format!("ODCA 2 CSME SIM SOC SVN {svn:02} Kernel CA")),
                Subject::named(format!("ODCA 2 CSME SIM SOC SVN {svn:02} AMT   CA")),
            ],
            leaf: Subject::named("AMT RCFG"),
            purpose: LeafPurpose::ServerAuth,
            not_before: rcgen::date_time_ymd(2025, 8, 12),
            not_after: end_of_2049(),
            ballast: 0,
            p256_at: None,
        }
    }

    fn generate_key(&self, level: usize) -> Result<KeyPair, IdentityError> {
        match self.p256_at {
            Some(at) if at == level => Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?),
            _ => generate_p384_key(),
        }
    }
}

/// A root and a CSME-intermediate-shaped CA under it. Trusting one is an addition to a server's ODCA trust
/// that its operator asked for by name; production trust does not know it.
pub struct SimulatorAuthority {
    root: Arc<Authority>,
    intermediate: Authority,
}

pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

impl SimulatorAuthority {
    /// The unit of the intermediate, the same as that of Intel's: a name proves nothing (odca.md §1.4).
    pub const INTERMEDIATE_UNIT: &str = "ODCA CA2 CSME Intermediate CA";

    /// A new authority with keys of its own.
    ///
    /// # Errors
    /// If the random source or the cryptography library fails.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_keys(generate_p384_key()?, generate_p384_key()?)
    }

    /// The authority whose keys [`SimulatorAuthority::to_pem`] wrote, so that devices of several runs are under
    /// one trust set. Its certificates are signed anew over the same subjects and keys.
    ///
    /// # Errors
    /// [`IdentityError::NotAnAuthority`] if there are not two private keys, [`IdentityError::Mint`] if one is
    /// not a P-384 key.
    pub fn from_pem(text: &str) -> Result<Self, IdentityError> {
        let mut keys = Vec::new();
        for key in PrivatePkcs8KeyDer::pem_slice_iter(text.as_bytes()).flatten() {
            keys.push(KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ECDSA_P384_SHA384)?);
        }
        match <[KeyPair; 2]>::try_from(keys) {
            Ok([root, intermediate]) => Self::from_keys(root, intermediate),
            Err(keys) => Err(IdentityError::NotAnAuthority { found: keys.len() }),
        }
    }

    /// Both private keys as PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.root.key().serialize_pem() + &self.intermediate.key().serialize_pem())
    }

    fn from_keys(root: KeyPair, intermediate: KeyPair) -> Result<Self, IdentityError> {
        let mut name = DistinguishedName::new();
        name.push(DnType::OrganizationName, "amt-provision simulator");
        name.push(DnType::OrganizationalUnitName, "OnDie CA Root Cert Signing");
        name.push(DnType::CommonName, "www.intel.com");
        let root = Authority::self_signed(authority_params(name, &root), root)?;
        Self::under(Arc::new(root), Self::INTERMEDIATE_UNIT, intermediate)
    }

    fn under(root: Arc<Authority>, unit: &str, key: KeyPair) -> Result<Self, IdentityError> {
        let mut params = authority_params(Subject::unit(unit).distinguished_name(), &key);
        params.custom_extensions.push(distribution_point(ROOT_LIST, None)?);
        let intermediate = Authority::signed_by(params, key, &root)?;
        Ok(Self { root, intermediate })
    }

    /// Another intermediate of that unit under the same root, such as `ODCA CA2 OSSE Intermediate CA`: a branch
    /// that is genuine and still not AMT's (odca.md §1.1).
    ///
    /// # Errors
    /// As [`SimulatorAuthority::generate`].
    pub fn sibling(&self, unit: &str) -> Result<Self, IdentityError> {
        Self::under(Arc::clone(&self.root), unit, generate_p384_key()?)
    }

    /// The root's certificate: the anchor of the simulator's trust set.
    pub fn root(&self) -> &CertificateDer<'static> {
        self.root.der()
    }

    /// The intermediate's certificate, whose key the trust set names.
    pub fn intermediate(&self) -> &CertificateDer<'static> {
        self.intermediate.der()
    }

    /// A new device: fresh keys at every level of `shape`, and the chain as AMT presents it, leaf first and
    /// intermediate last.
    ///
    /// # Errors
    /// [`IdentityError::Mint`] if a name in `shape` cannot be written in a certificate.
    pub fn device(&self, shape: &ChainShape) -> Result<Identity, IdentityError> {
        Ok(self.silicon(shape)?.identity)
    }

    /// The same, with the CA above it that has a revocation list of its own.
    ///
    /// # Errors
    /// As [`SimulatorAuthority::device`].
    pub fn silicon(&self, shape: &ChainShape) -> Result<Silicon, IdentityError> {
        let mut chain = vec![self.intermediate().clone()];
        let mut authorities: Vec<Authority> = Vec::new();
        for (above, subject) in shape.authorities.iter().enumerate() {
            let key = shape.generate_key(shape.authorities.len() - above)?;
            let mut params = dated(authority_params(subject.distinguished_name(), &key), shape);
            params.custom_extensions.push(match above {
                0 => distribution_point(PRODUCT_LIST, None)?,
                1 => distribution_point(PLATFORM_LIST, None)?,
                _ => self.indirect_point()?,
            });
            let authority = Authority::signed_by(params, key, authorities.last().unwrap_or(&self.intermediate))?;
            chain.push(authority.der().clone());
            authorities.push(authority);
        }
        let key = shape.generate_key(0)?;
        let mut params = dated(leaf_params(&shape.leaf, shape.purpose), shape);
        params.custom_extensions.push(self.indirect_point()?);
        let issuer: &Issuer<'_, KeyPair> = authorities.last().unwrap_or(&self.intermediate);
        chain.push(params.signed_by(&key, issuer)?.into());
        chain.reverse();
        Ok(Silicon { identity: Identity { chain, key }, platform: authorities.into_iter().next() })
    }

    /// What is issued on the die names the intermediate as the publisher of its list (odca.md §1.5, §1.6).
    fn indirect_point(&self) -> Result<CustomExtension, IdentityError> {
        let intermediate = Certificate::from_der(self.intermediate())?;
        distribution_point(INDIRECT_LIST, Some(intermediate.tbs_certificate().subject().clone()))
    }

    pub(super) fn root_issuer(&self) -> &Authority {
        &self.root
    }

    pub(super) fn intermediate_issuer(&self) -> &Authority {
        &self.intermediate
    }
}

/// A device and the platform's issuing CA above it.
pub struct Silicon {
    /// What the device shows.
    pub identity: Identity,
    /// `None` if the shape has no CA below the intermediate.
    pub(super) platform: Option<Authority>,
}

/// A private key and the certificates shown with it.
pub struct Identity {
    /// What is presented, leaf first. Tests reorder, cut and lengthen it.
    pub chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Identity {
    /// An identity of a key and certificates that were made elsewhere, such as the device's own key with the
    /// certificate that a deployment's CA issued over it. That they belong together is not checked.
    pub fn new(key: KeyPair, chain: Vec<CertificateDer<'static>>) -> Self {
        Self { chain, key }
    }

    /// The default certificate that a firmware makes for itself: self-signed, X.509 v3.
    ///
    /// # Errors
    /// [`IdentityError::Mint`] if the cryptography library fails.
    pub fn self_signed(key: KeyPair) -> Result<Self, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = Subject::named("Intel(R) AMT default").distinguished_name();
        params.not_before = rcgen::date_time_ymd(2015, 1, 1);
        params.not_after = end_of_2049();
        let certificate = params.self_signed(&key)?;
        Ok(Self { chain: vec![certificate.into()], key })
    }

    /// The same as X.509 v1, which has no extensions and which webpki does not take as a leaf (odca.md §7).
    ///
    /// # Errors
    /// As [`Identity::self_signed`].
    pub fn self_signed_v1(key: KeyPair) -> Result<Self, IdentityError> {
        let Self { mut chain, key } = Self::self_signed(key)?;
        for certificate in &mut chain {
            *certificate = as_version_1(certificate, &key)?;
        }
        Ok(Self { chain, key })
    }

    /// The key pair.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The identity as a rustls server takes it.
    ///
    /// # Errors
    /// [`IdentityError::Tls`] if rustls cannot sign with a key of this kind.
    pub fn certified_key(&self) -> Result<Arc<CertifiedKey>, IdentityError> {
        certified_key(&self.key, self.chain.clone())
    }
}

/// A key and the chain over it, as a rustls server takes them. That they belong together is not checked.
///
/// # Errors
/// [`IdentityError::Tls`] if rustls cannot sign with a key of this kind.
pub fn certified_key(key: &KeyPair, chain: Vec<CertificateDer<'static>>) -> Result<Arc<CertifiedKey>, IdentityError> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// A new RSA-2048 key pair; its `public_key_raw()` is what AMT answers as `DERKey` up to AMT 21 (wsman.md §2.6).
///
/// # Errors
/// If the cryptography library fails.
pub fn generate_rsa_key() -> Result<KeyPair, IdentityError> {
    Ok(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?)
}

/// A new P-384 key pair; its `subject_public_key_info()` is what AMT answers as `DERKey` from AMT 22 on.
///
/// # Errors
/// If the cryptography library fails.
pub fn generate_p384_key() -> Result<KeyPair, IdentityError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?)
}

fn authority_params(name: DistinguishedName, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = rcgen::date_time_ymd(2020, 3, 4);
    params.not_after = end_of_2049();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    // RFC 7093 method 1 over the point, not over the whole SubjectPublicKeyInfo (odca.md §1.3).
    let key_identifier = Sha256::digest(key.public_key_raw()).into_iter().take(20).collect();
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier);
    params
}

fn leaf_params(subject: &Subject, purpose: LeafPurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.use_authority_key_identifier_extension = true;
    // By hand: rcgen adds a subject key identifier to the leaf and leaves its purpose non-critical.
    const CA_FALSE: &[u8] = &[0x30, 0x00];
    params.custom_extensions = vec![extension(&[2, 5, 29, 19], true, CA_FALSE.to_vec())];
    let purpose: Option<&[u8]> = match purpose {
        LeafPurpose::ServerAuth => Some(b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"),
        LeafPurpose::ClientAuth => Some(b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"),
        LeafPurpose::Unstated => None,
    };
    params.custom_extensions.extend(purpose.map(|oids| extension(&[2, 5, 29, 37], true, oids.to_vec())));
    params
}

/// One point: where a list is, and who publishes it if that is not the certificate's issuer.
fn distribution_point(list: &str, publisher: Option<Name>) -> Result<CustomExtension, IdentityError> {
    let address = Ia5String::new(&format!("https://odca.simulator.invalid/crls/{list}"))?;
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(
            address,
        )])),
        reasons: None,
        crl_issuer: publisher.map(|name| vec![GeneralName::DirectoryName(name)]),
    };
    Ok(extension(&[2, 5, 29, 31], false, CrlDistributionPoints(vec![point]).to_der()?))
}

fn dated(mut params: CertificateParams, shape: &ChainShape) -> CertificateParams {
    params.not_before = shape.not_before;
    params.not_after = shape.not_after;
    if shape.ballast > 0 {
        params.custom_extensions.push(extension(&[1, 3, 6, 1, 4, 1, 55555, 1], false, vec![0x5a; shape.ballast]));
    }
    params
}

fn extension(oid: &[u64], critical: bool, content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content);
    extension.set_criticality(critical);
    extension
}

/// Takes version and extensions out of a certificate and signs what is left again.
fn as_version_1(v3: &CertificateDer<'_>, key: &KeyPair) -> Result<CertificateDer<'static>, IdentityError> {
    let [tbs, algorithm, _signature] = Vec::<AnyRef<'_>>::from_der(v3)?[..] else {
        return Err(x509_cert::der::Error::from(ErrorKind::Failed).into());
    };
    let tbs = tbs.to_der()?;
    let mut fields = Vec::<AnyRef<'_>>::from_der(&tbs)?;
    fields.retain(|field| !field.tag().is_context_specific());
    let tbs = fields.to_der()?;
    let signature = BitStringRef::from_bytes(&key.sign(&tbs)?)?.to_der()?;
    let certificate = [AnyRef::from_der(&tbs)?, algorithm, AnyRef::from_der(&signature)?];
    Ok(certificate.to_der()?.into())
}

pub(super) fn end_of_2049() -> OffsetDateTime {
    rcgen::date_time_ymd(2050, 1, 1) - Duration::SECOND
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_cert::certificate::Version;

    fn parse(certificate: &CertificateDer<'_>) -> Certificate {
        Certificate::from_der(certificate).unwrap()
    }

    #[test]
    fn a_device_shows_the_six_certificates_of_odca_leaf_first() {
        let authority = SimulatorAuthority::generate().unwrap();
        let device = authority.device(&ChainShape::default()).unwrap();
        let subjects: Vec<_> =
            device.chain.iter().map(|certificate| parse(certificate).tbs_certificate().subject().to_string()).collect();
        assert_eq!(
            subjects,
            [
                "CN=AMT RCFG",
                "CN=ODCA 2 CSME SIM SOC SVN 01 AMT   CA",
                "CN=ODCA 2 CSME SIM SOC SVN 01 Kernel CA",
                "CN=ODCA 2 CSME SIM SOC ROM CA",
                "CN=www.intel.com,OU=ODCA 2 CSME P_SIM SOC 00000001 Issuing CA",
                "CN=www.intel.com,OU=ODCA CA2 CSME Intermediate CA",
            ]
        );
        for certificate in &device.chain {
            assert!(certificate.len() < 1024, "{} bytes", certificate.len());
            let not_after = parse(certificate).tbs_certificate().validity().not_after;
            assert_eq!(not_after.to_unix_duration().as_secs(), 2_524_607_999);
        }
    }

    #[test]
    fn a_leaf_has_the_extensions_of_the_recorded_one_and_no_other() {
        let authority = SimulatorAuthority::generate().unwrap();
        let device = authority.device(&ChainShape::default()).unwrap();
        let leaf = parse(&device.chain[0]);
        let mut extensions: Vec<_> = leaf
            .tbs_certificate()
            .extensions()
            .unwrap()
            .iter()
            .map(|extension| (extension.extn_id.to_string(), extension.critical))
            .collect();
        extensions.sort();
        let expected = [
            ("2.5.29.15", true),  // key usage
            ("2.5.29.19", true),  // basic constraints
            ("2.5.29.31", false), // CRL distribution points
            ("2.5.29.35", false), // authority key identifier
            ("2.5.29.37", true),  // extended key usage
        ];
        assert_eq!(extensions, expected.map(|(oid, critical)| (oid.to_string(), critical)));
    }

    #[test]
    fn an_authority_read_back_from_pem_has_the_same_keys_and_names() {
        let authority = SimulatorAuthority::generate().unwrap();
        let again = SimulatorAuthority::from_pem(&authority.to_pem()).unwrap();
        for (before, after) in [(authority.root(), again.root()), (authority.intermediate(), again.intermediate())]
            .map(|(a, b)| (parse(a), parse(b)))
        {
            assert_eq!(before.tbs_certificate(), after.tbs_certificate());
        }
    }

    #[test]
    fn a_file_that_is_no_authority_is_refused() {
        for (text, found) in [("", 0), (generate_p384_key().unwrap().serialize_pem().as_str(), 1)] {
            match SimulatorAuthority::from_pem(text) {
                Err(IdentityError::NotAnAuthority { found: keys }) => assert_eq!(keys, found),
                other => panic!("{:?}", other.map(|_| ())),
            }
        }
    }

    #[test]
    fn the_version_1_certificate_has_no_extension_and_the_same_subject() {
        let v3 = Identity::self_signed(generate_p384_key().unwrap()).unwrap();
        let v1 = Identity::self_signed_v1(generate_p384_key().unwrap()).unwrap();
        let (v3, v1) = (parse(&v3.chain[0]), parse(&v1.chain[0]));
        assert_eq!(v1.tbs_certificate().version(), Version::V1);
        assert_eq!(v1.tbs_certificate().extensions(), None);
        assert_eq!(v1.tbs_certificate().subject(), v3.tbs_certificate().subject());
    }
}
