//! Revocation lists of the simulator's authority, of every kind that Intel publishes (odca.md §1.6).
//!
//! ```
//! use amt_provision::simulator::identity::{ChainShape, SimulatorAuthority};
//! use amt_provision::simulator::revocation::ListShape;
//!
//! let authority = SimulatorAuthority::generate()?;
//! let silicon = authority.silicon(&ChainShape::default())?;
//! let [_leaf, _amt, kernel, rom, _issuing, _intermediate] = &silicon.identity.chain[..] else { panic!() };
//!
//! // The die's own CA, by the list of the platform's issuing CA; firmware, by the indirect list of the intermediate.
//! let machine = silicon.platform_list(&ListShape::revoking([rom.clone()]))?;
//! let firmware = authority.indirect_list(&ListShape::revoking([kernel.clone()]))?;
//! # assert!(machine.len() > 100 && firmware.len() > machine.len());
//! # Ok::<(), amt_provision::simulator::identity::IdentityError>(())
//! ```

use std::time::Duration;

use rcgen::SigningKey;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::der::asn1::{BitString, ObjectIdentifier, OctetString, UtcTime};
use x509_cert::der::{Decode, Encode, ErrorKind};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use super::identity::{Authority, IdentityError, Silicon, SimulatorAuthority, end_of_2049};

/// File of the root's list, about intermediates.
pub const ROOT_LIST: &str = "OnDie_CA.crl";
/// File of the intermediate's list about the platforms' issuing CAs.
pub const PRODUCT_LIST: &str = "ODCA_CA2_CSME_Product.crl";
/// File of the intermediate's list about what is issued on the die.
pub const INDIRECT_LIST: &str = "ODCA_CA2_CSME_Indirect.crl";
/// File of the issuing CA's list, about ROM CAs.
pub const PLATFORM_LIST: &str = "SIM_00000001_ODCA_CA2.crl";

const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const CRL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

/// What a list says. Tests make the wrong ones from it.
#[derive(Clone, Debug)]
pub struct ListShape {
    /// Start of validity.
    pub this_update: OffsetDateTime,
    /// When the next one is to come, if the list says so; at the latest in 2049.
    pub next_update: Option<OffsetDateTime>,
    /// The certificates that it takes back, whoever issued them.
    pub revoked: Vec<CertificateDer<'static>>,
    /// Further extensions of the list.
    pub extensions: Vec<Extension>,
}

impl Default for ListShape {
    /// An empty list that is valid as long as those that Intel published.
    fn default() -> Self {
        Self {
            this_update: rcgen::date_time_ymd(2020, 3, 19),
            next_update: Some(end_of_2049()),
            revoked: Vec::new(),
            extensions: Vec::new(),
        }
    }
}

impl ListShape {
    /// A list of these certificates.
    pub fn revoking(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        Self { revoked: certificates.into_iter().collect(), ..Self::default() }
    }
}

impl SimulatorAuthority {
    /// The direct list of the root.
    ///
    /// # Errors
    /// If the shape cannot be written.
    pub fn root_list(&self, shape: &ListShape) -> Result<CertificateRevocationListDer<'static>, IdentityError> {
        publish(self.root_issuer(), None, shape)
    }

    /// The direct list of the intermediate.
    ///
    /// # Errors
    /// As [`SimulatorAuthority::root_list`].
    pub fn product_list(&self, shape: &ListShape) -> Result<CertificateRevocationListDer<'static>, IdentityError> {
        publish(self.intermediate_issuer(), None, shape)
    }

    /// The indirect list of the intermediate.
    ///
    /// # Errors
    /// As [`SimulatorAuthority::root_list`].
    pub fn indirect_list(&self, shape: &ListShape) -> Result<CertificateRevocationListDer<'static>, IdentityError> {
        let indirect = IssuingDistributionPoint {
            distribution_point: None,
            only_contains_user_certs: false,
            only_contains_ca_certs: false,
            only_some_reasons: None,
            indirect_crl: true,
            only_contains_attribute_certs: false,
        };
        publish(self.intermediate_issuer(), Some(&indirect), shape)
    }
}

impl Silicon {
    /// The direct list of the platform's issuing CA.
    ///
    /// # Errors
    /// As [`SimulatorAuthority::root_list`], or if the shape of the chain has no such CA.
    pub fn platform_list(&self, shape: &ListShape) -> Result<CertificateRevocationListDer<'static>, IdentityError> {
        let platform = self.platform.as_ref().ok_or_else(|| x509_cert::der::Error::from(ErrorKind::Failed))?;
        publish(platform, None, shape)
    }
}

fn publish(
    by: &Authority,
    scope: Option<&IssuingDistributionPoint>,
    shape: &ListShape,
) -> Result<CertificateRevocationListDer<'static>, IdentityError> {
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA384, parameters: None };
    let issuer = Certificate::from_der(by.der())?.tbs_certificate().subject().clone();
    let mut extensions = vec![extension(CRL_NUMBER, false, &1u8)?];
    if let Some(scope) = scope {
        extensions.push(extension(ISSUING_DISTRIBUTION_POINT, true, scope)?);
    }
    extensions.extend(shape.extensions.iter().cloned());

    let mut about = issuer.clone();
    let mut revoked = Vec::new();
    for certificate in &shape.revoked {
        let certificate = Certificate::from_der(certificate)?;
        let mut extensions = vec![extension(REASON, false, &CrlReason::KeyCompromise)?];
        // Only where it is another one than before (RFC 5280 §5.3.3).
        if about != *certificate.tbs_certificate().issuer() {
            about = certificate.tbs_certificate().issuer().clone();
            extensions.push(extension(CERTIFICATE_ISSUER, true, &vec![GeneralName::DirectoryName(about.clone())])?);
        }
        revoked.push(RevokedCert {
            serial_number: certificate.tbs_certificate().serial_number().clone(),
            revocation_date: time(shape.this_update)?,
            crl_entry_extensions: Some(extensions),
        });
    }
    let tbs_cert_list: TbsCertList = TbsCertList {
        version: Version::V2,
        signature: algorithm.clone(),
        issuer,
        this_update: time(shape.this_update)?,
        next_update: shape.next_update.map(time).transpose()?,
        revoked_certificates: Some(revoked).filter(|revoked| !revoked.is_empty()),
        crl_extensions: Some(extensions),
    };
    let signature = BitString::from_bytes(&by.key().sign(&tbs_cert_list.to_der()?)?)?;
    let list: CertificateList = CertificateList { tbs_cert_list, signature_algorithm: algorithm, signature };
    Ok(list.to_der()?.into())
}

fn extension(extn_id: ObjectIdentifier, critical: bool, value: &impl Encode) -> Result<Extension, IdentityError> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn time(moment: OffsetDateTime) -> Result<Time, IdentityError> {
    let seconds = u64::try_from(moment.unix_timestamp()).unwrap_or_default();
    Ok(Time::UtcTime(UtcTime::from_unix_duration(Duration::from_secs(seconds))?))
}
