//! An answer to a challenge, as it stands in a request.

use super::denied::Denied;
use super::ha1::{DigestRealm, Ha1};
use super::params::parse;

/// What an `Authorization` field says. Whoever reads it can try passwords on it.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) uri: String,
    pub(super) nonce: String,
    pub(super) nc: u32,
    cnonce: String,
    response: String,
}

impl Answer {
    /// Reads the value of an `Authorization` field.
    ///
    /// # Errors
    /// [`Denied::Malformed`].
    pub fn parse(authorization: &str) -> Result<Self, Denied> {
        let schemes = parse(authorization).ok_or(Denied::Malformed("a quote that is not closed"))?;
        let [digest] = schemes.as_slice() else { return Err(Denied::Malformed("not one scheme")) };
        if !digest.name.eq_ignore_ascii_case("Digest") {
            return Err(Denied::Malformed("not Digest"));
        }
        if digest.repeats_a_parameter() {
            return Err(Denied::Malformed("a parameter twice"));
        }
        let get = |name: &'static str| digest.get(name).map(str::to_owned).ok_or(Denied::Malformed(name));
        if get("qop")? != "auth" {
            return Err(Denied::Malformed("qop"));
        }
        let nc = get("nc")?;
        let count = u32::from_str_radix(&nc, 16).ok().filter(|_| nc.len() == 8 && !nc.starts_with('+'));
        Ok(Self {
            username: get("username")?,
            realm: get("realm")?,
            uri: get("uri")?,
            nonce: get("nonce")?,
            nc: count.ok_or(Denied::Malformed("nc"))?,
            cnonce: get("cnonce")?,
            response: get("response")?,
        })
    }

    /// Whether a guess is right: that it was computed from this password.
    pub fn was_made_with(&self, method: &str, password: &str) -> bool {
        let realm = self.realm.parse::<DigestRealm>();
        realm.is_ok_and(|realm| self.is_of(method, &Ha1::new(&self.username, &realm, password)))
    }

    pub(super) fn is_of(&self, method: &str, ha1: &Ha1) -> bool {
        self.response == ha1.response(method, &self.nonce, self.nc, &self.cnonce)
    }
}
