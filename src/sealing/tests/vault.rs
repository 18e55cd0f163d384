//! Keys in Vault: against a double that speaks its API.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use super::vault_double::{Double, State};
use crate::sealing::{
    Key, KeyError, KeySource, KeySources, TokenSource, VaultAddress, VaultAddressError, VaultError, VaultKey,
};

const TOKEN: &str = "hvs.C4nary-token";

fn kv() -> VaultKey {
    VaultKey::Secret { mount: "secret".to_owned(), path: "amt-provision".to_owned(), field: "key".to_owned() }
}

fn transit_key() -> VaultKey {
    VaultKey::Transit { mount: "transit".to_owned(), name: "amt".to_owned() }
}

/// Vault with both kinds of key, and the file that the token is in.
fn vault() -> (Double, tempfile::NamedTempFile) {
    let secret = BTreeMap::from([("key".to_owned(), Key::generate().unwrap().to_text().expose().to_owned())]);
    let transit = Some(Key::generate().unwrap());
    let double = Double::start(State { token: TOKEN.to_owned(), secret, transit, ..State::default() });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
    (double, file)
}

fn sources(double: &Double, token: &tempfile::NamedTempFile, key: VaultKey) -> KeySources {
    let token = TokenSource::File(token.path().to_owned());
    KeySources::new(KeySource::Vault(double.vault(token, key)))
}

#[test]
fn a_key_among_vaults_secrets_and_one_that_never_leaves_it_open_what_they_sealed() {
    let (double, token) = vault();
    for key in [kv(), transit_key()] {
        let sources = sources(&double, &token, key.clone());
        sources.current().unwrap().check().unwrap();
        let (made, wrapped) = sources.make().unwrap();
        assert_eq!(made.id, wrapped.id);
        let opened = sources.open(&wrapped).unwrap();
        let label = crate::sealing::Label::new(&["a"]);
        let sealed = made.cipher.seal(&label, b"secret").unwrap();
        assert_eq!(opened.cipher.open(&label, &sealed).unwrap().expose(), b"secret");
        if key == transit_key() {
            assert!(wrapped.bytes.starts_with(b"vault:v1:") && wrapped.by.as_str() == "vault:transit/amt");
            let (_, other) = sources.make().unwrap();
            let moved = crate::sealing::WrappedKey { bytes: other.bytes, ..wrapped };
            let error = sources.open(&moved).unwrap_err();
            assert!(matches!(error, KeyError::Vault(VaultError::Refused { .. })), "its name is authenticated: {error}");
        }
    }
    let requests = double.state.lock().unwrap().requests.clone();
    assert!(requests.contains(&"GET /v1/secret/data/amt-provision".to_owned()), "{requests:?}");
    assert!(requests.contains(&"POST /v1/transit/decrypt/amt".to_owned()), "{requests:?}");
}

#[test]
fn a_token_in_a_file_is_read_each_time_and_the_namespace_is_named() {
    let (double, token) = vault();
    let mut vault = double.vault(TokenSource::File(token.path().to_owned()), kv());
    vault.namespace = Some("fleet/lab".to_owned());
    let sources = KeySources::new(KeySource::Vault(vault));
    sources.make().unwrap();
    assert_eq!(double.state.lock().unwrap().namespace.as_deref(), Some("fleet/lab"));
    double.state.lock().unwrap().token = "hvs.renewed".to_owned();
    assert!(matches!(sources.make(), Err(KeyError::Vault(VaultError::Denied { .. }))));
    std::fs::write(token.path(), "hvs.renewed").unwrap();
    sources.make().unwrap();
}

