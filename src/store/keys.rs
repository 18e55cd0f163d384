//! The data keys of a store, for people.

use rustls::pki_types::UnixTime;

use crate::sealing::{KeyId, WrapperId};

/// A key that secrets of the store are sealed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name.
    pub id: KeyId,
    /// What it is sealed under itself.
    pub by: WrapperId,
    /// When it was made.
    pub made_at: UnixTime,
    /// Since when nothing more is sealed under it; `None` for the one that is in use.
    pub retired_at: Option<UnixTime>,
    /// How many secrets are sealed under it.
    pub secrets: u64,
}

/// What a rotation of the keys came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The key that is in use now.
    pub key: KeyId,
    /// How many secrets were sealed anew.
    pub sealed: u64,
    /// The keys that nothing is sealed under any more, and that are gone.
    pub dropped: Vec<KeyId>,
}
