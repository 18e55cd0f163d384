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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Uuid;
    use crate::record::{Pin, Provenance};

    fn ledger() -> Ledger {
        Ledger::unknown(Record::new(Uuid::from_bytes(*b"amt-ledger-tests").expect("no placeholder")))
    }

    #[test]
    fn g6_a_doubt_is_durable_once_it_is_stored_and_until_it_is_meant_to_be_settled() {
        let mut ledger = ledger();
        ledger.intend(Intent::Doubt(Once::Upgrade));
        assert_eq!((ledger.doubt_durable(Once::Upgrade), ledger.is_durable()), (None, false));
        ledger.persisted();
        assert_eq!(ledger.doubt_durable(Once::Upgrade).map(|doubt| doubt.once()), Some(Once::Upgrade));
        assert_eq!(ledger.doubt_durable(Once::Setup), None, "of another request nothing is said");
        ledger.intend(Intent::Settle);
        assert_eq!(ledger.doubt_durable(Once::Upgrade), None);
    }

    #[test]
    fn g3_a_pin_is_durable_once_it_is_stored_and_until_another_one_is_meant() {
        let pin = |byte| Pin { spki: SpkiHash::from_bytes([byte; 32]), provenance: Provenance::Odca };
        let mut ledger = ledger();
        ledger.intend(Intent::IntendPin(pin(1)));
        assert_eq!(ledger.pin_durable(), None);
        ledger.persisted();
        assert_eq!(ledger.pin_durable().map(|durable| durable.spki()), Some(pin(1).spki));
        ledger.intend(Intent::IntendPin(pin(2)));
        assert_eq!(ledger.pin_durable(), None);
    }

    #[test]
    fn a_device_that_was_never_stored_begins_with_generation_one() {
        let mut ledger = ledger();
        assert_eq!((ledger.is_stored(), ledger.generation()), (false, Generation(0)));
        ledger.persisted();
        assert_eq!((ledger.is_stored(), ledger.generation()), (true, Generation(1)));
    }
}
