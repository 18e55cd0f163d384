//! The device's side: hands out nonces and checks answers.

use std::collections::VecDeque;

use super::answer::Answer;
use super::challenge::Challenge;
use super::denied::Denied;
use super::ha1::{DigestRealm, Ha1};
use crate::http::WSMAN_PATH;

/// Nonces that a device remembers; the oldest goes first.
pub const MAX_NONCES: usize = 64;

/// Checks `Authorization` fields as AMT does: quoted or bare values in any order, `nc` strictly increasing.
#[derive(Debug)]
pub struct Verifier {
    realm: DigestRealm,
    nonces: VecDeque<(String, u32)>,
}

/// An answer that was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who it is.
    pub username: String,
    /// The nonce: what AMT ties its session state to, not the connection.
    pub nonce: String,
}

impl Denied {
    /// What the next challenge says in `stale`.
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::UnknownNonce | Self::Replayed)
    }
}

impl Verifier {
    /// A device with that realm and no nonces out yet.
    pub const fn new(realm: DigestRealm) -> Self {
        Self { realm, nonces: VecDeque::new() }
    }

    /// Hands out `nonce`, which must be fresh.
    pub fn challenge(&mut self, nonce: &str, stale: bool) -> Challenge {
        if self.nonces.len() == MAX_NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back((nonce.to_owned(), 0));
        Challenge { realm: self.realm.clone(), nonce: nonce.to_owned(), opaque: None, stale }
    }

    /// Forgets all nonces, as a restart does.
    pub fn forget_nonces(&mut self) {
        self.nonces.clear();
    }

    /// Checks the value of one `Authorization` field of a `method` request to the device's path. `ha1_of` knows the
    /// users.
    ///
    /// # Errors
    /// [`Denied`]. A count is used up only by a right answer.
    pub fn verify(
        &mut self,
        authorization: &str,
        method: &str,
        ha1_of: impl FnOnce(&str) -> Option<Ha1>,
    ) -> Result<Login, Denied> {
        let answer = Answer::parse(authorization)?;
        if answer.realm != self.realm.to_string() {
            return Err(Denied::Elsewhere("realm"));
        }
        if answer.uri != WSMAN_PATH {
            return Err(Denied::Elsewhere("uri"));
        }
        let (_, last) = self.nonces.iter_mut().find(|(known, _)| *known == answer.nonce).ok_or(Denied::UnknownNonce)?;
        if answer.nc <= *last {
            return Err(Denied::Replayed);
        }
        let ha1 = ha1_of(&answer.username).ok_or(Denied::Credentials)?;
        if !answer.is_of(method, &ha1) {
            return Err(Denied::Credentials);
        }
        *last = answer.nc;
        Ok(Login { username: answer.username, nonce: answer.nonce })
    }
}
