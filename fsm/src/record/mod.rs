//! What is stored about a device: intent and marks of doubt, never evidence and never a secret (G2, G3, G7).
//!
//! The device is the truth; the record says what was *meant*, so that a run which starts after a crash
//! knows which questions to ask. A [`Record`] is changed only by an [`Intent`], an [`Intent`] is worth
//! nothing until the store has confirmed it, and the [`Ledger`] keeps the two states apart: it alone
//! says what is durable, and the marks that irreversible requests need come only from there.

mod intent;
mod ledger;
mod password;
mod permit;
mod pin;
mod snapshot;

pub use intent::Intent;
pub use ledger::{DoubtDurable, Generation, Ledger, PinDurable};
pub use password::{Password, PasswordId, PasswordState, Passwords};
pub use permit::{FlowB, Permit};
pub use pin::{Hold, KeyMark, Pin, Pins, Provenance};
pub use snapshot::{Snapshot, SnapshotError};

use serde::{Deserialize, Serialize};

use crate::identity::{RomCaHash, Uuid};
use crate::request::Once;
use crate::time::Timestamp;

/// Everything that is stored about one device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Record {
    /// The system UUID under which the device is known.
    pub uuid: Uuid,
    /// The enrolled ROM-CA hash; `None` before an ODCA session, and for devices without ODCA.
    pub rom_ca: Option<RomCaHash>,
    /// The keys that the device may show.
    pub pins: Pins,
    /// The admin passwords, oldest first.
    pub admin: Passwords,
    /// The MEBx password, once one is meant to be set; retired when the device has left provisioning.
    pub mebx: Option<Password>,
    /// The once-per-observation request whose outcome is not known.
    pub doubt: Option<Once>,
    /// The key generation whose outcome is not known.
    pub keying: Option<KeyMark>,
    /// Whether the commit that follows `Setup` was asked for (`activation_commit`).
    pub activation_committed: bool,
    /// Whether the commit that follows the upgrade to ACM was answered.
    pub admin_committed: bool,
    /// A single-use permit of the operator that is not used up yet (G5).
    pub permit: Option<Permit>,
    /// Whether a permit that was used up lets this device start in plain text; until its key is confirmed.
    pub flow_b: FlowB,
    /// Who provisioned it.
    pub origin: Origin,
}

/// Who took a device into the mode that it is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// This deployment, with its own `Setup`.
    #[default]
    Ours,
    /// Somebody else, before this deployment adopted it.
    Adopted,
}

impl Record {
    /// The record of a device that nobody has seen yet.
    pub const fn new(uuid: Uuid) -> Self {
        Self {
            uuid,
            rom_ca: None,
            pins: Pins::NONE,
            admin: Passwords::NONE,
            mebx: None,
            doubt: None,
            keying: None,
            activation_committed: false,
            admin_committed: false,
            permit: None,
            flow_b: FlowB::Refused,
            origin: Origin::Ours,
        }
    }

    /// Lets go of a permit that has run out at `now`, and gives it back for the log.
    pub fn expire(&mut self, now: Timestamp) -> Option<Permit> {
        self.permit.take_if(|permit| permit.expires.is_some_and(|end| end <= now))
    }
}
