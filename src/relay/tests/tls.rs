//! Real TLS sessions through the relay, to a server that throws early 0x17 messages away as RPS does.

use std::sync::Arc;

use amt_provision_fsm::firmware::Port;
use futures_rustls::TlsAcceptor;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, SupportedProtocolVersion};
use smol::io::{AsyncReadExt, AsyncWriteExt};

use super::stage::{Lms, ServerLine, Stage, play};
use crate::protocol::ToServer;

fn configs(version: &'static SupportedProtocolVersion) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let device = rcgen::generate_simple_self_signed(["device".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::try_from(device.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[version]).unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![device.cert.der().clone()], key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(device.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
    (Arc::new(server), Arc::new(client.with_root_certificates(roots).with_no_client_auth()))
}

/// Takes `sessions` TLS sessions and sends back what it hears, closing the first ones behind the answer.
async fn device(lms: Lms, config: Arc<ServerConfig>, sessions: usize) {
    for session in 1..=sessions {
        let mut tls = TlsAcceptor::from(config.clone()).accept(lms.accept().await).await.unwrap();
        let mut heard = [0; 7];
        tls.read_exact(&mut heard).await.unwrap();
        tls.write_all(&heard).await.unwrap();
        tls.flush().await.unwrap();
        if session == sessions {
            let _ = tls.read(&mut heard).await;
        }
    }
}

/// One session of a server that discards what begins with 0x17 before its handshake has ended.
async fn session(line: &mut ServerLine<smol::net::TcpStream>, config: Arc<ClientConfig>) {
    let mut tls = ClientConnection::new(config, ServerName::try_from("device").unwrap()).unwrap();
    let (mut asked, mut heard) = (false, Vec::new());
    while heard.len() < 7 {
        if !tls.is_handshaking() && !asked {
            std::io::Write::write_all(&mut tls.writer(), b"request").unwrap();
            asked = true;
        }
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out).unwrap();
        }
        if !out.is_empty() {
            line.says_tls(&out).await;
        }
        let bytes = line.hears_tls().await;
        if tls.is_handshaking() && bytes[0] == 0x17 {
            continue;
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            tls.read_tls(&mut rest).unwrap();
            let state = tls.process_new_packets().unwrap();
            let mut text = vec![0; state.plaintext_bytes_to_read()];
            std::io::Read::read_exact(&mut tls.reader(), &mut text).unwrap();
            heard.extend(text);
        }
    }
    assert_eq!(heard, b"request");
}

fn sessions_run(version: &'static SupportedProtocolVersion) {
    play(async {
        let stage = Stage::new(true).await;
        let (server, client) = configs(version);
        let device = smol::spawn(device(stage.lms(Port::Tls).await, server, 3));
        let (relay, _) = stage.relay();
        let mut line = stage.line().await;
        for round in 1..=3 {
            session(&mut line, client.clone()).await;
            while round < 3 && !matches!(line.hears().await, ToServer::ConnectionReset(_)) {}
        }
        line.dismisses(relay).await;
        device.await;
    });
}

#[test]
fn tls_1_3_sessions_run_through_the_relay_to_a_server_that_drops_early_records() {
    sessions_run(&rustls::version::TLS13);
}

#[test]
fn tls_1_2_sessions_run_through_the_relay() {
    sessions_run(&rustls::version::TLS12);
}
