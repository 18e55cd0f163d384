//! The shapes of a database, one built on the other.

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::store::{Item, StoreError};

/// Number, name and statements of a shape. A released one is never changed.
pub(in crate::store) type Shape = (i64, &'static str, &'static str);

/// What brings a database into the newest of `shapes`.
pub(in crate::store) fn migrator(shapes: &[Shape]) -> Migrator {
    let migrations = shapes.iter().map(|&(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Why a database is not in the newest shape; `failure` says what the database's own errors mean.
pub(in crate::store) fn not_migrated(
    error: MigrateError,
    failure: impl FnOnce(sqlx::Error) -> StoreError,
) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::TooNew(version),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failure(error),
        other => StoreError::Damaged { what: Item::Database, why: other.to_string() },
    }
}
