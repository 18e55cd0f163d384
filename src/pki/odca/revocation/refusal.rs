//! Why a path is refused on account of revocation, and what its operator can do.

use std::fmt;

use rustls::pki_types::UnixTime;
use x509_cert::ext::pkix::crl::CrlReason;

use crate::calendar::day;
use crate::pki::odca::authority::CaName;

/// Which certificate of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The TLS server's own.
    Leaf,
    /// The firmware's AMT CA.
    AmtCa,
    /// The firmware's kernel CA.
    KernelCa,
    /// The CA of the die.
    RomCa,
    /// The platform's issuing CA.
    IssuingCa,
    /// The CSME intermediate.
    IntermediateCa,
}

impl Level {
    /// All, in the order of the path.
    pub(super) const ALL: [Self; 6] =
        [Self::Leaf, Self::AmtCa, Self::KernelCa, Self::RomCa, Self::IssuingCa, Self::IntermediateCa];

    /// What is left to do about a device whose certificate of this level is revoked: those up to the kernel CA are
    /// made anew by each firmware (odca.md §1.5).
    fn way_out(self) -> &'static str {
        match self {
            Self::Leaf | Self::AmtCa | Self::KernelCa => "update the device's firmware, which makes new certificates",
            Self::RomCa => "this machine can no longer prove what it is: take it out of service",
            Self::IssuingCa | Self::IntermediateCa => {
                "no machine of this platform can prove what it is any more: ask its vendor"
            }
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaf => "the leaf",
            Self::AmtCa => "the AMT CA",
            Self::KernelCa => "the kernel CA",
            Self::RomCa => "the ROM CA",
            Self::IssuingCa => "the platform's issuing CA",
            Self::IntermediateCa => "the CSME intermediate",
        })
    }
}

/// A certificate of the path is revoked. No policy lets it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Which certificate.
    pub level: Level,
    /// Its name.
    pub name: CaName,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// Since when.
    pub since: UnixTime,
    /// Why, if the list says so.
    pub reason: Option<CrlReason>,
    /// File of the list.
    pub file: String,
    /// Whose list it is.
    pub issuer: CaName,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, name, serial, since, reason, file, issuer } = self;
        write!(f, "{level} `{name}`, serial number ")?;
        serial.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ", is revoked since {}", day(since.as_secs()))?;
        if let Some(reason) = reason {
            write!(f, " ({reason:?})")?;
        }
        write!(f, " by {file} of `{issuer}`: {}", level.way_out())
    }
}

/// Why no list covers a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gap {
    /// There is none of that authority and kind.
    Missing,
    /// There is one, and the next should have come.
    Stale {
        /// File of the list.
        file: String,
        /// When the next one should have come.
        next_update: UnixTime,
    },
    /// There is one that is not valid yet.
    NotYet {
        /// File of the list.
        file: String,
        /// From when on it is valid.
        this_update: UnixTime,
    },
    /// There is one that bears the authority's name, and not its signature.
    Forged {
        /// File of the list.
        file: String,
    },
}

/// A certificate of the path names a list, and none that counts covers it, where the policy requires one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncovered {
    /// Which certificate.
    pub level: Level,
    /// Its name.
    pub name: CaName,
    /// Where it says that its list is; empty if it does not say.
    pub address: String,
    /// Why that list does not cover it.
    pub gap: Gap,
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, name, address, gap } = self;
        write!(f, "revocation lists are required, and none covers {level} `{name}`: ")?;
        match gap {
            Gap::Missing => f.write_str("there is none")?,
            Gap::Stale { file, next_update } => write!(f, "{file} is stale since {}", day(next_update.as_secs()))?,
            Gap::NotYet { file, this_update } => {
                write!(f, "{file} is valid from {} on: check the server's clock", day(this_update.as_secs()))?;
            }
            Gap::Forged { file } => write!(f, "{file} bears the name of its authority and not its signature")?,
        }
        match address.as_str() {
            "" => f.write_str("; get the one of its authority into the server's crl_directory"),
            address => write!(f, "; get {address} into the server's crl_directory"),
        }
    }
}
