//! From bytes and to bytes.

use std::fmt;

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::Breach;
use crate::protocol::{Data, ParseError};

/// The longest packet in bytes: the data of one message, or a report as long as a JSON message may be, and the header.
pub const MAX_PACKET: usize = 104 * 1024;

/// What is wrong with what the other end sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// More than [`MAX_PACKET`] bytes.
    #[error("a packet of {0} bytes: expected at most {MAX_PACKET}")]
    TooLong(usize),
    /// Not what this build knows: damaged, cut off, or of a newer version.
    #[error("what is no {0} of this version: it is cut off, damaged or newer")]
    Unreadable(&'static str),
    /// Something whole, and more behind it.
    #[error("a {what} with {count} bytes behind it that belong to nothing")]
    TrailingBytes {
        /// Packet or frame.
        what: &'static str,
        /// How many.
        count: usize,
    },
    /// A report that is none.
    #[error("a report that is none: {0}")]
    Report(ParseError),
    /// A packet that does not fit where it came.
    #[error("a packet out of place: expected {0}")]
    Misplaced(&'static str),
    /// Offsets that cannot be.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// Our own frame does not fit a packet.
    #[error("nothing; our own frame would have {0} bytes: the other end takes {MAX_PACKET}")]
    OurFrame(usize),
}

/// `value` as bytes.
pub(super) fn encode(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, CompactError> {
    // Into a growing buffer postcard fails only when memory does.
    let bytes = postcard::to_allocvec(value).map_err(|_| CompactError::OurFrame(usize::MAX))?;
    Ok(Zeroizing::new(bytes))
}

/// Exactly one `T`. Its length was looked at before: no text or list in it is longer than the bytes themselves.
pub(super) fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, CompactError> {
    if bytes.len() > MAX_PACKET {
        return Err(CompactError::TooLong(bytes.len()));
    }
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(CompactError::TrailingBytes { what, count: rest.len() }),
        Err(_) => Err(CompactError::Unreadable(what)),
    }
}

/// As bytes: serde would take a list of them one by one.
impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Data, E> {
                Ok(Data(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}
