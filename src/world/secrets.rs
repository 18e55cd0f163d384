//! G1, by search: no password that is kept is in anything that a relay, a log or a disk could show.

use super::canary;
use super::far::Far;
use super::machine::World;
use crate::http::digest::{Answer, DigestRealm};
use crate::store::Account;

impl World {
    /// Searches what came to the tape since the last time, the trace, and what is stored.
    pub(super) fn search_for_secrets(&mut self) {
        let secrets = match self.kept() {
            Ok(secrets) => secrets,
            Err(error) => return self.violated("the store can be read", error.to_string()),
        };
        let strangers = [Far::Impostor, Far::Other].map(|far| self.strangers.get(far));
        let strangers = strangers.into_iter().flatten().map(|device| device.truth(self.now).realm);
        let realms: Vec<DigestRealm> = strangers.chain([self.truth().realm]).collect();
        let [to_device, from_device, frames] = self.tape.news();
        let places = [
            ("bytes for the device", to_device.as_slice()),
            ("bytes of the device", &from_device),
            ("a frame", &frames),
            ("the trace", self.trace().as_bytes()),
            ("the record", self.disk.snapshot()),
        ];
        let answers: Vec<Answer> = answers(&to_device).collect();
        let mut seen = Vec::new();
        for (whose, secret) in &secrets {
            for (place, bytes) in places {
                let forms = realms.iter().flat_map(|realm| canary::found(bytes, secret, realm));
                seen.extend(forms.map(|form| format!("{whose} is in {place} as {form}")));
            }
            if answers.iter().any(|answer| answer.was_made_with("POST", secret)) {
                seen.push(format!("{whose} can be guessed from an answer to a challenge"));
            }
        }
        if let Some(seen) = seen.into_iter().next() {
            self.violated("G1: a password that is kept is nowhere to be read", seen);
        }
    }

    /// Every password that the store says is kept and was not given away, and those that the profile fixes.
    fn kept(&self) -> Result<Vec<(String, String)>, crate::store::StoreError> {
        let record = self.disk.record()?.map(|(_, record)| record);
        let marks = record.iter().flat_map(|record| {
            let admin = record.admin.iter().map(|mark| (Account::Admin, *mark));
            admin.chain(record.mebx.iter().map(|mark| (Account::Mebx, *mark)))
        });
        let kept = marks.filter(|(_, mark)| !mark.exposed).filter_map(|(account, mark)| {
            let password = self.disk.password(account, mark.id)?;
            Some((format!("the {account} password {}", mark.id.0), password.expose().to_owned()))
        });
        let fixed = self.profile.passwords.fixed();
        let fixed = fixed
            .map(|(account, password)| (format!("the profile's {account} password"), password.expose().to_owned()));
        Ok(kept.chain(fixed).collect())
    }
}

/// The answers to challenges in what was said in plain text.
fn answers(said: &[u8]) -> impl Iterator<Item = Answer> {
    let lines = said.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(|line| Answer::parse(line.trim_end().strip_prefix("Authorization: ")?).ok())
}

#[cfg(test)]
mod tests {
    use amt_provision_fsm::firmware::Port;

    use super::*;
    use crate::http::digest::{Account, Challenge, Cnonce, Session};
    use crate::http::{Connection, write_request};

    #[test]
    fn a_password_is_guessed_from_what_was_said_in_plain_text() {
        let realm = DigestRealm::from_bytes([7; 16]);
        let challenge = Challenge { realm, nonce: "n0nce".into(), opaque: None, stale: false };
        let mut session = Session::new(Account::new("admin", "P@ssw0rd"));
        session.challenged([challenge.to_string().as_str()]).unwrap();
        let authorization = session.authorize(&Cnonce::new([1; 16]));
        let uuid = amt_provision_fsm::identity::Uuid::from_bytes([9; 16]).unwrap();
        let said = write_request(uuid, Port::Plain, Connection::Close, authorization.as_ref(), "<Envelope/>");
        let said = [&b"<before/>"[..], b"POST / HTTP/1.1\r\n\r\n", &said].concat();
        let guess = |password: &str| answers(&said).filter(|answer| answer.was_made_with("POST", password)).count();
        assert_eq!((guess("P@ssw0rd"), guess("Passw0rd")), (1, 0));
    }
}
