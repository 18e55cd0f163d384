//! Secrets at rest: sealed under a data key, which is sealed under a key that is kept elsewhere.
//!
//! ```text
//!   password ──seal──▶ row        under a data key ([`DataKey`]), bound to its place ([`Label`])
//!   data key ──wrap──▶ row        under the operator's key: a file, an environment variable, or Vault ([`KeySource`])
//! ```
//!
//! Whoever has the database alone has nothing; whoever changes it cannot put one device's password into another's row,
//! because the place is authenticated with the secret. The cipher is AES-256-GCM-SIV (RFC 8452) with random nonces: one
//! that came twice would show that two secrets are equal, and nothing else.
//!
//! Nothing here knows of a store. Reading a source may ask a server over the network: it blocks, and has a deadline.

mod cipher;
mod error;
mod file;
mod id;
mod key;
mod label;
mod source;
mod sources;
#[cfg(test)]
mod tests;
mod vault;

pub use cipher::{Cipher, OpenError, SealError};
pub use error::KeyError;
pub use id::{KeyId, KeyIdError, WrapperId};
pub use key::{Key, KeyTextError};
pub use label::Label;
pub use source::KeySource;
pub use sources::{DataKey, KeySources, WrappedKey};
pub use vault::{TokenSource, Vault, VaultAddress, VaultAddressError, VaultError, VaultKey};
