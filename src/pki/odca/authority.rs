//! A certificate authority as revocation lists speak of it: a name, and the key that speaks for it.

use std::fmt;

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::name::Name;

use super::names::{COMMON_NAME, ORGANIZATIONAL_UNIT, text};
use crate::pki::certificate::{CertificateError, CertificateParts};

/// The name of an authority: its attributes in order, whichever kind of string they are written in. Firmware and
/// Intel's servers write the same names, and nobody promises that they use one encoding (RFC 5280 §7.1).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CaName(Vec<(ObjectIdentifier, String)>);

impl CaName {
    /// The name of one of Intel's own authorities (odca.md §1.1).
    pub(super) fn of_unit(unit: &str) -> Self {
        Self(vec![(ORGANIZATIONAL_UNIT, unit.to_owned()), (COMMON_NAME, "www.intel.com".to_owned())])
    }

    /// The name in this DER.
    pub(super) fn from_der(name: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self::from(&Name::from_der(name)?))
    }
}

impl From<&Name> for CaName {
    fn from(name: &Name) -> Self {
        let value =
            |value: &x509_cert::der::Any| text(value).or_else(|| Some(format!("{:02x?}", value.to_der().ok()?)));
        Self(name.iter().map(|part| (part.oid, value(&part.value).unwrap_or_default())).collect())
    }
}

/// What people know it by: the unit if it has one, else the common name.
impl fmt::Display for CaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |oid| self.0.iter().find(|(found, _)| *found == oid).map(|(_, value)| value.as_str());
        f.write_str(part(ORGANIZATIONAL_UNIT).or_else(|| part(COMMON_NAME)).unwrap_or("(no name)"))
    }
}

impl fmt::Debug for CaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaName({self})")
    }
}

/// A name, and the key that speaks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) name: CaName,
    pub(super) key: SubjectPublicKeyInfoDer<'static>,
}

impl Authority {
    /// The subject of a certificate that somebody else has judged.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let parts = CertificateParts::read(certificate)?;
        Ok(Self { name: CaName::from_der(parts.subject())?, key: parts.spki().clone() })
    }
}
