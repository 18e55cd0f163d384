//! The shape of an ODCA chain, as plain data.

use rcgen::{DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use time::{Duration, OffsetDateTime};

use super::error::IdentityError;
use super::keys::generate_p384_key;

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

    pub(super) fn distinguished_name(&self) -> DistinguishedName {
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

    pub(super) fn generate_key(&self, level: usize) -> Result<KeyPair, IdentityError> {
        match self.p256_at {
            Some(at) if at == level => Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?),
            _ => generate_p384_key(),
        }
    }
}

pub(in crate::simulator) fn end_of_2049() -> OffsetDateTime {
    rcgen::date_time_ymd(2050, 1, 1) - Duration::SECOND
}
