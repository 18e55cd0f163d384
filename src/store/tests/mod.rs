//! What every store must do, shown on real files.

mod devices;
mod faults;
mod generations;
mod passwords;
mod property;
mod secrets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::record::{Generation, Intent, PasswordId, Pin, Provenance, Record};
use rustls::crypto::SecureRandom;
use rustls::pki_types::UnixTime;
use tempfile::TempDir;

use super::*;
use crate::password::Password;

/// A store in a folder of its own.
struct Fleet {
    folder: TempDir,
    store: SqliteStore,
}

impl Fleet {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("fleet.db")).await.unwrap();
        Self { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("fleet.db")
    }

    /// The same file, opened once more.
    async fn another(&self) -> SqliteStore {
        open(&self.path()).await
    }

    /// Changes the file behind the store's back.
    async fn tamper(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.store.writer).await.unwrap();
    }
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).await.unwrap()
}

fn tenant() -> Tenant {
    Tenant::default()
}

fn uuid(number: u8) -> Uuid {
    Uuid::from_bytes([number, 0x4c, 0x45, 0x44, 0, 0x51, 0x36, 0x10, 0x80, 0x53, 0xb7, 0xc0, 0x4f, 0x4e, 0x30, 0x33])
        .unwrap()
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn stamp(seconds: u64) -> Stamp {
    Stamp { at: at(seconds), server: "server-1".parse().unwrap(), run: None }
}

fn pin(byte: u8) -> Pin {
    Pin { spki: SpkiHash::from_bytes([byte; 32]), provenance: Provenance::Odca }
}

fn rom_ca(byte: u8) -> RomCaHash {
    RomCaHash::from_bytes([byte; 32])
}

fn random() -> &'static dyn SecureRandom {
    rustls::crypto::aws_lc_rs::default_provider().secure_random
}

fn random_passwords() -> PasswordSource {
    PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random())
}

/// A record after these intents, each of which it had by itself.
fn record(number: u8, intents: impl IntoIterator<Item = Intent>) -> Record {
    let mut record = Record::new(uuid(number));
    intents.into_iter().for_each(|intent| record.apply(intent));
    record
}

/// A record that orders the first admin password.
fn activated(number: u8) -> Record {
    record(number, [Intent::Activate { exposed: false }])
}

async fn persist(store: &impl Store, generation: u64, record: &Record) -> Result<(), StoreError> {
    store.persist(&tenant(), Generation(generation), record, &random_passwords(), at(generation)).await
}

async fn admin(store: &impl Store, number: u8, id: u16) -> Result<Password, StoreError> {
    store.password(&tenant(), uuid(number), Account::Admin, PasswordId(id)).await
}

/// What the store has of a device: generation and record.
async fn stored(store: &impl Store, number: u8) -> Option<(u64, Record)> {
    let ledger = store.load(&tenant(), uuid(number)).await.unwrap()?;
    Some((ledger.generation().0, ledger.durable().clone()))
}
