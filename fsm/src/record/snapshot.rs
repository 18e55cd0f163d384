//! The stored form of a record: a versioned postcard value, append-only, with nothing behind it.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::Record;

/// A record in the form in which it is stored. Postcard is not self-describing, so a variant is never
/// changed once it was released: a new shape is a new variant at the end, and old ones are read for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Snapshot {
    /// The first shape.
    V1(Record),
}

/// Why stored bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The bytes are no snapshot of a version that this build knows: damaged, or written by a newer one.
    Unreadable,
    /// A snapshot, and something behind it.
    TrailingBytes(usize),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str(
                "the stored record cannot be read: it is damaged or was written by a newer version; \
                 restore it from a backup or run the version that wrote it",
            ),
            Self::TrailingBytes(count) => {
                write!(f, "the stored record is followed by {count} bytes that belong to nothing: it is damaged")
            }
        }
    }
}

impl core::error::Error for SnapshotError {}

impl Snapshot {
    /// The newest shape of `record`, as bytes.
    ///
    /// # Errors
    /// None that a record can cause: postcard into a growing buffer fails only when memory does.
    pub fn encode(record: &Record) -> Result<Vec<u8>, SnapshotError> {
        postcard::to_allocvec(&Self::V1(record.clone())).map_err(|_| SnapshotError::Unreadable)
    }

    /// Reads a record in any shape that was ever released.
    ///
    /// # Errors
    /// [`SnapshotError`], when the bytes are not exactly one snapshot.
    pub fn decode(bytes: &[u8]) -> Result<Record, SnapshotError> {
        match postcard::take_from_bytes(bytes) {
            Ok((Self::V1(record), [])) => Ok(record),
            Ok((_, rest)) => Err(SnapshotError::TrailingBytes(rest.len())),
            Err(_) => Err(SnapshotError::Unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{RomCaHash, SpkiHash, Uuid};
    use crate::policy::{FlowB, Permit};
    use crate::record::{Intent, KeyMark, PasswordId, Pin, Provenance};
    use crate::request::{KeyHandle, Once};

    /// A record in which nothing is empty, as the first release wrote it. It is read for ever.
    const V1: &[u8] = include_bytes!("snapshot_v1.bin");

    fn full() -> Record {
        let mut record = Record::new(Uuid::from_bytes([5; 16]).unwrap());
        let pin = |n: u8, provenance| Pin { spki: SpkiHash::from_bytes([n; 32]), provenance };
        for intent in [
            Intent::EnrolRomCa(RomCaHash::from_bytes([1; 32])),
            Intent::Activate { exposed: true },
            Intent::ConfirmPassword(PasswordId(0)),
            Intent::Settle,
            Intent::CommitActivation,
            Intent::ConfirmPin(pin(2, Provenance::OdcaInterim)),
            Intent::ChangePassword,
            Intent::EnrolInterim(SpkiHash::from_bytes([3; 32])),
            Intent::IntendPin(pin(4, Provenance::FirstUse)),
            Intent::Generate(KeyMark {
                known: alloc::vec![KeyHandle("Intel(r) AMT Key: Handle: 0".into())],
                provenance: Provenance::Odca,
            }),
            Intent::SetMebx,
            Intent::CommitAdmin,
            Intent::Doubt(Once::Upgrade),
        ] {
            record.apply(intent);
        }
        record.permit = Some(Permit { expect_rom_ca: Some(RomCaHash::from_bytes([6; 32])), flow_b: FlowB::Allowed });
        record
    }

    #[test]
    fn what_the_first_release_wrote_is_read_for_ever() {
        assert_eq!(Snapshot::decode(V1), Ok(full()));
        assert_eq!(Snapshot::encode(&full()).as_deref(), Ok(V1));
    }

    #[test]
    fn damage_is_reported_and_never_panics() {
        for length in 0..V1.len() {
            assert_eq!(Snapshot::decode(&V1[..length]), Err(SnapshotError::Unreadable), "{length} bytes");
        }
        let mut longer = V1.to_vec();
        longer.push(0);
        assert_eq!(Snapshot::decode(&longer), Err(SnapshotError::TrailingBytes(1)));
        assert_eq!(Snapshot::decode(&[1]), Err(SnapshotError::Unreadable), "a version of the future");
    }
}
