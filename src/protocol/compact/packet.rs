//! What one binary WebSocket message is.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::CompactError;
use super::codec::{decode, encode};
use crate::protocol::Data;

/// The name of a session, which only its two ends know: 128 random bits of the server's. It is compared in constant time.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A session's name out of a random source.
    pub const fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SessionId {}

impl fmt::Debug for SessionId {
    /// Who knows it goes on with the session: it is not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

/// One binary WebSocket message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packet {
    /// The relay's first: a new session. Its frames may follow at once.
    Begin,
    /// The relay's first on another WebSocket: go on with that session. Frames follow when the server has welcomed it.
    Resume {
        /// Which.
        session: SessionId,
        /// How far the relay has received, in bytes of frames.
        received: u64,
    },
    /// The server's first: so the session is called.
    Welcome {
        /// Its name.
        session: SessionId,
        /// How far the server has received.
        received: u64,
    },
    /// The server's first and last: it does not know that session. The relay is to probe again.
    Unknown,
    /// A frame.
    Frame {
        /// Where it begins: how many bytes of frames went before it in this direction.
        at: u64,
        /// How far the other direction was received.
        received: u64,
        /// Its bytes.
        frame: Data,
    },
    /// How far the other direction was received, where there is no frame to say it with.
    Received(u64),
}

impl Packet {
    /// The bytes of a WebSocket message.
    ///
    /// # Errors
    /// [`CompactError::OurFrame`], never for a frame that this build encoded.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, CompactError> {
        encode(self)
    }

    /// Reads the bytes of a WebSocket message.
    ///
    /// # Errors
    /// [`CompactError`]: the sender is to blame.
    pub fn decode(bytes: &[u8]) -> Result<Self, CompactError> {
        decode("packet", bytes)
    }
}
