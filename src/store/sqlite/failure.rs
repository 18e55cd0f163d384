//! What SQLite's and the system's errors mean, and what to do about them.

use std::io::{self, ErrorKind};
use std::path::Path;

use sqlx::Error;

use crate::store::{Item, StoreError};

/// The file, or the folder that it is in, cannot be opened.
pub(super) fn no_access(path: &Path, error: &io::Error) -> StoreError {
    let advice = match error.kind() {
        ErrorKind::NotFound => "create the folder that the file is to be in",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "give the folder and the file to the user that the server runs as"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FULL,
        _ => "name a file in a folder on a local disk",
    };
    StoreError::Unavailable { cause: format!("{}: {error}", path.display()), advice }
}

const FULL: &str = "the disk is full: free some space";

/// What SQLite says, by blame.
pub(super) fn failure(error: Error) -> StoreError {
    let unavailable = |advice| StoreError::Unavailable { cause: error.to_string(), advice };
    match &error {
        Error::Database(reported) => {
            let code: Option<i32> = reported.code().and_then(|code| code.parse().ok());
            // The low byte is the primary result code: https://sqlite.org/rescode.html
            match code.map(|code| code & 0xff) {
                Some(5 | 6) => unavailable("another process holds its lock: let one server own the file"),
                Some(3 | 8) => unavailable("the file or its file system is read-only: make it writable"),
                Some(13) => unavailable(FULL),
                Some(14) => unavailable("the file cannot be opened: see to its folder and its permissions"),
                Some(10) => unavailable("the disk reports an error: see the system's log"),
                Some(11 | 26) => StoreError::Damaged { what: Item::Database, why: error.to_string() },
                _ => StoreError::Rejected(error.to_string()),
            }
        }
        Error::PoolTimedOut => unavailable("it is slower than what is asked of it: look at the disk"),
        Error::PoolClosed | Error::WorkerCrashed | Error::Io(_) => unavailable("start the server again"),
        _ => StoreError::Rejected(error.to_string()),
    }
}
