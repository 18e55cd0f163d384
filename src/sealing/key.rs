//! Keys as bytes and as text.

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Cipher, SealError, WrapperId};
use crate::secret::Secret;

/// 256 random bits. It does not print.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; Key::BYTES]>);

/// A text that is no key: the operator's to mend. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a key of 32 random bytes in base64, 44 characters: `head -c 32 /dev/urandom | base64` makes one")]
pub struct KeyTextError;

impl Key {
    /// How long a key is.
    pub const BYTES: usize = 32;

    /// A new key.
    ///
    /// # Errors
    /// [`SealError`]: the random source failed.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| SealError)?;
        Ok(Self(bytes))
    }

    /// The key in base64, white space around it apart.
    ///
    /// # Errors
    /// [`KeyTextError`].
    pub fn from_text(text: &Secret) -> Result<Self, KeyTextError> {
        let bytes = BASE64_STANDARD.decode(text.expose().trim_ascii()).map(Zeroizing::new).map_err(|_| KeyTextError)?;
        Self::from_bytes(&bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, KeyTextError> {
        let bytes = bytes.try_into().map_err(|_| KeyTextError)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The key in base64.
    pub fn to_text(&self) -> Secret {
        Secret::from(BASE64_STANDARD.encode(self.expose()))
    }

    pub(super) fn expose(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// What the key is called where people and databases see it: a hash, which gives nothing of the key away.
    pub fn name(&self) -> WrapperId {
        let mut hash = Sha256::new();
        hash.update(b"amt-provision key name\0");
        hash.update(self.expose());
        WrapperId::of_hash(&hash.finalize().into())
    }

    /// # Errors
    /// [`SealError`].
    pub(super) fn cipher(&self) -> Result<Cipher, SealError> {
        Cipher::new(self.expose())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
