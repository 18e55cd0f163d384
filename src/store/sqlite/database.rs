//! SQLite, as the contract needs it.

use std::fmt;
use std::path::Path;

use rustls::pki_types::UnixTime;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteRow;

use super::failure::failure;
use super::open::open;
use crate::store::StoreError;
use crate::store::sql::{Database, SqlStore, Transaction, Value, bound, seconds};

/// The embedded store: a file that one server owns. Commands of the same machine may use it at the same time.
pub type SqliteStore = SqlStore<Sqlite>;

impl SqliteStore {
    /// Opens the store in the file `path`. It is created, readable for its owner only, if there is none; its folder
    /// must be there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`] and [`StoreError::TooNew`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self(open(path).await?))
    }
}

/// An open file: the connection that writes, and those that read.
pub struct Sqlite {
    pub(in crate::store) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.writer.connect_options();
        f.debug_struct("SqliteStore").field("path", &path.get_filename()).finish_non_exhaustive()
    }
}

impl Database for Sqlite {
    type Row = SqliteRow;
    type Transaction = sqlx::Transaction<'static, sqlx::Sqlite>;

    async fn begin(&self) -> Result<Self::Transaction, StoreError> {
        // It takes the lock at once: a transaction that only read at first could be refused it later.
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)
    }

    async fn read(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<SqliteRow>, StoreError> {
        bound(sql, values).fetch_all(&self.readers).await.map_err(failure)
    }
}

impl Transaction for sqlx::Transaction<'static, sqlx::Sqlite> {
    type Row = SqliteRow;

    async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<SqliteRow>, StoreError> {
        bound(sql, values).fetch_all(&mut **self).await.map_err(failure)
    }

    async fn clock(&mut self, at: UnixTime) -> Result<i64, StoreError> {
        Ok(seconds(at).saturating_mul(1000))
    }

    async fn commit(self) -> Result<(), StoreError> {
        self.commit().await.map_err(failure)
    }
}
