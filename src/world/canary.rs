//! A secret in every form in which one could meet it (G1).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;

use crate::http::digest::{DigestRealm, Ha1};

/// Which forms of `password`, of the account `admin` on a device with this realm, are in `seen`.
pub fn found(seen: &[u8], password: &str, realm: &DigestRealm) -> Vec<&'static str> {
    let forms = forms(password, realm).into_iter();
    forms.filter(|(_, form)| memmem::find(seen, form).is_some()).map(|(name, _)| name).collect()
}

fn forms(password: &str, realm: &DigestRealm) -> Vec<(&'static str, Vec<u8>)> {
    let escaped = password.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let hash = Ha1::new("admin", realm, password);
    vec![
        ("text", password.into()),
        ("XML", escaped.clone().into()),
        ("XML with its quote", escaped.replace('\'', "&apos;").into()),
        ("base64", BASE64_STANDARD.encode(password).into()),
        ("HA1 in hex", hash.to_hex().as_bytes().into()),
        ("HA1 in upper-case hex", hash.to_hex().to_uppercase().into()),
        ("HA1", hash.as_bytes().into()),
        ("HA1 in base64", hash.to_base64().as_bytes().into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_every_form_wherever_it_stands() {
        let (realm, secret) = (DigestRealm::from_bytes([7; 16]), "C4nary<admin>&'x");
        for (name, form) in forms(secret, &realm) {
            let seen = [b"before ", &form[..], b" behind"].concat();
            assert!(found(&seen, secret, &realm).contains(&name), "{name}");
        }
        assert!(found(b"nothing of the kind", secret, &realm).is_empty());
    }
}