#[test]
fn every_way_in_which_vault_fails_has_words_of_its_own_and_none_shows_a_token_or_key() {
    let (double, token) = vault();
    let told = |key: VaultKey| {
        let error = sources(&double, &token, key).make().unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("C4nary") && !text.contains("hvs."), "{text}");
        (text, error.is_outage())
    };
    let change = |with: &dyn Fn(&mut State)| with(&mut double.state.lock().unwrap());
    let other =
        |path: &str| VaultKey::Secret { mount: "secret".to_owned(), path: path.to_owned(), field: "key".to_owned() };

    let (text, outage) = told(other("elsewhere"));
    assert!(text.contains("Vault has no field `key` of the secret secret/elsewhere") && !outage, "{text}");
    let (text, _) = told(VaultKey::Transit { mount: "transit".to_owned(), name: "other".to_owned() });
    assert!(text.contains("encryption key not found"), "{text}");
    change(&|state| state.secret = BTreeMap::from([("kee".to_owned(), "C4nary".to_owned())]));
    let (text, _) = told(kv());
    assert!(text.contains("has no such field"), "{text}");
    change(&|state| state.secret = BTreeMap::from([("key".to_owned(), "C4nary".to_owned())]));
    let (text, _) = told(kv());
    assert!(text.contains("expected a key of 32 random bytes"), "{text}");
    change(&|state| state.token = "hvs.another".to_owned());
    let (text, outage) = told(kv());
    assert!(
        text.contains("permission denied") && text.contains("see to the token and its policy") && !outage,
        "{text}"
    );
    change(&|state| state.sealed = true);
    let (text, outage) = told(transit_key());
    assert!(text.contains("Vault is sealed") && outage, "{text}");
    std::fs::write(token.path(), "two words").unwrap();
    let (text, outage) = told(kv());
    assert!(text.contains("expected one word") && !outage, "{text}");
}

#[test]
fn a_vault_on_the_network_proves_itself_before_it_sees_the_token() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key.into()).unwrap();
    let transit = Some(Key::generate().unwrap());
    let double = Double::start_with(State { token: TOKEN.to_owned(), transit, ..State::default() }, Some(tls));
    let (token, ca) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(token.path(), TOKEN).unwrap();
    let sources = |trusted: &str| {
        std::fs::write(ca.path(), trusted).unwrap();
        let mut vault = double.vault(TokenSource::File(token.path().to_owned()), transit_key());
        vault.ca = Some(ca.path().to_owned());
        KeySources::new(KeySource::Vault(vault))
    };
    let error = sources(&other.cert.pem()).make().unwrap_err();
    assert!(matches!(error, KeyError::Vault(VaultError::Unreachable(_))), "{error}");
    assert!(double.state.lock().unwrap().requests.is_empty(), "nothing was said to it");
    let error = sources("no certificate").make().unwrap_err();
    assert!(matches!(error, KeyError::Vault(VaultError::Roots { .. })), "{error}");
    let right = sources(&own.cert.pem());
    let (_, wrapped) = right.make().unwrap();
    right.open(&wrapped).unwrap();
}

#[test]
fn a_vault_that_is_away_or_is_something_else_is_told() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), TOKEN).unwrap();
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let double = Double { address: closed, scheme: "http", state: std::sync::Arc::default() };
    let error = sources(&double, &token, kv()).make().unwrap_err();
    assert!(matches!(error, KeyError::Vault(VaultError::Unreachable(_))) && error.is_outage(), "{error}");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let double = Double { address: listener.local_addr().unwrap(), scheme: "http", state: std::sync::Arc::default() };
    let other = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let read = stream.read(&mut [0; 4096]).unwrap();
        assert!(read > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
    });
    let error = sources(&double, &token, kv()).make().unwrap_err();
    assert!(matches!(error, KeyError::Vault(VaultError::Answer)), "{error}");
    other.join().unwrap();
}

#[test]
fn a_token_goes_in_the_clear_to_this_machine_alone() {
    let read = |text: &str| text.parse::<VaultAddress>().map(|address| address.to_string());
    assert_eq!(read("https://vault.example:8200/").as_deref(), Ok("https://vault.example:8200"));
    for local in ["http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200", "http://localhost"] {
        assert_eq!(read(local).as_deref(), Ok(local));
    }
    assert_eq!(read("http://vault.example:8200"), Err(VaultAddressError::InTheClear));
    assert_eq!(read("http://localhost.evil.example"), Err(VaultAddressError::InTheClear));
    for wrong in ["", "vault.example:8200", "ftp://vault", "https://", "https://vault/ui", "https://C4nary@vault"] {
        assert_eq!(read(wrong), Err(VaultAddressError::Unreadable), "{wrong}");
    }
}
