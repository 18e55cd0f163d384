//! What an operator may permit a device that is not what it was.

use serde::{Deserialize, Serialize};

use crate::identity::RomCaHash;
use crate::time::Timestamp;

/// Flow B for devices that are not known: off unless the profile says so (G5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FlowB {
    /// A device without TLS is refused.
    Refused,
    /// A device of AMT 18 or earlier may start in plain text.
    Allowed,
}

impl FlowB {
    /// Allowed by either.
    pub(crate) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Refused, Self::Refused) => Self::Refused,
            _ => Self::Allowed,
        }
    }
}

/// The operator's single-use permit for a device that is not what it was: a new board, a factory
/// reset, another firmware (G5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Permit {
    /// The ROM-CA hash that the device must prove, where the operator knows it.
    pub expect_rom_ca: Option<RomCaHash>,
    /// Whether it may start in plain text.
    pub flow_b: FlowB,
    /// When it runs out, if it does. The core has no calendar: whoever loads a record lets go of what has
    /// run out, with [`Record::expire`](super::Record::expire).
    pub expires: Option<Timestamp>,
}
