//! SQLite, as the contract needs it.

use std::fmt;
use std::path::Path;

use rustls::pki_types::UnixTime;
use smol::unblock;
use sqlx::sqlite::SqliteRow;
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::failure::{failure, no_access};
use super::file::create_empty;
use crate::store::StoreError;
use crate::store::sql::{Database, Transaction, Value, bound, seconds};

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

    async fn overwrite_what_was(&self) -> Result<(), StoreError> {
        // `secure_delete` sees to the file; the log has the pages of before until it begins anew. Whoever still reads
        // from it keeps it: then it is the next checkpoint's.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await.map_err(failure)?;
        Ok(())
    }

    async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        let copy = to.to_owned();
        unblock(move || create_empty(&copy)).await.map_err(|error| no_access(to, &error))?;
        let path = to.to_str().ok_or_else(|| no_access(to, &std::io::ErrorKind::InvalidFilename.into()))?;
        // It reads, and holds up no writer; but the connections that read may not run it.
        let mut connection = self.writer.connect_options().connect().await.map_err(failure)?;
        bound("VACUUM INTO $1", &[path.into()]).execute(&mut connection).await.map_err(failure)?;
        connection.close().await.map_err(failure)?;
        let copy = to.to_owned();
        unblock(move || std::fs::File::open(&copy)?.sync_all()).await.map_err(|error| no_access(to, &error))
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
