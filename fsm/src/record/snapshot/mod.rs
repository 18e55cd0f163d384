//! The stored form of a record: a versioned postcard value, append-only, with nothing behind it.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::Record;

mod v1;

/// A record in the form in which it is stored. Postcard is not self-describing, so a variant is never
/// changed once it was released: a new shape is a new variant at the end, and old ones are read for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Snapshot {
    /// The first shape: no origin, and permits that never run out.
    V1(v1::Record),
    /// With an origin, and permits that may run out.
    V2(Record),
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
        postcard::to_allocvec(&Self::V2(record.clone())).map_err(|_| SnapshotError::Unreadable)
    }

    /// Reads a record in any shape that was ever released.
    ///
    /// # Errors
    /// [`SnapshotError`], when the bytes are not exactly one snapshot.
    pub fn decode(bytes: &[u8]) -> Result<Record, SnapshotError> {
        match postcard::take_from_bytes(bytes) {
            Ok((Self::V1(record), [])) => Ok(record.into()),
            Ok((Self::V2(record), [])) => Ok(record),
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
    use crate::record::{Intent, KeyMark, Origin, PasswordId, Pin, Provenance};
    use crate::request::{KeyHandle, Once};
    use crate::time::Timestamp;

    /// A record in which nothing is empty, as each shape wrote it. They are read for ever.
    const V1: &[u8] = include_bytes!("v1.bin");
    const V2: &[u8] = include_bytes!("v2.bin");

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
        let expect_rom_ca = Some(RomCaHash::from_bytes([6; 32]));
        record.permit = Some(Permit { expect_rom_ca, flow_b: FlowB::Allowed, expires: Some(Timestamp(1_800_000_000)) });
        record.origin = Origin::Adopted;
        record
    }

    #[test]
    fn what_the_first_shape_wrote_is_read_for_ever() {
        let mut first = full();
        first.permit.iter_mut().for_each(|permit| permit.expires = None);
        first.origin = Origin::Ours;
        assert_eq!(Snapshot::decode(V1), Ok(first));
    }

    #[test]
    fn what_the_second_shape_wrote_is_read_for_ever() {
        assert_eq!(Snapshot::decode(V2), Ok(full()));
        assert_eq!(Snapshot::encode(&full()).as_deref(), Ok(V2));
    }

    #[test]
    fn a_permit_that_has_run_out_is_let_go_of_and_others_are_not() {
        let mut record = full();
        assert_eq!(record.expire(Timestamp(1_799_999_999)), None);
        assert!(record.expire(Timestamp(1_800_000_000)).is_some());
        assert_eq!(record.permit, None);
        record.permit = Some(Permit { expect_rom_ca: None, flow_b: FlowB::Refused, expires: None });
        assert_eq!(record.expire(Timestamp(u64::MAX)), None);
    }

    #[test]
    fn damage_is_reported_and_never_panics() {
        for blob in [V1, V2] {
            for length in 0..blob.len() {
                assert_eq!(Snapshot::decode(&blob[..length]), Err(SnapshotError::Unreadable), "{length} bytes");
            }
            let mut longer = blob.to_vec();
            longer.push(0);
            assert_eq!(Snapshot::decode(&longer), Err(SnapshotError::TrailingBytes(1)));
        }
        assert_eq!(Snapshot::decode(&[2]), Err(SnapshotError::Unreadable), "a version of the future");
    }
}
