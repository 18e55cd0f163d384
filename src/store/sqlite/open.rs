//! Opening the file: its permissions, its shape, its connections.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use smol::unblock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::database::Sqlite;
use super::failure::{failure, no_access};
use super::file::create_empty;
use crate::sealing::{KeySource, KeySources};
use crate::store::StoreError;
use crate::store::sql::{Shape, SqlStore, migrator, not_migrated};

/// How long another process may keep its lock before we say that the store is not available.
const BUSY: Duration = Duration::from_secs(5);

/// How long a caller waits for a connection. Together with [`BUSY`] it ends before the core gives the store up
/// (`deadline::STORE`), so that the core hears the reason.
const QUEUE: Duration = Duration::from_secs(10);

/// Connections that read; each is a thread.
const READERS: u32 = 4;

/// The shapes of the database, each built on the one before it. A released one is never changed.
const SHAPES: &[Shape] = &[
    (1, "init", include_str!("migrations/0001_init.sql")),
    (2, "lease", include_str!("migrations/0002_lease.sql")),
    (3, "data_key", include_str!("migrations/0003_data_key.sql")),
];

/// The embedded store: a file that one server owns. Commands of the same machine may use it at the same time.
pub type SqliteStore = SqlStore<Sqlite>;

impl SqliteStore {
    /// Opens the store in the file `path`. It is created, readable for its owner only, if there is none; its folder
    /// must be there. Its secrets are sealed under the key in the file [`key_file`](Self::key_file), which is made for
    /// the first of them, unless [`with_keys`](Self::with_keys) says otherwise.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`] and [`StoreError::TooNew`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::new(open(path).await?, KeySources::new(KeySource::File(Self::key_file(path)))))
    }

    /// Where the key of a store in `path` is if nobody says otherwise: beside it, `.key` behind its name.
    pub fn key_file(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".key");
        name.into()
    }
}

/// Opens `path`, which is created if need be, and brings it into the newest shape.
async fn open(path: &Path) -> Result<Sqlite, StoreError> {
    // SQLite takes `:memory:` and `file:…` for something else than a file of that name.
    let path = std::path::absolute(path).map_err(|error| no_access(path, &error))?;
    let file = path.clone();
    let folder = unblock(move || create(&file)).await.map_err(|error| no_access(&path, &error))?;
    let file = Sqlite { writer: connect_writer(&path).await.map_err(failure)?, readers: reader_pool(&path) };
    migrate(&file.writer).await?;
    // Until here whoever else opens a store in this folder has waited: the change to WAL mode takes a lock for which
    // SQLite does not wait, and nobody should see a file without permissions or without tables.
    drop(folder);
    Ok(file)
}

/// Creates the file so that nobody else can read it; SQLite gives its companions the same permissions. The folder
/// that is returned is locked.
fn create(path: &Path) -> io::Result<File> {
    let folder = File::open(path.parent().ok_or(ErrorKind::NotFound)?)?;
    folder.lock()?;
    // A file that is there is not opened: closing it again would drop SQLite's own locks in this process.
    match create_empty(path) {
        Ok(()) => folder.sync_all()?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(folder)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // Intermediate results hold passwords: they stay out of temporary files.
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
}

fn pool_options(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(QUEUE)
        .idle_timeout(None)
        .max_lifetime(None)
        // There is no network in between that could have been cut.
        .test_before_acquire(false)
        .after_release(|connection, _| Box::pin(is_clean(connection)))
}

/// Whether a connection may be used again. SQLite rolls a transaction back by itself when the disk is full or fails;
/// sqlx then still counts it as open, and would refuse to begin another one for ever.
async fn is_clean(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // The rollback of a dropped transaction is on its way; this answer comes after it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

async fn connect_writer(path: &Path) -> sqlx::Result<SqlitePool> {
    let options = options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What is forgotten is overwritten.
        .pragma("secure_delete", "ON");
    pool_options(1).connect_with(options).await
}

fn reader_pool(path: &Path) -> SqlitePool {
    pool_options(READERS).connect_lazy_with(options(path).pragma("query_only", "ON"))
}

async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
    migrator(SHAPES).run_direct(None, &mut *transaction, false).await.map_err(|error| not_migrated(error, failure))?;
    transaction.commit().await.map_err(failure)
}
