//! HashiCorp Vault, over its HTTP API: a key among its secrets (KV version 2), or one that never leaves it (transit).
//!
//! Each request has a deadline, follows no redirection and goes through no proxy that the environment names: it
//! carries a token. A token in a file is read for each request, because agents renew it there.

mod address;
mod client;
mod error;

pub use address::{VaultAddress, VaultAddressError};
pub use error::VaultError;

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use self::client::Method;
use super::{Key, Label};
use crate::secret::Secret;

/// A key in Vault.
#[derive(Clone, Debug)]
pub struct Vault {
    /// Where Vault is.
    pub address: VaultAddress,
    /// The authorities that its certificate may be of, in PEM; those of the operating system if left out.
    pub ca: Option<PathBuf>,
    /// Its namespace, where it has such.
    pub namespace: Option<String>,
    /// Where the token is.
    pub token: TokenSource,
    /// Which key.
    pub key: VaultKey,
}

/// Where the token is that Vault knows us by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// In a file.
    File(PathBuf),
    /// In an environment variable.
    Environment(String),
}

/// Which key in Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultKey {
    /// A field of a secret in a KV store of version 2.
    Secret {
        /// Where the KV store is mounted.
        mount: String,
        /// The path of the secret.
        path: String,
        /// The field with the key, in base64.
        field: String,
    },
    /// A key of the transit engine, of a kind that takes associated data.
    Transit {
        /// Where the engine is mounted.
        mount: String,
        /// The key's name.
        name: String,
    },
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: String,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: Secret,
}

impl Vault {
    pub(super) fn check(&self) -> Result<(), VaultError> {
        if self.address.is_tls() {
            client::roots(self)?;
        }
        client::token(self).map(drop)
    }

    /// The key that is kept as a secret.
    pub(super) fn secret(&self) -> Result<Key, VaultError> {
        let VaultKey::Secret { mount, path, field } = &self.key else { return Err(VaultError::Answer) };
        let mut answer: client::KvSecret = client::ask(self, Method::Get, &format!("{mount}/data/{path}"))?;
        let text = answer.data.remove(field).ok_or_else(|| VaultError::NoField(self.to_string()))?;
        Key::from_text(&text).map_err(|source| VaultError::Key { from: self.to_string(), source })
    }

    pub(super) fn encrypt(&self, label: &Label, key: &Key) -> Result<Vec<u8>, VaultError> {
        let text = key.to_text();
        let body = json(&Encrypt { plaintext: text.expose(), associated_data: base64(label) })?;
        let answer: Encrypted = client::ask(self, Method::Post(&body), &self.transit("encrypt")?)?;
        Ok(answer.ciphertext.into_bytes())
    }

    pub(super) fn decrypt(&self, label: &Label, wrapped: &[u8]) -> Result<Key, VaultError> {
        let ciphertext = std::str::from_utf8(wrapped).map_err(|_| VaultError::Answer)?;
        let body = json(&Decrypt { ciphertext, associated_data: base64(label) })?;
        let answer: Decrypted = client::ask(self, Method::Post(&body), &self.transit("decrypt")?)?;
        Key::from_text(&answer.plaintext).map_err(|_| VaultError::Answer)
    }

    fn transit(&self, verb: &str) -> Result<String, VaultError> {
        match &self.key {
            VaultKey::Transit { mount, name } => Ok(format!("{mount}/{verb}/{name}")),
            VaultKey::Secret { .. } => Err(VaultError::Answer),
        }
    }
}

fn base64(label: &Label) -> String {
    BASE64_STANDARD.encode(label.as_bytes())
}

/// How long a request is at most: a buffer that grows would leave copies of the key behind.
const REQUEST: usize = 4096;

fn json(value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut text = Zeroizing::new(Vec::with_capacity(REQUEST));
    serde_json::to_writer(&mut *text, value).map_err(|_| VaultError::Answer)?;
    Ok(text)
}

impl fmt::Display for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = &self.address;
        match &self.key {
            VaultKey::Secret { mount, path, field } => {
                write!(f, "field `{field}` of the secret {mount}/{path} in Vault at {address}")
            }
            VaultKey::Transit { mount, name } => write!(f, "the transit key {mount}/{name} in Vault at {address}"),
        }
    }
}
