//! Why a key cannot be had, by who is to blame.

use std::io;
use std::path::PathBuf;

use super::{KeyId, KeyTextError, OpenError, SealError, VaultError, WrapperId};

/// Why the key of a store's secrets cannot be had, and what to do. No text of it holds a key or a token.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operator has named no key.
    #[error("no key is named for the store's secrets: write `key` in [store] of the configuration, and give --config")]
    None,
    /// There is no key file, and the store has secrets that are sealed under one.
    #[error(
        "{}: there is no key file, and the store's secrets are sealed: restore it from its backup; without it they \
         are lost", .0.display()
    )]
    NoFile(PathBuf),
    /// The key file cannot be read or made.
    #[error("{}: {source}: give the key file to the user that this runs as", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Others can read the key file.
    #[error("{}: others can read or write the key file (mode {mode:03o}): chmod 600 it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What is there is no key.
    #[error("{from}: {source}")]
    Text {
        /// Where it was read.
        from: String,
        /// What is expected.
        source: KeyTextError,
    },
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set: it is to hold the key of the store's secrets, in base64")]
    Variable(String),
    /// Vault does not give the key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The keys that are named are others than the one that the store's data key is sealed under.
    #[error(
        "the store's data key {id} is sealed under the key {by}, and the configuration names {}: name the right one \
         as `key`, or among `old_keys`",
        if have.is_empty() { "none".to_owned() } else { have.join(", ") }
    )]
    Other {
        /// The data key.
        id: KeyId,
        /// What it is sealed under.
        by: WrapperId,
        /// What is named: where it is, and its name.
        have: Vec<String>,
    },
    /// The data key is damaged, though the right key is there.
    #[error("the store's data key {id} cannot be opened: {source}; restore the store from a backup")]
    Damaged {
        /// The data key.
        id: KeyId,
        /// In which way.
        source: OpenError,
    },
    /// The cryptography library failed.
    #[error(transparent)]
    Library(#[from] SealError),
}

impl KeyError {
    /// Whether it may pass by itself: nobody has written anything wrong.
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Vault(error) => error.is_outage(),
            Self::Library(_) => true,
            _ => false,
        }
    }
}
