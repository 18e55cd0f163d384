//! What a chain lacks, and what that means.

use std::fmt;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::identity::CertificateHash;
use amt_provision_fsm::request::ChainFlaw;
use rustls::pki_types::UnixTime;
use time::OffsetDateTime;

use super::signature::SignatureKind;
use crate::pki::spki::KeyKind;

/// Where in a chain a certificate stands, the leaf being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub usize);

/// Something about a provisioning chain that its operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Not two to four certificates.
    Length(usize),
    /// A certificate that cannot be read.
    Unreadable(Place),
    /// A certificate that was not issued by the next one.
    Gap(Place),
    /// A certificate above the leaf that may not issue others.
    NoAuthority(Place),
    /// The last certificate is issued by one that is not there.
    NoRoot,
    /// Neither Intel's purpose nor its organizational unit.
    NotForProvisioning,
    /// No name of the leaf lies in the domain.
    DnsSuffix {
        /// The domain.
        suffix: String,
        /// The leaf's names.
        names: Vec<String>,
    },
    /// A key that is no RSA key, or too short.
    Key {
        /// Whose.
        place: Place,
        /// What it is.
        found: KeyKind,
        /// The shortest RSA key in bits that is taken.
        least: usize,
    },
    /// A signature that is not taken.
    Signature {
        /// On what.
        place: Place,
        /// What it is.
        found: SignatureKind,
        /// By whom it is not taken; `None` for no firmware at all.
        firmware: Option<AmtVersion>,
    },
    /// A certificate whose time has not come.
    NotYetValid {
        /// Which.
        place: Place,
        /// When it begins.
        from: UnixTime,
    },
    /// A certificate whose time is over.
    Expired {
        /// Which.
        place: Place,
        /// When it ended.
        at: UnixTime,
    },
    /// A certificate whose time is soon over: a warning.
    EndsSoon {
        /// Which.
        place: Place,
        /// When it ends.
        at: UnixTime,
    },
    /// The relay does not list the root among those that the device trusts: a warning, for the device decides.
    UnlistedRoot {
        /// SHA-256 of the root.
        root: CertificateHash,
        /// How many roots the relay lists.
        listed: usize,
    },
}

impl Finding {
    /// What is wrong with the chain; `None` for a warning.
    pub const fn flaw(&self) -> Option<ChainFlaw> {
        match self {
            Self::Length(_) | Self::Unreadable(_) | Self::Gap(_) | Self::NoAuthority(_) | Self::NoRoot => {
                Some(ChainFlaw::Broken)
            }
            Self::NotForProvisioning => Some(ChainFlaw::Purpose),
            Self::DnsSuffix { .. } => Some(ChainFlaw::DnsSuffix),
            Self::Key { .. } => Some(ChainFlaw::Key),
            Self::Signature { .. } => Some(ChainFlaw::Signature),
            Self::NotYetValid { .. } | Self::Expired { .. } => Some(ChainFlaw::Dates),
            Self::EndsSoon { .. } | Self::UnlistedRoot { .. } => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("the leaf"),
            at => write!(f, "certificate {} of the chain", at + 1),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(count) => write!(
                f,
                "a provisioning chain has 2 to 4 certificates from the leaf to the root, this one has {count}"
            ),
            Self::Unreadable(place) => write!(f, "{place} is damaged: export it again"),
            Self::Gap(place) => {
                write!(f, "{place} was not issued by the certificate behind it: put in the one that issued it")
            }
            Self::NoAuthority(place) => {
                write!(f, "{place} may not issue certificates: it does not say that it is a CA")
            }
            Self::NoRoot => f.write_str("the chain ends without a self-signed root: add the certificates up to it"),
            Self::NotForProvisioning => f.write_str(
                "the leaf is no provisioning certificate: it has neither the purpose 2.16.840.1.113741.1.2.3 beside \
                 serverAuth nor the organizational unit `Intel(R) Client Setup Certificate`",
            ),
            Self::DnsSuffix { suffix, names } => {
                write!(f, "the leaf is for ")?;
                if names.is_empty() {
                    f.write_str("no DNS name")?;
                }
                for (number, name) in names.iter().enumerate() {
                    write!(f, "{}{name:?}", if number == 0 { "" } else { ", " })?;
                }
                write!(f, ", and the device wants a name in its domain {suffix:?}")
            }
            Self::Key { place, found, least } => {
                write!(f, "{place} has ")?;
                match found {
                    KeyKind::Rsa { bits } => write!(f, "an RSA key of {bits} bits")?,
                    KeyKind::P384 => f.write_str("a key on P-384")?,
                    KeyKind::Other => f.write_str("a key of another kind than RSA")?,
                }
                write!(f, ": expected RSA of {least} bits or more")
            }
            Self::Signature { place, found, firmware } => {
                write!(f, "{place} is signed by {found}, which ")?;
                match (firmware, found) {
                    (None, _) => {
                        f.write_str("no AMT takes: expected RSA with SHA-256, or SHA-384 for AMT 21 and later")
                    }
                    (Some(version), SignatureKind::RsaSha256) => {
                        write!(f, "AMT {version} does not take: expected RSA with SHA-384")
                    }
                    (Some(version), _) => write!(f, "AMT {version} does not take: expected RSA with SHA-256"),
                }
            }
            Self::NotYetValid { place, from } => write!(f, "{place} is valid from {} on", Day(*from)),
            Self::Expired { place, at } => write!(f, "{place} ended on {}: renew it", Day(*at)),
            Self::EndsSoon { place, at } => write!(f, "{place} ends on {}: renew it in time", Day(*at)),
            Self::UnlistedRoot { listed: 0, .. } => f.write_str(
                "the relay lists no root that the device trusts: whether it trusts ours, the device decides",
            ),
            Self::UnlistedRoot { root, listed } => write!(
                f,
                "none of the {listed} roots that the relay lists is ours (SHA-256 {root}): a device that lacks it \
                 refuses the chain"
            ),
        }
    }
}

/// `2026-01-31`, in UTC.
struct Day(UnixTime);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.as_secs()).ok();
        match seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok()) {
            Some(moment) => write!(f, "{}", moment.date()),
            None => f.write_str("a day beyond the calendar"),
        }
    }
}
