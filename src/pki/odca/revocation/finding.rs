//! What an operator should know about the lists, whether a device comes or not.

use std::fmt;

use rustls::pki_types::UnixTime;

use super::{ListError, RevocationList, RevocationLists};
use crate::calendar::day;
use crate::pki::odca::OdcaTrust;
use crate::pki::odca::authority::CaName;

/// Why a file is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It is no list that can be used.
    #[error(transparent)]
    List(#[from] ListError),
    /// It bears the name of an authority that is trusted, and not its signature, as the lists of Intel's debug
    /// authorities do (odca.md §1.4).
    #[error("it bears the name of `{0}` and not the signature of an authority of that name that is trusted here")]
    Forged(CaName),
    /// The operating system does not give it.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// Something about the lists that a person should look after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The folder cannot be read; what it had before counts on.
    Folder {
        /// What the operating system says.
        why: String,
    },
    /// There is no list.
    Empty,
    /// There are more files, or more bytes in them, than are taken.
    TooMany {
        /// The first file that was left out.
        file: String,
    },
    /// A file is not used.
    Broken {
        /// Its name.
        file: String,
        /// Why.
        flaw: Flaw,
        /// Whether the list that it had before counts on.
        kept: bool,
    },
    /// A list that should have been replaced by now.
    Stale {
        /// Its file.
        file: String,
        /// Whose it is.
        issuer: CaName,
        /// When the next one should have come.
        next_update: UnixTime,
    },
    /// A list that is not valid yet.
    NotYet {
        /// Its file.
        file: String,
        /// From when on it is valid.
        this_update: UnixTime,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { why } => write!(f, "the crl_directory cannot be read: {why}"),
            Self::Empty => f.write_str("the crl_directory has no revocation list: expected files that end in .crl"),
            Self::TooMany { file } => {
                write!(f, "the crl_directory has too much in it: {file} and what comes after it is left out")
            }
            Self::Broken { file, flaw, kept } => {
                write!(f, "revocation list {file} is not used: {flaw}")?;
                f.write_str(if *kept { "; what it had before counts on" } else { "" })
            }
            Self::Stale { file, issuer, next_update } => write!(
                f,
                "revocation list {file} of `{issuer}` is stale since {}: get the next one, devices may have been \
                 revoked since",
                day(next_update.as_secs())
            ),
            Self::NotYet { file, this_update } => write!(
                f,
                "revocation list {file} is valid from {} on only: check the server's clock",
                day(this_update.as_secs())
            ),
        }
    }
}

impl RevocationLists {
    /// What is to be said of the lists at the time `now`.
    pub fn findings(&self, now: UnixTime) -> Vec<Finding> {
        let found = |list: &RevocationList| {
            let file = list.file().to_owned();
            if now < list.this_update() {
                Some(Finding::NotYet { file, this_update: list.this_update() })
            } else if list.is_stale(now) {
                Some(Finding::Stale { file, issuer: list.issuer().clone(), next_update: list.next_update() })
            } else {
                None
            }
        };
        if self.is_empty() { vec![Finding::Empty] } else { self.iter().filter_map(found).collect() }
    }
}

impl OdcaTrust {
    /// Whether a list is one of a root or an intermediate that is trusted; of other authorities nobody knows the keys
    /// before a device shows them, and their lists are verified then.
    ///
    /// # Errors
    /// [`Flaw::Forged`] if it bears the name of one and not its signature.
    pub fn recognises(&self, list: &RevocationList) -> Result<bool, Flaw> {
        let known = || self.sets.iter().flat_map(|set| std::iter::once(&set.root).chain(&set.publishers));
        let namesakes = || known().filter(|authority| authority.name == *list.issuer());
        match namesakes().next() {
            None => Ok(false),
            Some(_) if namesakes().any(|authority| list.is_of(authority)) => Ok(true),
            Some(namesake) => Err(Flaw::Forged(namesake.name.clone())),
        }
    }
}
