//! What the contract needs of a database.

use std::fmt::Debug;
use std::future::Future;
use std::path::Path;

use rustls::pki_types::UnixTime;
use sqlx::query::Query;
use sqlx::{ColumnIndex, Decode, Encode, Row, Type};

use crate::store::{Item, StoreError};

/// What a statement's `$1`, `$2` … stand for. It does not print: it may be a secret.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// Text, or nothing.
    Text(Option<&'a str>),
    /// A number, or nothing.
    Number(Option<i64>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// A statement with its values.
pub(in crate::store) fn bound<'q, D>(sql: &'static str, values: &[Value<'_>]) -> Query<'q, D, D::Arguments>
where
    D: sqlx::Database,
    for<'t> Option<&'t str>: Encode<'t, D> + Type<D>,
    for<'t> Option<i64>: Encode<'t, D> + Type<D>,
    for<'t> &'t [u8]: Encode<'t, D> + Type<D>,
{
    values.iter().fold(sqlx::query(sql), |query, value| match *value {
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// A row, by the names of its columns. A column that is not what it should be is damage.
pub trait Columns: Send + Sync {
    /// Text, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn optional_text(&self, column: &str) -> Result<Option<&str>, StoreError>;

    /// A number, or nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError>;

    /// Bytes.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn bytes(&self, column: &str) -> Result<&[u8], StoreError>;

    /// Text.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.optional_text(column)?.ok_or_else(|| damaged(format_args!("column {column} is empty")))
    }

    /// A number.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    fn number(&self, column: &str) -> Result<i64, StoreError> {
        self.optional_number(column)?.ok_or_else(|| damaged(format_args!("column {column} is empty")))
    }
}

fn damaged(why: impl ToString) -> StoreError {
    StoreError::Damaged { what: Item::Database, why: why.to_string() }
}

impl<R> Columns for R
where
    R: Row + Sync,
    for<'i> &'i str: ColumnIndex<R>,
    for<'r> Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: for<'r> Decode<'r, R::Database> + Type<R::Database>,
    for<'r> &'r [u8]: Decode<'r, R::Database> + Type<R::Database>,
{
    fn optional_text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        self.try_get(column).map_err(damaged)
    }

    fn optional_number(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.try_get(column).map_err(damaged)
    }

    fn bytes(&self, column: &str) -> Result<&[u8], StoreError> {
        self.try_get(column).map_err(damaged)
    }
}

/// A database that is open, in its newest shape.
pub trait Database: Debug + Send + Sync + 'static {
    /// A row of it.
    type Row: Columns;
    /// A writing transaction.
    type Transaction: Transaction<Row = Self::Row>;

    /// Begins to write.
    fn begin(&self) -> impl Future<Output = Result<Self::Transaction, StoreError>> + Send;

    /// What `sql` reads, outside a transaction.
    fn read(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Has nothing left of what rows held before they were changed, as far as it is up to us.
    fn overwrite_what_was(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Writes a copy of all that is stored, as it is at one moment, into a new file.
    fn back_up(&self, to: &Path) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// A writing transaction. Dropped, it has done nothing.
pub trait Transaction: Send {
    /// A row of the database.
    type Row: Columns;

    /// Does what `sql` says; the rows that it returns.
    fn run(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<Self::Row>, StoreError>> + Send;

    /// Milliseconds since 1970, by the one clock that counts for leases: the database's own where several servers
    /// share it, because their clocks differ; the caller's `at` where all of them run on one machine.
    fn clock(&mut self, at: UnixTime) -> impl Future<Output = Result<i64, StoreError>> + Send;

    /// Has it all on the disk.
    fn commit(self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
