//! Why the store did not do what it was asked, by who is to blame.

use std::fmt;
use std::time::Duration;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::provisioner::StoreFault;
use amt_provision_fsm::record::{Generation, PasswordId};

use super::{Account, ServerName};
use crate::password::GenerateError;
use crate::pki::authority::AuthorityError;
use crate::sealing::{KeyError, KeyId, SealError};

/// Why the store did not do what it was asked. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else has written the record: another server (G13), or an operator's permit. Not a failure: load it
    /// and begin anew.
    #[error(
        "generation {} of device {uuid} follows generation {} only, and the store has {}: somebody else wrote it \
         meanwhile; load it again",
        offered.0, offered.0.saturating_sub(1), stored.map_or_else(|| "none".to_owned(), |stored| stored.0.to_string())
    )]
    Conflict {
        /// The device.
        uuid: Uuid,
        /// What was to be written.
        offered: Generation,
        /// What is there; `None` for a device that is not known.
        stored: Option<Generation>,
    },
    /// Another session drives the device (G13): try again when it has ended, or when its lease has run out.
    #[error("busy: {} drives device {uuid}; try again when it has ended, at the latest {} s after its server has",
        by.as_ref().map_or("another session", ServerName::as_str), left.as_secs())]
    Busy {
        /// The device.
        uuid: Uuid,
        /// The server that drives it; `None` if it has ended meanwhile.
        by: Option<ServerName>,
        /// How long its lease lasts if it is not renewed.
        left: Duration,
    },
    /// The lease has run out, and another session has had one since (G13).
    #[error("the lease on device {0} is lost: another session drives it")]
    LeaseLost(Uuid),
    /// The caller names a device of which there is no record.
    #[error("device {0} is not known in this tenant: nothing is stored of a device before its first record")]
    UnknownDevice(Uuid),
    /// The caller names a password that no durable record of the device ever named.
    #[error("device {uuid} never had an {account} password with the number {}", id.0)]
    UnknownPassword {
        /// The device.
        uuid: Uuid,
        /// The account.
        account: Account,
        /// The number.
        id: PasswordId,
    },
    /// An operator asks to forget a device that is in service.
    #[error("device {0} is in service: remove it first; forgetting destroys its passwords and pins")]
    InService(Uuid),
    /// What is stored contradicts itself, or cannot be read: a person has to act.
    #[error("{what} cannot be used: {why}; restore the store from a backup")]
    Damaged {
        /// What is damaged.
        what: Item,
        /// In which way.
        why: String,
    },
    /// The database does not let us in, or is not what the address says: the operator's to mend.
    #[error("the store cannot be used: {cause}; {advice}")]
    NoAccess {
        /// What happened, in the words of whoever reports it.
        cause: String,
        /// What to do.
        advice: &'static str,
    },
    /// The database was written by a newer version of this program.
    #[error("the store has the shape {0}, which only a newer version of this program knows: run that one")]
    TooNew(i64),
    /// The disk, the network, the database or another process keeps us from it. Whether a write took place is not known: load
    /// to find out.
    #[error("the store is not available: {cause}; {advice}")]
    Unavailable {
        /// What happened, in the words of whoever reports it.
        cause: String,
        /// What a person can do.
        advice: &'static str,
    },
    /// The database does not take what we write or ask: our own mistake. Nothing was stored.
    #[error("the database refuses what was asked of it: {0}; this is a mistake of ours, please report it")]
    Rejected(String),
    /// No password could be made: our random source is to blame. Nothing was stored.
    #[error("no password could be made: {0}")]
    Password(#[from] GenerateError),
    /// The key of the store's secrets cannot be had: mostly the operator's to mend. What is no secret can be read.
    #[error("the store's secrets are closed: {0}")]
    Key(#[from] KeyError),
    /// No certificate authority could be made: our cryptography library is to blame. Nothing was stored.
    #[error("no certificate authority could be made: {0}")]
    Authority(AuthorityError),
}

impl StoreError {
    /// What the core is told of it.
    pub const fn fault(&self) -> StoreFault {
        match self {
            Self::Conflict { .. } | Self::LeaseLost(_) => StoreFault::LeaseLost,
            _ => StoreFault::Failed,
        }
    }
}

impl From<SealError> for StoreError {
    fn from(error: SealError) -> Self {
        Self::Key(error.into())
    }
}

/// A thing that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// The database as a whole.
    Database,
    /// The record of a device.
    Record(Uuid),
    /// A password of a device.
    Password(Uuid, Account, PasswordId),
    /// A certificate of a device.
    Certificate(Uuid),
    /// The deployment's certificate authority.
    Authority,
    /// A key that secrets are sealed under.
    DataKey(KeyId),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database => f.write_str("the database"),
            Self::Record(uuid) => write!(f, "the record of device {uuid}"),
            Self::Password(uuid, account, id) => write!(f, "the {account} password number {} of device {uuid}", id.0),
            Self::Certificate(uuid) => write!(f, "a certificate of device {uuid}"),
            Self::Authority => f.write_str("the deployment's certificate authority"),
            Self::DataKey(id) => write!(f, "the data key {id}"),
        }
    }
}
