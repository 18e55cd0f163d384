//! A server that answers as HashiCorp Vault does: KV version 2 and the transit engine, behind a token.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::sealing::{Key, Label, TokenSource, Vault, VaultKey};

/// What it is told to be like.
#[derive(Default)]
pub(super) struct State {
    pub(super) token: String,
    /// What is in the secret `secret/amt-provision`.
    pub(super) secret: BTreeMap<String, String>,
    /// The transit key `amt`, which never leaves.
    pub(super) transit: Option<Key>,
    pub(super) sealed: bool,
    /// Every request, as `METHOD path`.
    pub(super) requests: Vec<String>,
    pub(super) namespace: Option<String>,
}

pub(super) struct Double {
    pub(super) address: SocketAddr,
    pub(super) scheme: &'static str,
    pub(super) state: Arc<Mutex<State>>,
}

impl Double {
    pub(super) fn start(state: State) -> Self {
        Self::start_with(state, None)
    }

    /// Over TLS, where there is a configuration for it.
    pub(super) fn start_with(state: State, tls: Option<ServerConfig>) -> Self {
        let (scheme, tls) = (if tls.is_some() { "https" } else { "http" }, tls.map(Arc::new));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                match tls.clone().map(|tls| ServerConnection::new(tls).unwrap()) {
                    // A client that does not like the certificate is gone.
                    Some(tls) => drop(answer(StreamOwned::new(tls, stream), &shared)),
                    None => answer(stream, &shared).unwrap(),
                }
            }
        });
        Self { address, scheme, state }
    }

    pub(super) fn vault(&self, token: TokenSource, key: VaultKey) -> Vault {
        let port = self.address.port();
        let address = format!("{}://localhost:{port}", self.scheme).parse().unwrap();
        Vault { address, ca: None, namespace: None, token, key }
    }
}

fn answer(stream: impl Read + Write, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let header = |name: &str| {
        let found =
            head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Vec<&str> = head.split(' ').take(2).collect();
    let mut state = state.lock().unwrap();
    state.requests.push(request.join(" "));
    state.namespace = header("x-vault-namespace");
    let (status, text) = match header("x-vault-token") {
        _ if state.sealed => (503, json!({ "errors": ["Vault is sealed"] })),
        Some(token) if token == state.token => decide(&state, &request, &body),
        _ => (403, json!({ "errors": ["permission denied"] })),
    };
    let text = text.to_string();
    let head = format!(
        "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    reader.get_mut().write_all((head + &text).as_bytes())?;
    reader.get_mut().flush()
}

fn decide(state: &State, request: &[&str], body: &[u8]) -> (u16, Value) {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body[key].as_str().unwrap_or_default();
    let bytes = |key: &str| BASE64_STANDARD.decode(text(key)).unwrap();
    let label = |bytes: Vec<u8>| Label::new(&[&BASE64_STANDARD.encode(bytes)]);
    match (request, &state.transit) {
        (["GET", "/v1/secret/data/amt-provision"], _) if !state.secret.is_empty() => {
            let metadata = json!({ "version": 3, "destroyed": false, "deletion_time": "" });
            (200, json!({ "request_id": "1", "data": { "data": state.secret, "metadata": metadata } }))
        }
        (["POST", "/v1/transit/encrypt/amt"], Some(key)) => {
            let sealed = key.cipher().unwrap().seal(&label(bytes("associated_data")), &bytes("plaintext")).unwrap();
            (
                200,
                json!({ "data": { "ciphertext": format!("vault:v1:{}", BASE64_STANDARD.encode(sealed)), "key_version": 1 } }),
            )
        }
        (["POST", "/v1/transit/decrypt/amt"], Some(key)) => {
            let sealed =
                text("ciphertext").strip_prefix("vault:v1:").and_then(|text| BASE64_STANDARD.decode(text).ok());
            let opened =
                sealed.and_then(|sealed| key.cipher().unwrap().open(&label(bytes("associated_data")), &sealed).ok());
            match opened {
                Some(plain) => (200, json!({ "data": { "plaintext": BASE64_STANDARD.encode(plain.expose()) } })),
                None => (400, json!({ "errors": ["cipher: message authentication failed"] })),
            }
        }
        (["POST", _], _) => (400, json!({ "errors": ["encryption key not found"] })),
        _ => (404, json!({ "errors": [] })),
    }
}
