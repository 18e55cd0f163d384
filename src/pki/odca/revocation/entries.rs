//! The certificates that a list has, by who issued them.

use std::collections::BTreeMap;

use rustls::pki_types::UnixTime;
use x509_cert::crl::RevokedCert;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::crl::CrlReason;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Kind, ListError};
use crate::pki::odca::authority::CaName;

const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");

/// What a list says of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) since: UnixTime,
    pub(super) reason: Option<CrlReason>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries(BTreeMap<CaName, BTreeMap<Box<[u8]>, Entry>>);

impl Entries {
    /// An entry is about a certificate of the authority that it names; one that names none, of the same one as the
    /// entry before; and before all of these, of the list's own issuer (RFC 5280 §5.3.3).
    pub(super) fn read(issuer: &CaName, kind: Kind, revoked: &[RevokedCert]) -> Result<Self, ListError> {
        let mut entries = Self::default();
        let mut about = issuer.clone();
        for certificate in revoked {
            let mut reason = None;
            for extension in certificate.crl_entry_extensions.iter().flatten() {
                let value = extension.extn_value.as_bytes();
                match extension.extn_id {
                    CERTIFICATE_ISSUER => {
                        about = directory_name(&Vec::<GeneralName>::from_der(value)?).ok_or(ListError::Nameless)?;
                        if kind == Kind::Direct && about != *issuer {
                            return Err(ListError::Foreign);
                        }
                    }
                    REASON => reason = Some(CrlReason::from_der(value)?),
                    unknown if extension.critical => return Err(ListError::Critical(unknown)),
                    _ => {}
                }
            }
            let since = UnixTime::since_unix_epoch(certificate.revocation_date.to_unix_duration());
            let of_issuer = match entries.0.get_mut(&about) {
                Some(of_issuer) => of_issuer,
                None => entries.0.entry(about.clone()).or_default(),
            };
            of_issuer.insert(certificate.serial_number.as_bytes().into(), Entry { since, reason });
        }
        Ok(entries)
    }

    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    pub(super) fn get(&self, issuer: &CaName, serial: &[u8]) -> Option<&Entry> {
        self.0.get(issuer)?.get(serial)
    }
}

/// The directory name among these.
pub(super) fn directory_name(names: &[GeneralName]) -> Option<CaName> {
    names.iter().find_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(CaName::from(name)),
        _ => None,
    })
}
