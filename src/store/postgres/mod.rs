//! The shared store: a PostgreSQL database that several servers use at once.
//!
//! Every transaction runs at `READ COMMITTED`: what has to hold is held by the rows that it writes, each of which is
//! locked until the commit, and never by something that was only read. Every commit is on the disk before it returns
//! (`synchronous_commit = on`, whatever the database's default is). The database's clock says when a lease is over.

mod address;
mod database;
mod failure;
mod open;

pub use address::{PostgresAddress, PostgresAddressError};
pub use database::Postgres;
pub use open::PostgresStore;
