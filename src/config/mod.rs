//! The configuration of a server: one TOML file, read once at the start into values that need no further check.
//!
//! ```text
//!   text ─▶ toml, with positions ─▶ read (sections, keys, values) ─▶ server, profile, domain, odca, tenant ─▶ Config
//!                                        └──────────── every mistake, with its place ────────────▶ Mistakes
//! ```
//!
//! A mistake does not hide the ones behind it, a key that nobody knows is a mistake, and so is a file that is named and
//! cannot be used. A provisioning certificate that no device takes is one at a time, for certificates end:
//! [`Config::check`]. No message repeats a password or a private key. Paths are meant from the folder of the file.
//!
//! ```
//! use amt_provision::config::Config;
//!
//! let folder = tempfile::tempdir()?;
//! let file = folder.path().join("amt-provision.toml");
//! std::fs::write(&file, r#"
//!     [server]
//!     listen = "127.0.0.1:8080"
//!
//!     [store]
//!     path = "fleet.db"
//!
//!     [[profiles]]
//!     name = "office"
//!     gaol = "ccm"
//! "#)?;
//! let error = Config::load(&file).unwrap_err().to_string();
//! assert!(error.contains("amt-provision.toml:10:5: `gaol` is no key of [[profiles]]: did you mean `goal`?"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod adoption;
mod auth;
mod domain;
mod error;
mod keys;
mod limits;
mod lint;
mod load;
mod model;
mod odca;
mod pem_file;
mod profile;
mod read;
mod server;
mod tenant;
#[cfg(test)]
mod tests;
mod warning;

pub use adoption::AdoptionPasswords;
pub use error::{ConfigError, Mistake, Mistakes};
pub use model::{Config, CrlSource, Domain, Listener, Profile, ProfileRefusal, TenantRule};
pub use warning::Warning;
