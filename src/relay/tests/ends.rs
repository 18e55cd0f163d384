//! How relays end, and whose fault it was.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use amt_provision_fsm::firmware::Port;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use futures_rustls::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use super::stage::{ServerLine, Stage, play};
use crate::mei::MeiAddress;
use crate::protocol::{Flaw, Outcome, ToRelay, ToServer};
use crate::relay::{RelayError, device};

/// What the server sees at the end of the line.
async fn goodbye(mut line: ServerLine<TcpStream>) -> CloseCode {
    loop {
        match line.0.next().await {
            Some(Ok(Message::Close(frame))) => {
                let code = frame.expect("a code").code;
                while let Some(Ok(_)) = line.0.next().await {}
                return code;
            }
            Some(Ok(_)) => {}
            other => panic!("expected a goodbye, got {other:?}"),
        }
    }
}

/// Runs a relay against a server that says one text frame.
async fn after(text: String) -> (Result<Outcome, RelayError>, CloseCode) {
    let stage = Stage::new(true).await;
    let _lms = stage.lms(Port::Tls).await;
    let (relay, _) = stage.relay();
    let mut line = stage.line().await;
    line.0.send(Message::text(text)).await.unwrap();
    smol::future::zip(relay, goodbye(line)).await
}

#[test]
fn the_servers_last_word_is_the_outcome_and_both_say_goodbye() {
    play(async {
        let (outcome, code) = after(ToRelay::Success(Outcome::status("in ACM")).encode().unwrap()).await;
        assert_eq!((outcome.unwrap(), code), (Outcome::status("in ACM"), CloseCode::Normal));
        let (outcome, code) = after(ToRelay::Error(Outcome::status("no profile")).encode().unwrap()).await;
        assert_eq!(outcome.unwrap_err().to_string(), "the server reports: no profile");
        assert_eq!(code, CloseCode::Normal);
    });
}

/// rpc-go.md §6.3: a bare `success` is no proof.
#[test]
fn a_success_that_the_firmware_knows_nothing_of_is_none() {
    play(async {
        let stage = Stage::new(true).await;
        let _lms = stage.lms(Port::Tls).await;
        let (relay, _) = stage.relay();
        let mut line = stage.line().await;
        stage.is_activated(false);
        line.says(ToRelay::Success(Outcome::status("in ACM"))).await;
        let (outcome, _) = smol::future::zip(relay, goodbye(line)).await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, RelayError::NotActivated(_)), "{error}");
        assert!(error.to_string().contains("the firmware itself says that it is not provisioned"), "{error}");
    });
}

#[test]
fn a_port_switch_to_another_service_ends_the_line_and_reaches_nobody() {
    play(async {
        let frame = r#"{"method":"port_switch","protocolVersion":"4.0.0","payload":"{\"port\":\"22\",\"delay\":0}"}"#;
        let (outcome, code) = after(frame.to_owned()).await;
        assert!(matches!(outcome, Err(RelayError::Unreadable(error)) if matches!(error.flaw, Flaw::Port(_))));
        assert_eq!(code, CloseCode::Protocol);
    });
}

#[test]
fn frames_that_are_too_long_or_binary_end_the_line() {
    play(async {
        let (outcome, _) = after(" ".repeat(110 * 1024)).await;
        assert!(matches!(outcome, Err(RelayError::Unreadable(error)) if matches!(error.flaw, Flaw::TooLong(_))));

        let stage = Stage::new(true).await;
        let _lms = stage.lms(Port::Tls).await;
        let (relay, _) = stage.relay();
        let mut line = stage.line().await;
        line.0.send(Message::binary(vec![1])).await.unwrap();
        let (outcome, code) = smol::future::zip(relay, goodbye(line)).await;
        assert!(matches!(outcome, Err(RelayError::Binary)) && code == CloseCode::Protocol);
    });
}

#[test]
fn fragmented_messages_are_messages() {
    play(async {
        let text = ToRelay::Success(Outcome::status("x".repeat(9000))).encode().unwrap();
        let stage = Stage::new(true).await;
        let _lms = stage.lms(Port::Tls).await;
        let (relay, _) = stage.relay();
        let mut line = stage.line().await;
        let raw = line.0.get_mut();
        let (first, second) = text.as_bytes().split_at(4096);
        for (head, part) in [(0x01_u8, first), (0x80, second)] {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            raw.write_all(&[&[head, 126][..], &length, part].concat()).await.unwrap();
        }
        let (outcome, code) = smol::future::zip(relay, goodbye(line)).await;
        assert!(outcome.is_ok() && code == CloseCode::Normal);
    });
}

