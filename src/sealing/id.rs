//! What keys are called.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::rand;

use super::SealError;

/// The name of a data key: 16 hexadecimal digits, of which no two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

/// A text that is the name of no data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a data key, 16 hexadecimal digits")]
pub struct KeyIdError;

impl KeyId {
    /// A new one.
    ///
    /// # Errors
    /// [`SealError`]: the random source failed.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = [0; 8];
        rand::fill(&mut bytes).map_err(|_| SealError)?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, KeyIdError> {
        let whole = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| whole).map(Self).ok_or(KeyIdError)
    }
}

/// The name of the key that data keys are sealed under: a hash of it, or its name in Vault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WrapperId(String);

impl WrapperId {
    pub(super) fn of_hash(hash: &[u8; 32]) -> Self {
        Self(hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    pub(super) fn of_transit(mount: &str, name: &str) -> Self {
        Self(format!("vault:{mount}/{name}"))
    }

    /// A name as a store kept it.
    pub fn from_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WrapperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
