//! Frames as rpc-go sends and reads them, byte by byte.

use amt_provision::protocol::APP_VERSION;
use amt_provision::server::serve;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use smol::future::FutureExt;
use smol::net::TcpStream;
use smol::stream::StreamExt;

use crate::world::World;

type Socket = WebSocketStream<TcpStream>;

const UUID: &str = "44444444-4444-4444-4444-444444444444";

/// Runs `test` with a socket to a server.
fn connected<F: Future<Output = ()>>(test: impl FnOnce(Socket) -> F) {
    smol::block_on(async {
        let world = World::new().await;
        let (deployment, listener) = world.server().await;
        let address = listener.address().expect("a bound address");
        let tested = async {
            let tcp = TcpStream::connect(address).await.expect("the server listens");
            let (socket, _) =
                async_tungstenite::client_async(format!("ws://{address}/activate"), tcp).await.expect("a WebSocket");
            test(socket).await;
        };
        tested.or(async { panic!("the listener ended: {}", serve(deployment, listener).await) }).await;
    });
}

/// The first message of rpc-go, its fields in rpc-go's order (rps.md §1).
fn hello(version: &str, tls: &str, padding: usize) -> String {
    let hashes = vec!["0123456789abcdef".repeat(8); padding / 130];
    let report = format!(
        r#"{{"ver":"{version}","build":"2124","sku":"16392","features":"AMT Pro Corporate","uuid":"{UUID}","username":"$$OsAdmin","password":"lsa-Pa55w0rd","currentMode":0,"hostname":"lab-host","fqdn":"vprodemo.test","client":"RPC","certHashes":{},"ipConfiguration":{{"dhcp":true,"static":false,"ipsync":true,"ipAddress":"127.0.0.1","netmask":"255.255.255.0","gateway":"","primaryDns":"","secondaryDns":""}},"hostnameInfo":{{"dnsSuffixOS":"vprodemo.test","hostname":"lab-host"}},"friendlyName":"under the desk"{tls},"lmsInstalled":true}}"#,
        json!(hashes)
    );
    relay_frame("activate --profile office", report.as_bytes())
}

fn relay_frame(method: &str, payload: &[u8]) -> String {
    let payload = BASE64_STANDARD.encode(payload);
    format!(
        r#"{{"method":"{method}","apiKey":"key","appVersion":"Development Build","protocolVersion":"4.0.0","status":"ok","message":"ok","fqdn":"","payload":"{payload}","tenantId":""}}"#
    )
}

fn server_frame(method: &str, payload: &str) -> String {
    format!(
        r#"{{"method":"{method}","apiKey":"xxxxx","appVersion":"{APP_VERSION}","protocolVersion":"4.0.0","status":"ok","message":"","payload":{payload},"tenantId":""}}"#
    )
}

const TLS: &str = r#","tlsEnforced":true"#;
const TUNNEL: &str = r#","tlsTunnel":true"#;

async fn say(socket: &mut Socket, text: String) {
    socket.send(Message::text(text)).await.expect("the server reads");
}

async fn heard(socket: &mut Socket) -> String {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The payload of a frame that must be as RPS writes it, of that method.
fn payload(frame: &str, method: &str) -> Vec<u8> {
    let fields: Value = serde_json::from_str(frame).expect("JSON");
    assert_eq!(frame, server_frame(method, &fields["payload"].to_string()));
    BASE64_STANDARD.decode(fields["payload"].as_str().expect("a text")).expect("base64")
}

#[test]
fn a_first_message_in_fragments_of_four_kilobytes_is_accepted() {
    connected(|mut socket| async move {
        let text = hello("19.0.5", TLS, 8000).into_bytes();
        assert!(text.len() > 8192, "{}", text.len());
        let parts: Vec<_> = text.chunks(4096).collect();
        for (number, part) in parts.iter().enumerate() {
            let kind = if number == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(kind), number + 1 == parts.len());
            socket.send(Message::Frame(frame)).await.expect("the server reads");
        }
        payload(&heard(&mut socket).await, "tls_data");
    });
}

#[test]
fn with_tls_the_first_word_is_a_client_hello_and_a_lost_connection_is_answered_by_a_port_switch() {
    connected(|mut socket| async move {
        say(&mut socket, hello("19.0.5", TLS, 0)).await;
        let bytes = payload(&heard(&mut socket).await, "tls_data");
        assert!(matches!(bytes[..], [0x16, 3, 1, _, _, 1, ..]), "what rpc-go takes for a ClientHello");
        assert!(bytes.len() < 512, "{} bytes", bytes.len());
        say(&mut socket, relay_frame("connection_reset", b"connection_closed")).await;
        assert_eq!(heard(&mut socket).await, server_frame("port_switch", r#""{\"port\":\"16993\",\"delay\":0}""#));
        say(&mut socket, relay_frame("port_switch_ack", b"ok")).await;
        assert!(payload(&heard(&mut socket).await, "tls_data").starts_with(&[0x16, 3, 1]));
    });
}

#[test]
fn a_silent_device_is_asked_for_with_an_empty_message_after_two_and_a_half_seconds() {
    connected(|mut socket| async move {
        say(&mut socket, hello("19.0.5", TLS, 0)).await;
        payload(&heard(&mut socket).await, "tls_data");
        let begun = std::time::Instant::now();
        assert_eq!(heard(&mut socket).await, server_frame("tls_data", r#""""#));
        assert!(begun.elapsed().as_millis() >= 2400, "{:?}", begun.elapsed());
        assert_eq!(heard(&mut socket).await, server_frame("tls_data", r#""""#));
        assert!(begun.elapsed().as_millis() >= 6000, "the next silence is longer: {:?}", begun.elapsed());
    });
}

#[test]
fn without_tls_each_request_asks_for_the_end_of_its_connection_and_needs_no_port_switch() {
    connected(|mut socket| async move {
        say(&mut socket, hello("16.1.25", TUNNEL, 0)).await;
        let challenge = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest \
                         realm=\"Digest:F3EB554784E729164447A89F60B641C5\",nonce=\"MTIzNDU2\",qop=\"auth\"\r\n\
                         Content-Length: 0\r\nConnection: close\r\n\r\n";
        for has_login in [false, true] {
            let request = String::from_utf8(payload(&heard(&mut socket).await, "wsman")).expect("text");
            assert!(request.starts_with("POST /wsman HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(&format!("\r\nHost: {UUID}:16992\r\n")), "{request}");
            assert!(request.contains("\r\nConnection: close\r\n"), "{request}");
            assert_eq!(request.contains("\r\nAuthorization: Digest "), has_login, "{request}");
            say(&mut socket, relay_frame("response", challenge.as_bytes())).await;
        }
    });
}

#[test]
fn another_protocol_version_is_refused_in_the_words_of_rps() {
    for (version, told) in [("3.0.0", "3.0.0"), ("4.0.1", "4.0.1"), ("", "")] {
        connected(|mut socket| async move {
            let frame = hello("19.0.5", TLS, 0).replace(r#":"4.0.0""#, &format!(r#":"{version}""#));
            say(&mut socket, frame).await;
            let frame: Value = serde_json::from_str(&heard(&mut socket).await).expect("JSON");
            assert_eq!((&frame["method"], &frame["status"]), (&json!("error"), &json!("failed")));
            assert_eq!(frame["message"], format!("Error: protocol version NOT supported: {told}"));
        });
    }
}
