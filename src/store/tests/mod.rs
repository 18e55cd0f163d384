//! What every store must do, shown on real files and on a real PostgreSQL server.

mod devices;
mod faults;
mod generations;
mod keys;
mod leases;
mod passwords;
mod postgres;
mod property;
mod secrets;
#[path = "../../../tests/common/postgres.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::record::{Generation, Intent, PasswordId, Pin, Provenance, Record};
use rustls::crypto::SecureRandom;
use rustls::pki_types::UnixTime;
use tempfile::TempDir;

use super::sql::{Database, Transaction, Value};
use super::*;
use crate::password::Password;
use crate::sealing::{Key, KeySource, KeySources};

/// A store of one of the two kinds, with nothing in it.
enum Fleet {
    Sqlite(SqliteFleet),
    Postgres(Box<PostgresStore>, server::Schema),
}

impl Fleet {
    fn store(&self) -> &dyn Store {
        match self {
            Self::Sqlite(fleet) => &fleet.store,
            Self::Postgres(store, _) => &**store,
        }
    }

    /// The same store, opened once more.
    async fn another(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(fleet) => Arc::new(fleet.another().await),
            Self::Postgres(_, schema) => Arc::new(connect(&schema.url()).await.unwrap()),
        }
    }

    /// The same store, opened once more, with other keys.
    async fn with_keys(&self, keys: KeySources) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(fleet) => Arc::new(fleet.another().await.with_keys(keys)),
            Self::Postgres(_, schema) => Arc::new(connect(&schema.url()).await.unwrap().with_keys(keys)),
        }
    }

    /// Changes what is stored behind the store's back.
    async fn tamper(&self, sql: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(fleet) => tamper(&fleet.store, sql, values).await,
            Self::Postgres(store, _) => tamper(store, sql, values).await,
        }
    }
}

async fn tamper<D: Database>(store: &SqlStore<D>, sql: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
    let mut transaction = store.database.begin().await?;
    transaction.run(sql, values).await?;
    transaction.commit().await
}

/// Runs a test on a new store of each kind.
fn on_each(test: impl AsyncFn(&Fleet)) {
    smol::block_on(async {
        test(&Fleet::Sqlite(SqliteFleet::new().await)).await;
        if let Some(server) = server::server() {
            let schema = server.schema().await;
            let store = connect(&schema.url()).await.unwrap();
            // The store first: a schema with connections to it can be dropped, and not one with locks.
            test(&Fleet::Postgres(Box::new(store), schema)).await;
        }
    });
}

/// A PostgreSQL store, with the key that all of them have in common.
async fn connect(url: &str) -> Result<PostgresStore, StoreError> {
    static KEY: LazyLock<Key> = LazyLock::new(|| Key::generate().unwrap());
    let store = PostgresStore::open(&url.parse().unwrap()).await?;
    Ok(store.with_keys(KeySources::new(KeySource::Given(KEY.clone()))))
}

/// What a test asks of a store that it holds as a whole.
trait Unwrapped {
    async fn unwrap_password(&self, number: u8, id: u16) -> String;
}

impl Unwrapped for Arc<dyn Store> {
    async fn unwrap_password(&self, number: u8, id: u16) -> String {
        admin(&**self, number, id).await.unwrap().expose().to_owned()
    }
}

/// A SQLite store in a folder of its own.
struct SqliteFleet {
    folder: TempDir,
    store: SqliteStore,
}

impl SqliteFleet {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("fleet.db")).await;
        Self { folder, store }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("fleet.db")
    }

    /// The same file, opened once more.
    async fn another(&self) -> SqliteStore {
        open(&self.path()).await
    }

    /// Whether a text is in one of the files, as it is.
    fn is_in_a_file(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).any(|bytes| find(&bytes, text.as_bytes()))
    }

    /// Changes the file behind the store's back.
    async fn tamper(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.store.database.writer).await.unwrap();
    }
}

fn find(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
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

async fn lease(store: &dyn Store, uuid: Uuid) -> Lease {
    acquire(store, uuid, "server-1").await.unwrap()
}

/// A server, with one process.
fn holder(server: &str) -> Holder {
    Holder { server: server.parse().unwrap(), process: 1 }
}

async fn acquire(store: &dyn Store, uuid: Uuid, server: &str) -> Result<Lease, StoreError> {
    store.acquire(&tenant(), uuid, &holder(server), Duration::from_secs(15), at(1)).await
}

/// Persists as the only driver of the device.
async fn persist(store: &dyn Store, generation: u64, record: &Record) -> Result<(), StoreError> {
    persist_with(store, generation, record, &random_passwords()).await
}

async fn persist_with(
    store: &dyn Store,
    generation: u64,
    record: &Record,
    passwords: &PasswordSource,
) -> Result<(), StoreError> {
    let lease = acquire(store, record.uuid, "server-1").await?;
    let written = store.persist(&lease, Generation(generation), record, passwords, at(generation)).await;
    store.release(&lease).await?;
    written
}

async fn admin(store: &dyn Store, number: u8, id: u16) -> Result<Password, StoreError> {
    store.password(&tenant(), uuid(number), Account::Admin, PasswordId(id)).await
}

/// What the store has of a device: generation and record.
async fn stored(store: &dyn Store, number: u8) -> Option<(u64, Record)> {
    let ledger = store.load(&tenant(), uuid(number)).await.unwrap()?;
    Some((ledger.generation().0, ledger.durable().clone()))
}
