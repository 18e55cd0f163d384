//! Meant and durable, side by side.

use super::{Intent, Record};
use crate::identity::SpkiHash;
use crate::request::Once;

use serde::{Deserialize, Serialize};

/// The number of a record's version. The store writes generation *n* only over generation *n − 1*, under
/// the lease of one server (G13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Generation(pub u64);

impl Generation {
    /// The version after this one.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Proof that the hash of the key which the device is to show next is durable (G3).
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct PinDurable {
    spki: SpkiHash,
}

impl PinDurable {
    /// The durable hash.
    pub const fn spki(&self) -> SpkiHash {
        self.spki
    }
}

/// Proof that "this request may have been applied" is durable: what a once-per-observation request needs
/// to exist (G2, G6).
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct DoubtDurable {
    once: Once,
}

impl DoubtDurable {
    /// The request in doubt.
    pub const fn once(&self) -> Once {
        self.once
    }
}

/// A record as it is meant to be, and as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ledger {
    meant: Record,
    durable: Record,
    generation: Generation,
    stored: bool,
}

impl Ledger {
    /// The ledger of a record that the store holds as `generation`.
    pub fn stored(record: Record, generation: Generation) -> Self {
        Self { durable: record.clone(), meant: record, generation, stored: true }
    }

    /// The ledger of a device that the store does not know. Its first generation is 1.
    pub fn unknown(record: Record) -> Self {
        Self { durable: record.clone(), meant: record, generation: Generation(0), stored: false }
    }

    /// The record as it is meant to be.
    pub const fn record(&self) -> &Record {
        &self.meant
    }

    /// The record as the store has it.
    pub const fn durable(&self) -> &Record {
        &self.durable
    }

    /// The generation that the store has.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether the store has ever held a record of this device.
    pub const fn is_stored(&self) -> bool {
        self.stored
    }

    /// Whether the store has everything that is meant. Nothing is asked of a device before that.
    pub fn is_durable(&self) -> bool {
        self.meant == self.durable
    }

    pub(crate) fn intend(&mut self, intent: Intent) {
        self.meant.apply(intent);
    }

    pub(crate) fn persisted(&mut self) {
        self.durable = self.meant.clone();
        self.generation = self.generation.next();
        self.stored = true;
    }

    pub(crate) fn pin_durable(&self) -> Option<PinDurable> {
        let pin = self.durable.pins.intended.filter(|pin| self.meant.pins.intended == Some(*pin))?;
        Some(PinDurable { spki: pin.spki })
    }

    pub(crate) fn doubt_durable(&self, once: Once) -> Option<DoubtDurable> {
        let doubted = self.durable.doubt == Some(once) && self.meant.doubt == Some(once);
        doubted.then_some(DoubtDurable { once })
    }
}
