//! Why an answer lets nobody in.

use thiserror::Error;

/// Why an answer was not right. The reply is 401 with a fresh nonce in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// No digest answer, or one that lacks something.
    #[error("malformed Authorization: {0}")]
    Malformed(&'static str),
    /// A nonce that this device does not know (any more): the challenge says `stale`.
    #[error("unknown nonce")]
    UnknownNonce,
    /// A count that was there before.
    #[error("nonce count used before")]
    Replayed,
    /// Another device's realm, or another path.
    #[error("another {0} than this device's")]
    Elsewhere(&'static str),
    /// No such user or a wrong password; AMT does not say which.
    #[error("wrong user name or password")]
    Credentials,
}