#[test]
fn a_server_that_goes_away_is_a_lost_line() {
    play(async {
        let stage = Stage::new(true).await;
        let _lms = stage.lms(Port::Tls).await;
        let (relay, _) = stage.relay();
        drop(stage.line().await);
        let error = relay.await.unwrap_err();
        assert!(matches!(error, RelayError::LineLost(_)), "{error}");
    });
}

#[test]
fn a_server_that_is_none_is_told_from_one_that_is_away() {
    play(async {
        let stage = Stage::new(true).await;
        let _lms = stage.lms(Port::Tls).await;
        let (relay, _) = stage.relay();
        let (mut stream, _) = stage.server.accept().await.unwrap();
        let mut request = [0; 2000];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let error = relay.await.unwrap_err();
        assert!(matches!(&error, RelayError::Refused { reason, .. } if reason.contains("404")), "{error}");

        let Stage { server, config, .. } = &stage;
        let mut config = config.clone();
        config.url = format!("ws://{}", server.local_addr().unwrap()).replace("ws", "wss").parse().unwrap();
        config.ca_file = Some("/nonexistent/ca.pem".into());
        let error = crate::relay::run(config, |_| {}).await.unwrap_err();
        assert!(matches!(error, RelayError::CaFile { .. }), "{error}");
    });
}

#[test]
fn without_an_mei_nobody_is_dialled() {
    play(async {
        let mut stage = Stage::new(true).await;
        for mei in [MeiAddress::Device("/dev/mei0".into()), MeiAddress::Unix("/nonexistent/mei.sock".into())] {
            stage.config.mei = mei;
            let error = stage.relay().0.await.unwrap_err();
            assert!(matches!(error, RelayError::Mei(_)), "{error}");
        }
    });
}

#[test]
fn an_lms_that_is_away_is_waited_for_until_the_deadline() {
    play(async {
        let stage = Stage::new(true).await;
        let address = stage.config.lms_address;
        let away = device::wait_for(&[address.port(Port::Tls)], Duration::from_millis(120)).await;
        let source = away.unwrap_err();
        assert_eq!(source.kind(), std::io::ErrorKind::ConnectionRefused);
        let error = RelayError::NoLms { address, port: Port::Tls, source }.to_string();
        assert!(error.contains(&format!("{address} port 16993")), "{error}");
        let _lms = stage.lms(Port::Tls).await;
        assert!(device::wait_for(&[address.port(Port::Tls)], Duration::ZERO).await.is_ok());
        let either = [address.port(Port::Plain), address.port(Port::Tls)];
        assert!(device::wait_for(&either, Duration::ZERO).await.is_ok(), "old firmware cannot tell which one it has");
    });
}

#[test]
fn wss_is_spoken_to_the_holder_of_a_certificate_from_the_file() {
    play(async {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut stage = Stage::new(true).await;
        let _lms = stage.lms(Port::Tls).await;
        let address = stage.server.local_addr().unwrap();
        stage.config.url = format!("wss://{address}/activate").parse().unwrap();
        let file = std::env::temp_dir().join(format!("amt-provision-relay-ca-{}.pem", std::process::id()));
        for trusted in [true, false] {
            let [server, other] =
                [(); 2].map(|()| rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap());
            let pem = if trusted { server.cert.pem() } else { other.cert.pem() };
            std::fs::File::create(&file).unwrap().write_all(pem.as_bytes()).unwrap();
            stage.config.ca_file = Some(file.clone());
            let key = PrivateKeyDer::try_from(server.signing_key.serialize_der()).unwrap();
            let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
            let config = config.unwrap().with_no_client_auth();
            let config = config.with_single_cert(vec![server.cert.der().clone()], key).unwrap();

            let (relay, _) = stage.relay();
            let (stream, _) = stage.server.accept().await.unwrap();
            let tls = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
            if trusted {
                let mut line = ServerLine(async_tungstenite::accept_async(tls.unwrap()).await.unwrap());
                assert!(matches!(line.hears().await, ToServer::Hello(_)));
                stage.is_activated(true);
                line.dismisses(relay).await;
            } else {
                let error = relay.await.unwrap_err();
                assert!(tls.is_err() && matches!(error, RelayError::Untrusted { .. }), "{error}");
            }
        }
        std::fs::remove_file(&file).unwrap();
    });
}
