//! What survives: records, passwords, certificates, the deployment's authority, the audit log.
//!
//! The core never sees this module. It says `Persist(generation, record)` and goes on when it is told
//! `Persisted(generation)`; the driver in between calls [`Store::persist`], whose answer means that the
//! record **and every password that it names for the first time** are on the disk (G2, G3). A generation is
//! written only over the one before it, under a lease that is not lost, so two servers never write over each other
//! (G13).
//!
//! ```text
//! Provisioner ── Persist(n, record) ──▶ driver ── persist ──▶ one transaction: n over n − 1,
//!      ▲                                                     new passwords, commit, fsync
//!      └──────── Persisted(n) ◀───────────┘◀──── Ok ────────────────────┘
//! ```
//!
//! - [`Store`] is the contract, [`SqliteStore`] the embedded default, [`PostgresStore`] what several servers share;
//!   [`StoreAddress`] names one of them;
//! - a device is driven under a [`Lease`], and what is meant under a lost one is not written (G13);
//! - what is kept of a device is read as a [`KnownDevice`]; a device that is removed stays a tombstone with its
//!   pins and passwords until it is forgotten (G7), and is still itself when it comes back (G5);
//! - secrets are sealed under a data key, which is sealed under the operator's own ([`sealing`](crate::sealing)); without
//!   that one the store still tells all that is no secret;
//! - nothing here reads a clock: every time is the caller's, and only whole seconds are kept. The one exception is the
//!   end of a lease in PostgreSQL, which the database's clock decides.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use amt_provision::fsm::record::{Generation, Intent, Record};
//! use amt_provision::store::{Account, Holder, PasswordChoice, PasswordSource, SqliteStore, Store, Tenant};
//! use rustls::pki_types::UnixTime;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> { smol::block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("fleet.db")).await?);
//! let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
//! let passwords = PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random);
//! let (tenant, uuid) = (Tenant::default(), "4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?);
//! let server = Holder { server: "server-1".parse()?, process: 1 };
//! let lease = store.acquire(&tenant, uuid, &server, Duration::from_secs(15), UnixTime::now()).await?;
//!
//! let mut record = Record::new(uuid);
//! record.apply(Intent::Activate { exposed: false });
//! store.persist(&lease, Generation(1), &record, &passwords, UnixTime::now()).await?;
//!
//! let ledger = store.load(&tenant, uuid).await?.ok_or("it was stored")?;
//! let id = ledger.durable().admin.intended().ok_or("it names a password")?.id;
//! assert_eq!(store.password(&tenant, uuid, Account::Admin, id).await?.expose().len(), 16);
//! # Ok(()) }) }
//! ```

mod address;
mod audit;
mod certificate;
mod contract;
mod device;
mod error;
mod keys;
mod lease;
mod name;
mod passwords;
mod postgres;
mod sql;
mod sqlite;
#[cfg(test)]
mod tests;

pub use address::{StoreAddress, StoreAddressError};
pub use audit::{AuditEntry, AuditEvent, AuditSequence, Audited, RunId, Stamp};
pub use certificate::IssuedCertificate;
pub use contract::Store;
pub use device::{Ending, KnownDevice, LastOutcome};
pub use error::{Item, StoreError};
pub use keys::{Rotation, StoredKey};
pub use lease::{Epoch, Holder, Lease};
pub use name::{MAX_NAME_BYTES, NameError, ServerName, Tenant};
pub use passwords::{Account, PasswordChoice, PasswordSource};
pub use postgres::{Postgres, PostgresAddress, PostgresAddressError, PostgresStore};
pub use sql::SqlStore;
pub use sqlite::{Sqlite, SqliteStore};
