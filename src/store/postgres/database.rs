//! PostgreSQL, as the contract needs it.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use sqlx::PgPool;
use sqlx::postgres::PgRow;

use super::PostgresAddress;
use super::failure::{failure, within};
use crate::store::StoreError;
use crate::store::sql::{Columns, Database, Transaction, Value, bound};

/// How long a statement may take before the database counts as gone.
pub(super) const ANSWER: Duration = Duration::from_secs(15);

/// The connections to a database.
pub struct Postgres {
    pub(super) address: PostgresAddress,
    pub(in crate::store) pool: PgPool,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Database for Postgres {
    type Row = PgRow;
    type Transaction = sqlx::Transaction<'static, sqlx::Postgres>;

    async fn begin(&self) -> Result<Self::Transaction, StoreError> {
        let begun = async { self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failure) };
        within(ANSWER, begun).await
    }

    async fn read(&self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        within(ANSWER, async { bound(sql, values).fetch_all(&self.pool).await.map_err(failure) }).await
    }

    async fn overwrite_what_was(&self) -> Result<(), StoreError> {
        // The database's own `VACUUM` does, when it comes to it.
        Ok(())
    }

    async fn back_up(&self, _: &Path) -> Result<(), StoreError> {
        Err(StoreError::NoAccess {
            cause: "a PostgreSQL database is backed up by its own tools".to_owned(),
            advice: "run pg_dump --format=custom against it, and keep the key of its secrets elsewhere",
        })
    }
}

impl Transaction for sqlx::Transaction<'static, sqlx::Postgres> {
    type Row = PgRow;

    async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<PgRow>, StoreError> {
        within(ANSWER, async { bound(sql, values).fetch_all(&mut **self).await.map_err(failure) }).await
    }

    async fn clock(&mut self, _: UnixTime) -> Result<i64, StoreError> {
        let rows = self.run("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now", &[]).await?;
        rows.first().map_or(Ok(0), |row| row.number("now"))
    }

    async fn commit(self) -> Result<(), StoreError> {
        within(ANSWER, async { self.commit().await.map_err(failure) }).await
    }
}
