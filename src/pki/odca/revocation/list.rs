//! One list, read and not believed yet.

use std::sync::OnceLock;

use amt_provision_fsm::identity::SpkiHash;
use rustls::pki_types::{CertificateRevocationListDer, UnixTime, pem::PemObject};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};

use super::entries::{Entries, Entry};
use crate::pki::odca::authority::{Authority, CaName};
use crate::pki::signed::Signed;
use crate::pki::spki::spki_hash;

/// How long a list may be: some 100 000 entries. Those seen have none, in 300 bytes (odca.md §1.6).
pub const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// Why a list cannot be used: whoever made it, or put it there, is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A file beyond the limit.
    #[error("it has more than {MAX_LIST_BYTES} bytes")]
    TooLong,
    /// No list at all.
    #[error("it is no revocation list of version 2: expected DER, or PEM with `-----BEGIN X509 CRL-----`")]
    NotAList,
    /// Several lists in one file.
    #[error("it has {found} lists: put each into a file of its own")]
    Several {
        /// How many.
        found: usize,
    },
    /// The algorithm that is signed is not the one that was used (RFC 5280 §5.1.1.2).
    #[error("it names two signature algorithms")]
    Algorithms,
    /// Without it nobody knows when a list is stale (RFC 5280 §5.1.2.5).
    #[error("it does not say when the next one comes (nextUpdate)")]
    NoNextUpdate,
    /// Only what has changed since another list (RFC 5280 §5.2.4).
    #[error("it is a delta list: get the whole one")]
    Delta,
    /// It says something that must not be overlooked, and is not understood here.
    #[error("it has the critical extension {0}, which is not understood here")]
    Critical(ObjectIdentifier),
    /// An entry of a direct list is about another authority's certificate (RFC 5280 §5.3.3).
    #[error("it is a direct list and has an entry about a certificate of another authority")]
    Foreign,
    /// An entry names its certificate's authority in no way that is understood here.
    #[error("an entry names the authority that issued its certificate by something else than a name")]
    Nameless,
}

impl From<x509_cert::der::Error> for ListError {
    fn from(_: x509_cert::der::Error) -> Self {
        Self::NotAList
    }
}

/// Whose certificates a list may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Those that its own issuer issued.
    Direct,
    /// Those of any authority that it names with the entry.
    Indirect,
}

/// Which of these certificates it is complete for (RFC 5280 §5.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    All,
    EndEntities,
    Authorities,
    /// Some reasons only, or attribute certificates: complete for nobody here.
    Nobody,
}

/// A revocation list. Having one proves nothing until its signature is one of the authority that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    file: String,
    issuer: CaName,
    kind: Kind,
    pub(super) reach: Reach,
    /// Where it says that it is published; empty where it does not say.
    pub(super) addresses: Vec<String>,
    this_update: UnixTime,
    next_update: UnixTime,
    entries: Entries,
    signed: Signed,
    /// The key that its signature was found to be of.
    signer: OnceLock<SpkiHash>,
}

impl RevocationList {
    /// Reads the contents of the file of that name, in DER or PEM.
    ///
    /// # Errors
    /// [`ListError`]: a list that is not understood whole is not used at all.
    pub fn read(file: impl Into<String>, contents: &[u8]) -> Result<Self, ListError> {
        if contents.len() > MAX_LIST_BYTES {
            return Err(ListError::TooLong);
        }
        const SEQUENCE: u8 = 0x30;
        if contents.first() == Some(&SEQUENCE) {
            return Self::from_der(file.into(), contents);
        }
        let lists = CertificateRevocationListDer::pem_slice_iter(contents).collect::<Result<Vec<_>, _>>();
        match &lists.map_err(|_| ListError::NotAList)?[..] {
            [] => Err(ListError::NotAList),
            [list] => Self::from_der(file.into(), list),
            several => Err(ListError::Several { found: several.len() }),
        }
    }

    fn from_der(file: String, der: &[u8]) -> Result<Self, ListError> {
        let list: CertificateList = CertificateList::from_der(der)?;
        let tbs = list.tbs_cert_list;
        if tbs.signature != list.signature_algorithm {
            return Err(ListError::Algorithms);
        }
        let unix = |time: x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
        let mut read = Self {
            file,
            issuer: CaName::from(&tbs.issuer),
            kind: Kind::Direct,
            reach: Reach::All,
            addresses: Vec::new(),
            this_update: unix(tbs.this_update),
            next_update: unix(tbs.next_update.ok_or(ListError::NoNextUpdate)?),
            entries: Entries::default(),
            signed: Signed::read(der)?,
            signer: OnceLock::new(),
        };
        for extension in tbs.crl_extensions.iter().flatten() {
            read.extend(extension)?;
        }
        read.entries = Entries::read(&read.issuer, read.kind, tbs.revoked_certificates.as_deref().unwrap_or_default())?;
        Ok(read)
    }

    fn extend(&mut self, extension: &Extension) -> Result<(), ListError> {
        match extension.extn_id {
            ISSUING_DISTRIBUTION_POINT => {
                let point = IssuingDistributionPoint::from_der(extension.extn_value.as_bytes())?;
                self.kind = if point.indirect_crl { Kind::Indirect } else { Kind::Direct };
                let narrowed = point.only_some_reasons.is_some() || point.only_contains_attribute_certs;
                self.reach = match (narrowed, point.only_contains_user_certs, point.only_contains_ca_certs) {
                    (false, false, false) => Reach::All,
                    (false, true, false) => Reach::EndEntities,
                    (false, false, true) => Reach::Authorities,
                    _ => Reach::Nobody,
                };
                match point.distribution_point {
                    None => {}
                    Some(DistributionPointName::FullName(names)) => self.addresses = addresses(&names),
                    // No certificate here names its list so, and it cannot be compared with a full name.
                    Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => self.reach = Reach::Nobody,
                }
                Ok(())
            }
            DELTA_INDICATOR => Err(ListError::Delta),
            unknown if extension.critical => Err(ListError::Critical(unknown)),
            _ => Ok(()),
        }
    }

    /// Name of the file that it was read from.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The authority that it names as its issuer.
    pub fn issuer(&self) -> &CaName {
        &self.issuer
    }

    /// Whose certificates it may be about.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// From when on it is valid.
    pub fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// Until when the next one should have come.
    pub fn next_update(&self) -> UnixTime {
        self.next_update
    }

    /// How many certificates it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Whether the next list should have come before `now`.
    pub fn is_stale(&self, now: UnixTime) -> bool {
        self.next_update < now
    }

    /// The entry about the certificate of that issuer and serial number.
    pub(super) fn entry(&self, issuer: &CaName, serial: &[u8]) -> Option<&Entry> {
        self.entries.get(issuer, serial)
    }

    /// Whether it bears the name of this authority and a signature of its key. That costs a verification the first
    /// time that it is so, and then a hash.
    pub(in crate::pki::odca) fn is_of(&self, authority: &Authority) -> bool {
        if self.issuer != authority.name {
            return false;
        }
        let key = spki_hash(&authority.key);
        if self.signer.get() == Some(&key) {
            return true;
        }
        let genuine = self.signed.is_signed_by(&authority.key);
        if genuine {
            self.signer.get_or_init(|| key);
        }
        genuine
    }
}

/// The addresses among these names.
pub(super) fn addresses(names: &[GeneralName]) -> Vec<String> {
    let address = |name: &GeneralName| match name {
        GeneralName::UniformResourceIdentifier(address) => Some(address.as_str().to_owned()),
        _ => None,
    };
    names.iter().filter_map(address).collect()
}
