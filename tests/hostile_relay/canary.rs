//! The secrets that nobody in between may ever see, in every form in which one could meet them (G1).

use amt_provision::http::digest::{DigestRealm, Ha1};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use memchr::memmem;

/// The admin password that the profile fixes. Its characters are other ones in XML.
pub(crate) const ADMIN: &str = "C4nary<admin>&'x";
/// The MEBx password that the profile fixes.
pub(crate) const MEBX: &str = "C4nary<mebx>&'y";

/// Which forms of `password`, of an account on a device with this realm, are in `seen`.
pub(crate) fn found(seen: &[u8], password: &str, realm: &DigestRealm) -> Vec<&'static str> {
    let forms = forms(password, realm).into_iter();
    forms.filter(|(_, form)| memmem::find(seen, form).is_some()).map(|(name, _)| name).collect()
}

fn forms(password: &str, realm: &DigestRealm) -> Vec<(&'static str, Vec<u8>)> {
    let escaped = password.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let hash = Ha1::new("admin", realm, password);
    let raw = BASE64_STANDARD.decode(&*hash.to_base64()).expect("base64 of its own");
    let upper = hash.to_hex().to_uppercase();
    vec![
        ("text", password.into()),
        ("XML", escaped.clone().into()),
        ("XML with its quote", escaped.replace('\'', "&apos;").into()),
        ("base64", BASE64_STANDARD.encode(password).into()),
        ("HA1 in hex", hash.to_hex().as_bytes().into()),
        ("HA1 in upper-case hex", upper.into()),
        ("HA1", raw),
        ("HA1 in base64", hash.to_base64().as_bytes().into()),
    ]
}

#[test]
fn the_search_finds_every_form_wherever_it_stands() {
    let realm = DigestRealm::from_bytes([7; 16]);
    for (name, form) in forms(ADMIN, &realm) {
        let seen = [b"before ", &form[..], b" behind"].concat();
        assert!(found(&seen, ADMIN, &realm).contains(&name), "{name}");
    }
    assert!(found(b"nothing of the kind", ADMIN, &realm).is_empty());
}
