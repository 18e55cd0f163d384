//! Many relays at once, and some that never stop or never go on: each has its own end, and the others do not notice.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use amt_provision::fsm::firmware::ControlMode;
use amt_provision::limits::Deadlines;
use async_tungstenite::tungstenite::Message;
use smol::io::AsyncWriteExt;
use smol::net::TcpStream;

use super::door::{Socket, heard, hello, refused, say};
use super::world::{World, uuid};

/// A WebSocket, and the TCP connection under it for what no WebSocket would send.
async fn connect(server: SocketAddr) -> (Socket, TcpStream) {
    let tcp = TcpStream::connect(server).await.expect("the server listens");
    let url = format!("ws://{server}/activate");
    let (socket, _) = async_tungstenite::client_async(url, tcp.clone()).await.expect("a WebSocket");
    (socket, tcp)
}

/// Sends `frames` without a pause until the server hangs up, and reads nothing. From a thread of its own, so that the
/// server always finds more.
fn flood(mut tcp: TcpStream, first: &'static [u8], frames: &'static [u8]) -> JoinHandle<Duration> {
    std::thread::spawn(move || {
        let begun = Instant::now();
        let piece = frames.repeat(10_000);
        smol::block_on(async {
            tcp.write_all(first).await?;
            while begun.elapsed() < Duration::from_secs(60) {
                tcp.write_all(&piece).await?;
            }
            Ok::<_, std::io::Error>(())
        })
        .expect_err("the server hangs up");
        begun.elapsed()
    })
}

/// An empty masked ping, and an empty masked fragment that others follow.
const PING: &[u8] = &[0x89, 0x80, 0, 0, 0, 0];
const TEXT: &[u8] = &[0x01, 0x80, 0, 0, 0, 0];
const FRAGMENT: &[u8] = &[0x00, 0x80, 0, 0, 0, 0];

#[test]
fn g8_relays_that_never_stop_sending_end_at_their_deadline_and_starve_nobody() {
    smol::block_on(async {
        let world = World::new().await;
        let mut deployment = world.deployment(world.profile()).await;
        // Long enough for the honest device to meet them at work.
        let hello = Duration::from_secs(5);
        deployment.deadlines = Deadlines { hello, ..Deadlines::default() };
        let test = async |server| {
            let floods = [(&[][..], PING), (TEXT, FRAGMENT)];
            let mut flooders = Vec::new();
            for (first, frames) in floods {
                let (_, tcp) = connect(server).await;
                flooders.push(flood(tcp, first, frames));
            }
            let device = world.start(&world.config(19, uuid(1))).await;
            world.relay(server, &device, device.address()).await.expect("success beside the floods");
            assert_eq!(device.truth().mode, ControlMode::Admin);
            for flooder in flooders {
                let lasted = smol::unblock(move || flooder.join()).await.expect("the server hung up");
                assert!(lasted >= hello && lasted < hello * 4, "{lasted:?}");
            }
        };
        world.beside(deployment, test).await;
    });
}

#[test]
fn g8_a_relay_that_says_nothing_at_first_is_told_so_at_its_deadline() {
    smol::block_on(async {
        let world = World::new().await;
        let mut deployment = world.deployment(world.profile()).await;
        assert_eq!(deployment.deadlines.hello, Duration::from_secs(30), "as it is documented");
        deployment.deadlines.hello = Duration::from_millis(100);
        let test = async |server| {
            let (mut socket, _) = connect(server).await;
            assert!(refused(&mut socket).await.contains("no first message within 100ms"));
        };
        world.beside(deployment, test).await;
    });
}

#[test]
fn g10_relays_that_send_half_a_message_hold_up_nobody() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let test = async |server| {
            // A text of 50 000 bytes, of which 25 000 come.
            let half = [&[0x81, 0xfe, 0xc3, 0x50, 0, 0, 0, 0][..], &[b'x'; 25_000]].concat();
            let mut idle = Vec::new();
            for _ in 0..200 {
                let (socket, mut tcp) = connect(server).await;
                tcp.write_all(&half).await.expect("the server reads");
                idle.push((socket, tcp));
            }
            let device = world.start(&world.config(19, uuid(1))).await;
            world.relay(server, &device, device.address()).await.expect("success beside them");
            assert_eq!(device.truth().mode, ControlMode::Admin);
            assert!(idle.len() == 200 && world.record(uuid(1)).await.is_some());
        };
        world.beside(deployment, test).await;
    });
}

#[test]
fn g10_a_message_of_100_kib_is_taken_and_one_byte_more_is_refused_in_the_protocols_words() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let test = async |server| {
            let padded = |length: usize| {
                let text = hello(|_| {});
                let padding = " ".repeat(length - text.len());
                text + &padding
            };
            let (mut socket, _) = connect(server).await;
            say(&mut socket, padded(100 * 1024)).await;
            assert_eq!(heard(&mut socket).await.expect("a ClientHello")["method"], "tls_data");

            let (mut socket, _) = connect(server).await;
            say(&mut socket, padded(100 * 1024 + 1)).await;
            let told = refused(&mut socket).await;
            assert!(told.contains("102401 bytes: expected at most 102400"), "{told}");

            // What is longer than any frame that is taken from the wire ends the line, before it is all there.
            let (mut socket, _) = connect(server).await;
            let sent = socket.send(Message::text(padded(1024 * 1024))).await;
            assert!(sent.is_err() || heard(&mut socket).await.is_none_or(|said| said["method"] == "error"));
        };
        world.beside(deployment, test).await;
    });
}
