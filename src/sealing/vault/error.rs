//! What Vault's answers mean, by who has to act.

use std::path::PathBuf;

use crate::sealing::KeyTextError;

/// Why Vault does not give or use a key. No text of it holds a token or a key.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The token cannot be had.
    #[error("Vault's token: {from}: {why}")]
    Token {
        /// Where it is to be.
        from: String,
        /// What is wrong.
        why: String,
    },
    /// The authorities for Vault's certificate cannot be had.
    #[error("Vault's authorities: {}: {why}", path.as_ref().map_or_else(|| "this machine's".into(), |path| path.display().to_string()))]
    Roots {
        /// The file that is named, if one is.
        path: Option<PathBuf>,
        /// What is wrong.
        why: String,
    },
    /// Vault does not let us.
    #[error("Vault does not allow it ({said}): see to the token and its policy for {what}")]
    Denied {
        /// What was asked for.
        what: String,
        /// In its words.
        said: String,
    },
    /// There is nothing of that name.
    #[error("Vault has no {what} ({said}): see to mount and name, or make it")]
    Missing {
        /// What was asked for.
        what: String,
        /// In its words.
        said: String,
    },
    /// The secret has no such field.
    #[error("{0}: the secret is there and has no such field")]
    NoField(String),
    /// What the field holds is no key.
    #[error("{from}: {source}")]
    Key {
        /// Where.
        from: String,
        /// What is expected.
        source: KeyTextError,
    },
    /// Vault refuses the request itself: another transit key, or a ciphertext that is not its own.
    #[error(
        "Vault refuses {what} ({said}): see that the key is the one that the store was sealed under, and of a kind that takes associated data"
    )]
    Refused {
        /// What was asked for.
        what: String,
        /// In its words.
        said: String,
    },
    /// Vault cannot do it now.
    #[error("Vault cannot answer now ({status}, {said}): unseal it, or wait until it is back")]
    Unready {
        /// The status of its answer.
        status: u16,
        /// In its words.
        said: String,
    },
    /// Vault is not reached.
    #[error("Vault is not reached: {0}: see to its address, its certificate and the network")]
    Unreachable(String),
    /// What answers is not Vault.
    #[error("what answers at Vault's address does not answer as Vault does")]
    Answer,
}

impl VaultError {
    pub(in crate::sealing) const fn is_outage(&self) -> bool {
        matches!(self, Self::Unready { .. } | Self::Unreachable(_))
    }
}
