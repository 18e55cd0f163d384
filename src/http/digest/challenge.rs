//! What a device asks for in `WWW-Authenticate`.

use core::fmt;

use thiserror::Error;

use super::ha1::{DigestRealm, RealmError};
use super::params::{Scheme, parse, quote};

/// A digest challenge with `qop=auth` and MD5, the only kind that AMT makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The device's realm.
    pub realm: DigestRealm,
    /// The device's number for this session.
    pub nonce: String,
    /// To be sent back as it came; AMT sends none.
    pub opaque: Option<String>,
    /// The credentials were right and only the nonce was old. AMT says `false` even then (wsman.md §1.6).
    pub stale: bool,
}

/// Why a 401 gives nothing to answer. The device is to blame, or whoever is in its place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChallengeError {
    /// No `WWW-Authenticate: Digest` at all.
    #[error("HTTP status 401 without a digest challenge")]
    Missing,
    /// A challenge that cannot be read or contradicts itself.
    #[error("malformed digest challenge: {0}")]
    Malformed(&'static str),
    /// A realm that no AMT device has.
    #[error(transparent)]
    Realm(#[from] RealmError),
    /// A hash or a protection that AMT does not use.
    #[error("expected a digest challenge for MD5 with qop auth, got {0}")]
    Unsupported(&'static str),
}

impl Challenge {
    /// The first digest challenge among the values of all `WWW-Authenticate` fields; other schemes, such as
    /// Negotiate, are passed over.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn parse<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Self, ChallengeError> {
        let digest = |scheme: &Scheme| scheme.name.eq_ignore_ascii_case("Digest");
        match fields.into_iter().filter_map(parse).flatten().find(digest) {
            Some(scheme) => Self::read(&scheme),
            None => Err(ChallengeError::Missing),
        }
    }

    fn read(scheme: &Scheme) -> Result<Self, ChallengeError> {
        if scheme.repeats_a_parameter() {
            return Err(ChallengeError::Malformed("a parameter stands there twice"));
        }
        let realm = scheme.get("realm").ok_or(ChallengeError::Malformed("no realm"))?.parse()?;
        let nonce = scheme.get("nonce").filter(|nonce| !nonce.is_empty());
        let nonce = nonce.ok_or(ChallengeError::Malformed("no nonce"))?.to_owned();
        if scheme.get("algorithm").is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("MD5")) {
            return Err(ChallengeError::Unsupported("another algorithm"));
        }
        let qop = scheme.get("qop").unwrap_or_default();
        if !qop.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")) {
            return Err(ChallengeError::Unsupported("no qop auth"));
        }
        let stale = scheme.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        Ok(Self { realm, nonce, opaque: scheme.get("opaque").map(str::to_owned), stale })
    }
}

impl fmt::Display for Challenge {
    /// The field's value as AMT writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", quote(&self.realm.to_string()), quote(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ",opaque={}", quote(opaque))?;
        }
        write!(f, ",stale=\"{}\",qop=\"auth\"", self.stale)
    }
}
