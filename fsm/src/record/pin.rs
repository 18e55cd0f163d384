//! Pins: the public-key hashes that a device is held to, and how each was learnt.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::SpkiHash;
use crate::request::KeyHandle;

/// How a key came to be trusted; the weakest is the least. A pin is as good as the weakest session between
/// the generation of its key and the commit that made the device show it.
///
/// The variants are in the order in which snapshots number them; how much one is worth is its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Provenance {
    /// Over plain text, before anybody could vouch for anything (flow B).
    FirstUse,
    /// Over TLS to a self-signed key that nobody vouched for.
    Provisional,
    /// Over TLS to the default key that had been listed inside an ODCA session.
    OdcaInterim,
    /// Over TLS that an ODCA chain vouched for.
    Odca,
    /// Over TLS to a key that nobody vouched for, on a device that somebody else had provisioned: all that
    /// spoke for it was that it took the password which the operator gave.
    Adopted,
}

impl Provenance {
    const fn rank(self) -> u8 {
        match self {
            Self::FirstUse => 0,
            Self::Adopted => 1,
            Self::Provisional => 2,
            Self::OdcaInterim => 3,
            Self::Odca => 4,
        }
    }

    /// Whether no session on the way could have been anybody else's.
    pub const fn is_proven(self) -> bool {
        match self {
            Self::Odca | Self::OdcaInterim => true,
            Self::Provisional | Self::Adopted | Self::FirstUse => false,
        }
    }
}

impl Ord for Provenance {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Provenance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstUse => "first-use",
            Self::Adopted => "adopted",
            Self::Provisional => "provisional",
            Self::OdcaInterim => "odca-interim",
            Self::Odca => "odca",
        })
    }
}

/// A key that a device is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pin {
    /// The hash of its SubjectPublicKeyInfo.
    pub spki: SpkiHash,
    /// How it came to be trusted.
    pub provenance: Provenance,
}

/// The keys that a device may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pins {
    /// A handshake has shown this key. From here on there is no way back to a weaker channel (G5).
    pub confirmed: Option<Pin>,
    /// The key that the device is about to show, stored before the commit (G3). As long as it is here
    /// the device may show this one or the one before: the commit is in doubt.
    pub intended: Option<Pin>,
    /// The device's default key as it was listed inside an ODCA session.
    pub interim: Option<SpkiHash>,
    /// Whether the confirmed key binds, or an operator's permit has opened the other ways again.
    pub hold: Hold,
}

/// How firmly a device is held to its confirmed key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hold {
    /// It may show nothing else.
    #[default]
    Firm,
    /// It may show it still, or come as one that was never seen: a permit was used (G5).
    Released,
}

impl Pins {
    /// No key at all.
    pub const NONE: Self = Self { confirmed: None, intended: None, interim: None, hold: Hold::Firm };

    /// The pin that there is no way down from.
    pub fn binding(&self) -> Option<Pin> {
        self.confirmed.filter(|_| self.hold == Hold::Firm)
    }
}

/// A key generation that was asked for and not yet seen to have happened: the key that is there now and
/// was not there before is ours, any other is not (G6, *Creates*).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyMark {
    /// The keys that the device had before.
    pub known: Vec<KeyHandle>,
    /// The channel that the request went over.
    pub provenance: Provenance,
}
