//! Reaching the database, and its shape.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::PostgresAddress;
use super::database::Postgres;
use super::failure::{failure, within};
use crate::sealing::KeySources;
use crate::store::StoreError;
use crate::store::sql::{Shape, SqlStore, migrator, not_migrated};

/// For the first connection, and for bringing the database into its newest shape, for which one server waits while
/// another is at it.
const OPENING: Duration = Duration::from_secs(60);

/// How long a caller waits for a connection. Together with [`super::database::ANSWER`] it ends before the core gives
/// the store up (`deadline::STORE`), so that the core hears the reason.
const QUEUE: Duration = Duration::from_secs(10);

/// Connections of one server. PostgreSQL allows 100 for all, by its default.
const CONNECTIONS: u32 = 10;

/// The shapes of the database.
const SHAPES: &[Shape] = &[
    (1, "init", include_str!("migrations/0001_init.sql")),
    (2, "data_key", include_str!("migrations/0002_data_key.sql")),
];

/// The shared store: a database that several servers use at once.
pub type PostgresStore = SqlStore<Postgres>;

impl PostgresStore {
    /// Opens the store in the database at `address`, whose tables are created if there are none. Several servers may
    /// do so at once. What is no secret can be read; for those [`with_keys`](Self::with_keys) names the key.
    ///
    /// # Errors
    /// [`StoreError::NoAccess`], [`StoreError::Unavailable`], [`StoreError::Damaged`] and [`StoreError::TooNew`].
    pub async fn open(address: &PostgresAddress) -> Result<Self, StoreError> {
        Ok(Self::new(open(address).await?, KeySources::none()))
    }
}

/// Reaches the database and brings it into the newest shape.
async fn open(address: &PostgresAddress) -> Result<Postgres, StoreError> {
    let options = address.options().clone().application_name("amt-provision").options([("synchronous_commit", "on")]);
    within(OPENING, async {
        // A pool would only say that it waited in vain.
        let mut connection = options.connect().await.map_err(failure)?;
        migrate(&mut connection).await?;
        connection.close().await.map_err(failure)
    })
    .await?;
    // Who waits for a lock that a server in trouble holds hears of it in time.
    let options: PgConnectOptions = options.options([
        ("lock_timeout", "5s"),
        ("statement_timeout", "8s"),
        ("idle_in_transaction_session_timeout", "10s"),
    ]);
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(QUEUE).connect_lazy_with(options);
    Ok(Postgres { address: address.clone(), pool })
}

/// One server at a time: the migrator takes a lock of the whole database.
async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    migrator(SHAPES).run_direct(None, connection, false).await.map_err(|error| not_migrated(error, failure))
}
