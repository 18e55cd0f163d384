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
