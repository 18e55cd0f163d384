//! Our side: one account on one device, over as many requests and connections as it takes.

use core::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::challenge::{Challenge, ChallengeError};
use super::ha1::{Ha1, hex};
use super::params::quote;
use crate::http::WSMAN_PATH;

/// A user name and its password. `Debug` shows the name only.
#[derive(Clone)]
pub struct Account {
    username: String,
    password: Zeroizing<String>,
}

impl Account {
    /// The account `username`.
    pub fn new(username: &str, password: &str) -> Self {
        Self { username: username.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.username)
    }
}

/// The client's number for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cnonce(String);

impl Cnonce {
    /// From 16 random bytes, fresh for each request.
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex(&random))
    }
}

/// The value of an `Authorization` field. It is good for one request, and does not reveal the password.
/// Whoever has it can try passwords on it, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization(String);

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization")
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of the device's challenge when the account changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Answer it with the new account; saves a round trip where the firmware allows it.
    KeepChallenge,
    /// Wait for a new one.
    DropChallenge,
}

/// How many answers in a row the device may refuse. A firmware locks the account after a few (wsman.md §1.6).
pub const MAX_REFUSALS: u8 = 2;

/// Why the request cannot be repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The device does not take this account.
    #[error(
        "the device refused the account {username:?} {MAX_REFUSALS} times: wrong password, or the account is locked for a while"
    )]
    Credentials {
        /// The account's name.
        username: String,
    },
    /// The 401 gives nothing to answer.
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
}

/// An account and the challenge that it is answering.
///
/// Before each request [`authorize`](Self::authorize); after a 401 [`challenged`](Self::challenged) and the same request
/// again; after any other reply [`accepted`](Self::accepted). It lives as long as the device's nonce may, which is
/// longer than one connection.
#[derive(Debug)]
pub struct Session {
    account: Account,
    challenge: Option<Answering>,
    refusals: u8,
}

struct Answering {
    challenge: Challenge,
    ha1: Ha1,
    /// Requests so far with this nonce.
    nc: u32,
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers to {:?}", self.nc, self.challenge)
    }
}

impl Session {
    /// A session without a challenge yet.
    pub const fn new(account: Account) -> Self {
        Self { account, challenge: None, refusals: 0 }
    }

    /// The account that answers.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The `Authorization` of the next request; `None` when the device has not asked yet, then the request goes
    /// without.
    pub fn authorize(&mut self, cnonce: &Cnonce) -> Option<Authorization> {
        let answering = self.challenge.as_mut()?;
        let Some(nc) = answering.nc.checked_add(1) else {
            self.challenge = None;
            return None;
        };
        answering.nc = nc;
        let Challenge { realm, nonce, opaque, .. } = &answering.challenge;
        let response = answering.ha1.response("POST", nonce, nc, &cnonce.0);
        // Every value is quoted, also those that RFC 7616 §3.4 wants bare: so all firmware has been asked for years.
        let mut value = format!(
            "Digest username={},realm={},nonce={},uri={},qop=\"auth\",response=\"{response}\",nc=\"{nc:08x}\",cnonce={}",
            quote(&self.account.username),
            quote(&realm.to_string()),
            quote(nonce),
            quote(WSMAN_PATH),
            quote(&cnonce.0),
        );
        if let Some(opaque) = opaque {
            value += &format!(",opaque={}", quote(opaque));
        }
        Some(Authorization(value))
    }

    /// The device answered 401 with those `WWW-Authenticate` fields. On `Ok` the same request may be sent again.
    ///
    /// # Errors
    /// [`Refused`] when it may not. The session then has no challenge, and starts over if it is used again.
    pub fn challenged<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) -> Result<(), Refused> {
        let answered = self.challenge.take().is_some_and(|answering| answering.nc > 0);
        let challenge = Challenge::parse(fields)?;
        if answered {
            self.refusals += 1;
        }
        if self.refusals >= MAX_REFUSALS {
            self.refusals = 0;
            return Err(Refused::Credentials { username: self.account.username.clone() });
        }
        self.answer(challenge);
        Ok(())
    }

    /// The device took the last answer.
    pub const fn accepted(&mut self) {
        self.refusals = 0;
    }

    /// Goes on with another account, as from `$$OsAdmin` to `admin` after Setup, or with a changed password.
    pub fn change_account(&mut self, account: Account, reuse: Reuse) {
        self.account = account;
        self.refusals = 0;
        match (self.challenge.take(), reuse) {
            (Some(Answering { challenge, nc, .. }), Reuse::KeepChallenge) => {
                self.answer(challenge);
                // The nonce is the same, so its count goes on.
                if let Some(answering) = &mut self.challenge {
                    answering.nc = nc;
                }
            }
            (None, _) | (_, Reuse::DropChallenge) => {}
        }
    }

    fn answer(&mut self, challenge: Challenge) {
        let ha1 = Ha1::new(&self.account.username, &challenge.realm, &self.account.password);
        self.challenge = Some(Answering { challenge, ha1, nc: 0 });
    }
}
