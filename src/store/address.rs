//! Which store: a file or a database.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use super::{PostgresAddress, PostgresAddressError, PostgresStore, SqliteStore, Store, StoreError};
use crate::sealing::{KeySource, KeySources};

/// Which store: `postgres://…`, `sqlite:FILE`, or the path of a SQLite file. No text of it shows a password.
#[derive(Clone, Debug)]
pub enum StoreAddress {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PostgresAddress>),
}

/// A text that names no store: the fault of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreAddressError {
    /// There is nothing in it.
    #[error("the address of a store is postgres://… or the path of a file, and this one is empty")]
    Empty,
    /// It is the address of another kind of thing.
    #[error("there is no store of that kind: expected postgres://…, sqlite:FILE or the path of a file")]
    Kind,
    /// It is no address of a database.
    #[error(transparent)]
    Postgres(#[from] PostgresAddressError),
}

impl StoreAddress {
    /// Where the keys of the store's secrets are if nobody says otherwise: a file beside a SQLite file, and nowhere for a
    /// database, which several machines share.
    pub fn own_keys(&self) -> KeySources {
        match self {
            Self::Sqlite(path) => KeySources::new(KeySource::File(SqliteStore::key_file(path))),
            Self::Postgres(_) => KeySources::none(),
        }
    }

    /// Opens the store, which is created if there is none.
    ///
    /// # Errors
    /// As [`SqliteStore::open`] and [`PostgresStore::open`].
    pub async fn open(&self, keys: KeySources) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(SqliteStore::open(path).await?.with_keys(keys)),
            Self::Postgres(address) => Arc::new(PostgresStore::open(address).await?.with_keys(keys)),
        })
    }
}

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        match text.split_once(':') {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Box::new(text.parse()?))),
            Some(("sqlite", path)) => file(path.strip_prefix("//").unwrap_or(path)),
            Some((_, rest)) if rest.starts_with("//") => Err(StoreAddressError::Kind),
            _ => file(text),
        }
    }
}

fn file(path: &str) -> Result<StoreAddress, StoreAddressError> {
    if path.is_empty() { Err(StoreAddressError::Empty) } else { Ok(StoreAddress::Sqlite(path.into())) }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_file_or_a_database() {
        for (text, shown) in [
            ("fleet.db", Ok("fleet.db")),
            ("/var/lib/a:b.db", Ok("/var/lib/a:b.db")),
            ("sqlite:fleet.db", Ok("fleet.db")),
            ("sqlite:///var/lib/fleet.db", Ok("/var/lib/fleet.db")),
            ("postgres://amt:C4nary@localhost/fleet", Ok("postgres://amt@localhost:5432/fleet")),
            ("postgresql://amt@localhost/fleet", Ok("postgres://amt@localhost:5432/fleet")),
            ("postgres://amt:C4nary@db.example/fleet", Err(PostgresAddressError::Unproven.into())),
            ("mysql://amt@localhost/fleet", Err(StoreAddressError::Kind)),
            ("sqlite:", Err(StoreAddressError::Empty)),
            ("", Err(StoreAddressError::Empty)),
        ] {
            let read = text.parse::<StoreAddress>().map(|address| address.to_string());
            assert_eq!(read, shown.map(str::to_owned), "{text}");
        }
    }
}
