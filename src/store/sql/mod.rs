//! The contract over any database that speaks SQL: written once, for SQLite and PostgreSQL.
//!
//! Statements use what both databases understand (`$1`, `RETURNING`, `ON CONFLICT`), so a rule is a rule in both. What
//! differs is behind [`Database`]: how it is opened, what its errors mean, how it locks, and whose clock counts.

mod database;
mod keyring;
mod lease;
mod place;
mod rotation;
mod rows;
mod secrets;
mod shapes;
mod store;
mod writing;

pub(super) use database::{Columns, Database, Transaction, Value, bound};
pub(super) use keyring::Keyring;
pub(super) use rows::seconds;
pub(super) use shapes::{Shape, migrator, not_migrated};
pub use store::SqlStore;
