//! What relays must not say: each ends its own session with words that name the blame, stores nothing, and leaves
//! the others running.

use std::collections::BTreeMap;
use std::sync::Arc;

use amt_provision::fsm::policy::{Goal, Profile};
use amt_provision::pki::odca::OdcaTrust;
use amt_provision::server::{Deployment, Listener, ServedProfile, serve};
use amt_provision::store::{SqliteStore, Store, Tenant};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use base64::Engine;
use rustls::pki_types::UnixTime;
use serde_json::{Value, json};
use smol::future::FutureExt;
use smol::net::TcpStream;
use smol::stream::StreamExt;

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Runs `test` against a server that serves one CCM profile, and then looks that nothing was stored.
fn with_server<F: Future<Output = ()>>(test: impl FnOnce(std::net::SocketAddr) -> F) {
    smol::block_on(async {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Arc::new(SqliteStore::open(&folder.path().join("fleet.db")).await.expect("a new store"));
        let profile = ServedProfile::new(Profile::cautious(Goal::Client), None);
        let deployment = Arc::new(Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&store) as Arc<dyn Store>,
            store.authority(UnixTime::now()).await.expect("an authority"),
            Arc::new(OdcaTrust::production()),
            BTreeMap::from([("office".to_owned(), profile)]),
        ));
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port");
        let address = listener.address().expect("a bound address");
        let served = async { panic!("the listener ended: {}", serve(deployment, listener).await) };
        test(address).or(served).await;
        let known = store.devices(&Tenant::default(), None, 10).await.expect("readable");
        assert!(known.is_empty(), "{known:?}");
    });
}

async fn connect(address: std::net::SocketAddr) -> Socket {
    let tcp = TcpStream::connect(address).await.expect("the server listens");
    let (socket, _) =
        async_tungstenite::client_async(format!("ws://{address}/activate"), tcp).await.expect("a WebSocket");
    socket
}

/// An honest first message, with `change` made to its payload.
pub(crate) fn hello(change: impl FnOnce(&mut Value)) -> String {
    let mut payload = json!({
        "ver": "19.0.5", "build": "2124", "sku": "16392", "features": "AMT Pro Corporate",
        "uuid": "4c4c4544-0051-3610-8053-b7c04f4e3033", "username": "$$OsAdmin", "password": "lsa-Pa55w0rd",
        "currentMode": 0, "hostname": "pc", "fqdn": "example.test", "client": "RPC", "certHashes": [],
        "ipConfiguration": {}, "hostnameInfo": {}, "tlsEnforced": true
    });
    change(&mut payload);
    message("activate --profile office", &payload.to_string())
}

fn message(method: &str, payload: &str) -> String {
    let payload = base64::engine::general_purpose::STANDARD.encode(payload);
    json!({
        "method": method, "apiKey": "key", "appVersion": "1", "protocolVersion": "4.0.0", "status": "ok", "message": "ok",
        "fqdn": "", "payload": payload, "tenantId": ""
    })
    .to_string()
}

pub(crate) async fn say(socket: &mut Socket, text: impl Into<String>) {
    socket.send(Message::text(text.into())).await.expect("the server reads");
}

/// The next message of the server.
pub(crate) async fn heard(socket: &mut Socket) -> Option<Value> {
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = message {
            return Some(serde_json::from_str(text.as_str()).expect("the server speaks JSON"));
        }
    }
    None
}

/// What the server says last, which must be an error, and then it leaves.
pub(crate) async fn refused(socket: &mut Socket) -> String {
    loop {
        let last = heard(socket).await.expect("the server says why it leaves");
        if last["method"] == "error" {
            assert!(heard(socket).await.is_none(), "nothing comes after the error");
            return last["message"].as_str().unwrap_or_default().to_owned();
        }
    }
}

#[test]
fn a_first_message_that_is_none_is_refused_with_the_reason() {
    let endless = "x".repeat(101 * 1024);
    let cases = [
        ("not json".to_owned(), ""),
        ("{}".to_owned(), ""),
        (endless, "102400"),
        (message("tls_data", "hello"), "activate"),
        (message("explode", ""), "explode"),
        (message("activate --profile nobody", &hello(|_| {})), ""),
        (hello(|payload| payload["uuid"] = "4c4c4544".into()), "UUID"),
        (hello(|payload| payload["uuid"] = "00000000-0000-0000-0000-000000000000".into()), "UUID"),
        (hello(|_| {}).replace("4.0.0", "3.0.0"), "NOT supported"),
        (hello(|_| {}).replace("profile office", "profile factory"), "no profile `factory`"),
        (hello(|_| {}).replace("activate --profile office", "deactivate"), "deactivate"),
    ];
    with_server(|address| async move {
        for (text, reason) in cases {
            let mut socket = connect(address).await;
            let shown: String = text.chars().take(80).collect();
            say(&mut socket, text).await;
            let told = refused(&mut socket).await;
            assert!(told.contains(reason), "{shown}: {told}");
            assert!(!told.contains("Pa55w0rd"), "{told}");
        }
    });
}

#[test]
fn a_binary_frame_ends_the_session() {
    with_server(|address| async move {
        let mut socket = connect(address).await;
        socket.send(Message::binary(vec![1, 2, 3])).await.expect("the server reads");
        assert!(refused(&mut socket).await.contains("binary"));
    });
}

#[test]
fn g5_firmware_that_must_have_tls_is_refused_without_and_nothing_is_stored() {
    with_server(|address| async move {
        let mut socket = connect(address).await;
        say(&mut socket, hello(|payload| payload["tlsEnforced"] = false.into())).await;
        let told = refused(&mut socket).await;
        assert!(told.contains("claims to have none"), "{told}");
    });
}

#[test]
fn g4_bytes_that_are_no_proven_device_never_get_a_request() {
    with_server(|address| async move {
        let mut socket = connect(address).await;
        say(&mut socket, hello(|_| {})).await;
        let first = heard(&mut socket).await.expect("a ClientHello");
        assert_eq!(first["method"], "tls_data");
        // Garbage instead of a ServerHello: the handshake is broken, and the server tries the port again.
        say(&mut socket, message("tls_data", "HTTP/1.1 200 OK\r\n\r\n")).await;
        let next = heard(&mut socket).await.expect("another try");
        let alert = next["method"] == "tls_data";
        assert!(alert || next["method"] == "port_switch", "{next}");
    });
}

#[test]
fn g13_a_second_session_of_a_driven_device_is_told_busy_and_the_first_goes_on() {
    with_server(|address| async move {
        let mut first = connect(address).await;
        say(&mut first, hello(|_| {})).await;
        assert_eq!(heard(&mut first).await.expect("a ClientHello")["method"], "tls_data");

        let mut second = connect(address).await;
        say(&mut second, hello(|_| {})).await;
        assert!(refused(&mut second).await.contains("busy"));

        say(&mut first, message("connection_reset", "connection_closed")).await;
        assert_eq!(heard(&mut first).await.expect("the first goes on")["method"], "port_switch");
        say(&mut first, message("port_switch_ack", "ok")).await;
        say(&mut first, message("port_switch_ack", "ok")).await;
        assert!(refused(&mut first).await.contains("acknowledgement"));
    });
}
