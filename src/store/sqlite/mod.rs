//! The embedded store: one SQLite file in WAL mode, which a single server owns.
//!
//! One connection writes: writers of one process queue up for it in order, and SQLite's own lock, which is polled for,
//! is left to other processes. A few more connections read, and never wait for the writer. Every commit is on the disk
//! before it returns (`synchronous = FULL`).

mod database;
mod failure;
mod file;
mod open;

pub use database::Sqlite;
pub use open::SqliteStore;
