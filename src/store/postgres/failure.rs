//! What PostgreSQL's errors mean, and what to do about them.

use std::time::Duration;

use smol::future::FutureExt;
use sqlx::Error;

use crate::store::{Item, StoreError};

const UNREACHABLE: &str = "see that the database runs and that this machine reaches it";

const TLS: &str = "see to sslmode and sslrootcert of the address, and to the database's certificate";

/// What PostgreSQL says, by blame.
pub(super) fn failure(error: Error) -> StoreError {
    let unavailable = |advice| StoreError::Unavailable { cause: error.to_string(), advice };
    let no_access = |advice| StoreError::NoAccess { cause: error.to_string(), advice };
    match &error {
        Error::Database(reported) => {
            // https://www.postgresql.org/docs/current/errcodes-appendix.html
            let code = reported.code().unwrap_or_default();
            match &*code {
                "28000" | "28P01" => no_access("see to user and password, and to the database's pg_hba.conf"),
                "3D000" => no_access("create the database, or name one that is there"),
                "42501" => no_access("give the user the right to create and change tables in the database"),
                "25006" => unavailable("this server of the database only reads: name the one that writes"),
                "53100" => unavailable("the database's disk is full: free some space"),
                "53300" => unavailable("the database takes no more connections: raise its max_connections"),
                "40001" | "40P01" | "55P03" | "57014" | "23503" => {
                    unavailable("somebody else kept it locked: try again")
                }
                code if code.starts_with("57P") => unavailable("the database is stopping or starting: try again"),
                code if code.starts_with("53") => unavailable("the database lacks memory or disk: see to its machine"),
                code if code.starts_with("58") => unavailable("the database's disk reports an error: see its log"),
                code if code.starts_with("XX") => StoreError::Damaged { what: Item::Database, why: error.to_string() },
                _ => StoreError::Rejected(error.to_string()),
            }
        }
        Error::Tls(_) => no_access(TLS),
        // The TLS library's errors come as those of the socket.
        Error::Io(source) if source.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => no_access(TLS),
        Error::Configuration(_) => no_access("see to the address of the database"),
        Error::Io(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
            unavailable(UNREACHABLE)
        }
        _ => StoreError::Rejected(error.to_string()),
    }
}

/// What `work` comes to, or that the database does not answer: a network may swallow what it is given.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = async {
        smol::Timer::after(limit).await;
        Err(StoreError::Unavailable { cause: format!("no answer for {} s", limit.as_secs()), advice: UNREACHABLE })
    };
    work.or(late).await
}
