//! Bytes in both directions, and what happens when one side is slow.

use std::time::Duration;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::relay::Limits;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use smol::future::{FutureExt, zip};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use super::stage::{ServerLine, Stage, play};
use crate::protocol::{Data, MAX_DATA, Outcome, PortSwitch, ResetReason, ToRelay, ToServer};
use crate::relay::line::Notice;
use crate::relay::{RelayError, RelayEvent};

/// The front of a ClientHello: enough for a relay.
const HELLO: &[u8] = &[0x16, 3, 1, 0, 1, 1];

/// A sealed record's header, which tells the relay that the server's handshake has ended.
const SEALED: &[u8] = &[0x17, 3, 3, 0, 0];

/// A line with a session, and the device's end of it.
async fn in_session(stage: &Stage) -> (smol::Task<Result<Outcome, RelayError>>, ServerLine<TcpStream>, TcpStream) {
    let lms = stage.lms(Port::Tls).await;
    let (relay, _) = stage.relay();
    let mut line = stage.line().await;
    line.says_tls(HELLO).await;
    let mut device = lms.accept().await;
    line.says_tls(SEALED).await;
    device.read_exact(&mut [0; HELLO.len() + SEALED.len()]).await.unwrap();
    (relay, line, device)
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Iterator for Numbers {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(self.0 >> 40).ok()
    }
}

fn stream(length: usize) -> Vec<u8> {
    Numbers(1).map(|number| number as u8).take(length).collect()
}

/// `bytes` in parts of up to `longest` bytes.
fn parts(bytes: &[u8], longest: usize) -> Vec<&[u8]> {
    let (mut parts, mut rest, mut sizes) = (Vec::new(), bytes, Numbers(longest as u64));
    while !rest.is_empty() {
        let (part, after) = rest.split_at((1 + sizes.next().unwrap() % longest).min(rest.len()));
        parts.push(part);
        rest = after;
    }
    parts
}

#[test]
fn every_byte_arrives_once_and_in_order_in_both_directions() {
    play(async {
        let stage = Stage::new(true).await;
        let (relay, line, device) = in_session(&stage).await;
        // Upwards no more than a relay holds: there is no brake on a device.
        let (down, up) = (stream(3_000_000), stream(1_000_000));
        let mut device_in = device.clone();
        let device_hears = async {
            let mut heard = vec![0; down.len()];
            device_in.read_exact(&mut heard).await.unwrap();
            assert!(heard == down);
        };
        let mut device_out = device;
        let device_says = async {
            for part in parts(&up, 30_000) {
                device_out.write_all(part).await.unwrap();
            }
        };
        let (mut sender, mut receiver) = line.0.split();
        let server_says = async {
            for part in parts(&down, MAX_DATA) {
                let text = ToRelay::TlsData(Data(part.to_vec())).encode().unwrap();
                sender.send(Message::text(text)).await.unwrap();
            }
        };
        let server_hears = async {
            let mut heard = Vec::new();
            while heard.len() < up.len() {
                let text = receiver.next().await.unwrap().unwrap().into_text().unwrap();
                let ToServer::TlsData(Data(bytes)) = ToServer::parse(&text).unwrap() else { panic!("{text}") };
                heard.extend(bytes);
            }
            assert!(heard == up);
        };
        zip(zip(device_hears, device_says), zip(server_says, server_hears)).await;
        ServerLine(WebSocketStream::reunite(sender, receiver).unwrap()).dismisses(relay).await;
    });
}

#[test]
fn a_server_that_floods_a_device_that_does_not_read_has_to_wait() {
    play(async {
        let stage = Stage::new(true).await;
        let (relay, mut line, mut device) = in_session(&stage).await;
        let part = vec![0x17; MAX_DATA];
        let mut sent = 0;
        // Until nothing moves any more: sockets and relay are full.
        loop {
            let stalls = async {
                smol::Timer::after(Duration::from_millis(700)).await;
                false
            };
            let says = async {
                line.says_tls(&part).await;
                true
            };
            if !says.or(stalls).await {
                break;
            }
            sent += 1;
            assert!(sent < 400, "the relay takes everything");
        }
        // The message on which it stalled is in the socket's buffer, and leaves with the next flush.
        let total = (sent + 1) * MAX_DATA;
        let flush = async {
            line.says(ToRelay::HeartbeatRequest).await;
            line.hears().await
        };
        let drain = async {
            let mut buffer = vec![0; 65536];
            let mut heard = 0;
            while heard < total {
                heard += device.read(&mut buffer).await.unwrap();
            }
            heard
        };
        let (answer, heard) = zip(flush, drain).await;
        assert_eq!((answer, heard), (ToServer::HeartbeatResponse, total));
        line.dismisses(relay).await;
    });
}

#[test]
fn a_device_that_floods_a_server_that_does_not_read_loses_its_connection() {
    play(async {
        let stage = Stage::new(true).await;
        let (relay, mut line, mut device) = in_session(&stage).await;
        let (part, mut written) = (vec![0x17; 65536], 0);
        while device.write_all(&part).await.is_ok() {
            written += part.len();
            assert!(written < 256 * 1024 * 1024, "the relay takes everything");
        }
        let mut heard = 0;
        loop {
            match line.hears().await {
                ToServer::TlsData(Data(bytes)) => heard += bytes.len(),
                reset => break assert_eq!(reset, ToServer::ConnectionReset(ResetReason::Closed)),
            }
        }
        // The last read, which was too much, is not among it.
        let most = Limits::DEFAULT.to_server;
        assert!(heard > most - 32 * 1024, "what was taken before is delivered: {heard} of {most}");
        line.dismisses(relay).await;
    });
}

#[test]
fn a_port_that_comes_late_is_waited_for_and_its_connection_is_used() {
    play(async {
        let stage = Stage::new(false).await;
        let plain = stage.lms(Port::Plain).await;
        let (relay, events) = stage.relay();
        let mut line = stage.line().await;
        let request = b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
        line.says(ToRelay::Wsman(Data(request.to_vec()))).await;
        let mut device = plain.accept().await;
        device.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert!(matches!(line.hears().await, ToServer::Response(Data(bytes)) if bytes.ends_with(b"\r\n\r\n")));

        line.says(ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay: Default::default() })).await;
        let mut refusals = 0;
        while refusals < 3 {
            let event = events.recv().await.unwrap();
            refusals += usize::from(matches!(event, RelayEvent::Line(Notice::NotOpened(Port::Tls, _))));
        }
        let tls = stage.lms(Port::Tls).await;
        assert_eq!(line.hears().await, ToServer::PortSwitchAck);
        // The first connection is the one of the switch; it is dropped as a restarting port does.
        drop(tls.accept_any().await);
        line.says_tls(HELLO).await;
        let mut device = tls.accept().await;
        let mut heard = [0; HELLO.len()];
        device.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, HELLO);
        line.dismisses(relay).await;
    });
}
