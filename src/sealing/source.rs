//! Where one key is.

use std::env;
use std::fmt;
use std::path::PathBuf;

use super::file;
use super::vault::{Vault, VaultKey};
use super::{Key, KeyError, KeyTextError, OpenError, WrapperId};
use crate::sealing::Label;
use crate::secret::Secret;

/// Where the key is that data keys are sealed under. None of it prints a key.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In a file, which nobody else can read, and which is made where there is none.
    File(PathBuf),
    /// In an environment variable, in base64.
    Environment(String),
    /// In HashiCorp Vault: as a secret there, or as a key that never leaves it.
    Vault(Vault),
    /// In memory: the caller has it.
    Given(Key),
}

/// What a source does with a data key.
pub(super) enum Wrapper<'a> {
    /// It gives its key, and the work is done here.
    Local(Key),
    /// It does the work itself.
    Remote(&'a Vault, WrapperId),
}

/// May a source that is empty be filled?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    Make,
    Fail,
}

impl KeySource {
    /// What would be wrong with it when a store is opened, as far as that can be told without a network and without
    /// making anything.
    ///
    /// # Errors
    /// [`KeyError`]. A file that is not there is none: it is made, or a store that needs it says so.
    pub fn check(&self) -> Result<(), KeyError> {
        match self {
            Self::File(path) => match file::read(path) {
                Err(KeyError::NoFile(_)) => Ok(()),
                other => other.map(drop),
            },
            Self::Environment(name) => variable(name).map(drop),
            Self::Vault(vault) => Ok(vault.check()?),
            Self::Given(_) => Ok(()),
        }
    }

    pub(super) fn wrapper(&self, if_missing: IfMissing) -> Result<Wrapper<'_>, KeyError> {
        Ok(match self {
            Self::File(path) if if_missing == IfMissing::Make => Wrapper::Local(file::read_or_make(path)?),
            Self::File(path) => Wrapper::Local(file::read(path)?),
            Self::Environment(name) => Wrapper::Local(variable(name)?),
            Self::Given(key) => Wrapper::Local(key.clone()),
            Self::Vault(vault) => match &vault.key {
                VaultKey::Secret { .. } => Wrapper::Local(vault.secret()?),
                VaultKey::Transit { mount, name } => Wrapper::Remote(vault, WrapperId::of_transit(mount, name)),
            },
        })
    }
}

impl Wrapper<'_> {
    pub(super) fn id(&self) -> WrapperId {
        match self {
            Self::Local(key) => key.name(),
            Self::Remote(_, id) => id.clone(),
        }
    }

    pub(super) fn wrap(&self, label: &Label, key: &Key) -> Result<Vec<u8>, KeyError> {
        match self {
            Self::Local(own) => Ok(own.cipher()?.seal(label, key.expose())?),
            Self::Remote(vault, _) => Ok(vault.encrypt(label, key)?),
        }
    }

    pub(super) fn unwrap(&self, label: &Label, wrapped: &[u8]) -> Result<Result<Key, OpenError>, KeyError> {
        match self {
            Self::Local(own) => {
                let opened = own.cipher()?.open(label, wrapped);
                Ok(opened.and_then(|bytes| Key::from_bytes(bytes.expose()).map_err(|KeyTextError| OpenError::Form)))
            }
            Self::Remote(vault, _) => Ok(Ok(vault.decrypt(label, wrapped)?)),
        }
    }
}

fn variable(name: &str) -> Result<Key, KeyError> {
    let text = env::var_os(name).ok_or_else(|| KeyError::Variable(name.to_owned()))?;
    let text = Secret::from(text.into_string().unwrap_or_default());
    Key::from_text(&text).map_err(|source| KeyError::Text { from: format!("the environment variable {name}"), source })
}

impl fmt::Display for KeySource {
    /// Where it is, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Vault(vault) => vault.fmt(f),
            Self::Given(_) => f.write_str("memory"),
        }
    }
}
