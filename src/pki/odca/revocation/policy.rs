//! What a server makes of revocation lists.

use std::fmt;
use std::sync::Arc;

use super::RevocationLists;

/// What becomes of a device none of whose certificates is known to be revoked. One that is refuses it always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// What lists there are is obeyed; one that is missing or stale holds nobody up.
    IfPresent,
    /// Every certificate that names a list must be covered by it, and the list must not be stale.
    Required,
}

/// As it is written in a configuration.
impl fmt::Display for RevocationPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::IfPresent => "if-present",
            Self::Required => "required",
        })
    }
}

/// A policy and the lists that it is about: part of a [server's trust](super::super::OdcaTrust).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The policy.
    pub policy: RevocationPolicy,
    /// The lists.
    pub lists: Arc<RevocationLists>,
}
