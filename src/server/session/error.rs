//! Why a session ended before its run did, and what the relay is told of it.

use std::time::Duration;

use async_tungstenite::tungstenite;

use crate::access::Identity;
use crate::config::ProfileRefusal;
use crate::protocol::compact::{CompactError, Full};
use crate::protocol::{self, ParseError, ToRelay, TooLong};
use crate::server::conversation::Misuse;
use crate::server::gate::TooOften;
use crate::server::sessions::MAX_PARKED;
use crate::store::{NameError, StoreError, Tenant};

/// Why a session ended before its run did, by who is to blame.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The relay's message is none.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// The relay said what it may not say there.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The relay's line broke.
    #[error("the relay's line is gone: {0}")]
    Line(#[from] Box<tungstenite::Error>),
    /// The relay said nothing.
    #[error("the relay sent no first message within {0:?}")]
    Silent(Duration),
    /// The relay does not read.
    #[error("the relay did not take a message within {0:?}")]
    Deaf(Duration),
    /// The relay left.
    #[error("the relay left before the run had ended")]
    Left,
    /// The relay asked for what this server does not do.
    #[error("this server does not take the command `{0}`: it activates")]
    Command(&'static str),
    /// The relay's operator named a profile that is not there for it.
    #[error(transparent)]
    NoProfile(#[from] ProfileRefusal),
    /// The relay's operator named a tenant that cannot be one.
    #[error("not a tenant: {0}")]
    Tenant(#[from] NameError),
    /// The relay's operator named a tenant that its proof is not for.
    #[error("{0} is not for tenant `{1}`: ask the operator of the server")]
    OtherTenant(Identity, Tenant),
    /// Our store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the relay sent is no compact frame, or none that fits.
    #[error("the relay sent {0}")]
    Compact(#[from] CompactError),
    /// The relay acknowledges nothing.
    #[error("the relay takes frames and leaves {0}")]
    Unacknowledged(#[from] Full),
    /// The relay's line was lost, and it did not come back with another.
    #[error("the relay did not come back within {0:?}")]
    NotBack(Duration),
    /// The relay's line was lost, and too many others wait for theirs already.
    #[error("the relay's line is gone, and {MAX_PARKED} sessions wait for theirs already")]
    NoRoom,
    /// While the relay was away, another one came with the same device.
    #[error("the relay was away, and another one has brought its device")]
    Displaced,
    /// While there were things to be said to the relay, the lease was lost.
    #[error("another server drives the device by now")]
    TakenOver,
    /// Our message is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The relay brings its device too often.
    #[error(transparent)]
    TooOften(#[from] TooOften),
    /// The server is being stopped, and the run has not begun.
    #[error("this server is being stopped: start again, the run goes on where the device is")]
    Stopping,
    /// The server is being stopped, and what was asked has not been answered in the time that there was.
    #[error(
        "this server is being stopped, and no answer came within {0:?}: start again, the run goes on where the device is"
    )]
    Unheard(Duration),
}

impl SessionError {
    /// What the relay is told, where there is somebody to tell.
    pub(in crate::server) fn last_words(&self) -> Option<ToRelay> {
        match self {
            Self::Unreadable(error) => Some(ToRelay::refusal(error)),
            Self::Line(_) | Self::Left | Self::Deaf(_) | Self::NotBack(_) | Self::NoRoom => None,
            Self::Displaced | Self::TakenOver | Self::Unacknowledged(_) => None,
            Self::Store(busy @ StoreError::Busy { .. }) => {
                Some(ToRelay::Error(protocol::Outcome::status(busy.to_string())))
            }
            // What is wrong with our store is for our log.
            Self::Store(_) | Self::TooLong(_) => Some(ToRelay::Error(protocol::Outcome::status(
                "the server failed: nothing was changed by it; try again later",
            ))),
            told => Some(ToRelay::Error(protocol::Outcome::status(told.to_string()))),
        }
    }
}
