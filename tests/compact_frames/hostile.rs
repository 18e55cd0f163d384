//! A relay that speaks compact frames and lies in them: its session ends with words or not at all, nothing of it is
//! stored, and the others go on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use amt_provision::fsm::firmware::Port;
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::provisioner::ChannelId;
use amt_provision::limits::Deadlines;
use amt_provision::protocol::compact::{
    MAX_PACKET, Packet, Report, Resumable, SUBPROTOCOL, SessionId, ToRelay, ToServer,
};
use amt_provision::protocol::{Data, Hello};
use amt_provision::store::{Store, Tenant};
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::http::{HeaderValue, header};
use async_tungstenite::{WebSocketStream, client_async};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use crate::cutter::Cut;
use crate::world::{Flow, Rig, play, start};

fn uuid(place: u8) -> Uuid {
    Uuid::from_bytes([place; 16]).expect("no placeholder")
}

fn hello(place: u8) -> Hello {
    crate::hello::hello("office", uuid(place))
}

/// A relay without a device.
struct Liar {
    socket: WebSocketStream<TcpStream>,
    /// Keeps honest offsets for what is not a lie.
    frames: Resumable,
    session: Option<SessionId>,
}

impl Liar {
    async fn arrives(server: SocketAddr) -> Self {
        let mut request = format!("ws://{server}/activate").into_client_request().expect("a URL");
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let tcp = TcpStream::connect(server).await.expect("the server listens");
        let (socket, response) = client_async(request, tcp).await.expect("a WebSocket");
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], SUBPROTOCOL);
        Self { socket, frames: Resumable::new(1 << 20), session: None }
    }

    /// With its report, until the server has it dial.
    async fn begins(server: SocketAddr, place: u8) -> Self {
        let mut liar = Self::arrives(server).await;
        liar.says(&Packet::Begin).await;
        liar.says_frame(&ToServer::Report(Report::from(&hello(place)))).await;
        assert_eq!(liar.hears().await, Some(ToRelay::Dial(ChannelId(1), Port::Tls)));
        liar
    }

    async fn sends(&mut self, message: Message) {
        // The server may be gone already: what it says is looked at.
        let _ = self.socket.send(message).await;
    }

    async fn says(&mut self, packet: &Packet) {
        let bytes = packet.encode().expect("short enough").to_vec();
        self.sends(Message::binary(bytes)).await;
    }

    async fn says_frame(&mut self, frame: &ToServer) {
        self.frames.push(frame.encode().expect("short enough")).expect("room");
        while let Some(packet) = self.frames.poll_packet() {
            self.says(&packet).await;
        }
    }

    async fn hears_packet(&mut self) -> Option<Packet> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => return Some(Packet::decode(&bytes).expect("the server is honest")),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next frame; `None` if the server is gone.
    async fn hears(&mut self) -> Option<ToRelay> {
        loop {
            match self.hears_packet().await? {
                Packet::Welcome { session, .. } => self.session = Some(session),
                Packet::Frame { at, received, frame } => {
                    if let Some(frame) = self.frames.receive(at, received, frame).expect("the server is honest") {
                        return Some(ToRelay::decode(&frame).expect("the server is honest"));
                    }
                }
                Packet::Received(received) => self.frames.acknowledge(received).expect("the server is honest"),
                other => panic!("{other:?}"),
            }
        }
    }

    /// After a lie the offsets are not kept any more.
    async fn hears_last_words(&mut self) -> String {
        loop {
            match self.hears_packet().await {
                Some(Packet::Frame { frame: Data(frame), .. }) => {
                    if let ToRelay::Failure(text) = ToRelay::decode(&frame).expect("the server is honest") {
                        return text;
                    }
                }
                Some(_) => {}
                None => return String::new(),
            }
        }
    }

    /// It is cut.
    fn leaves(self) -> (SessionId, Resumable) {
        (self.session.expect("it was welcomed"), self.frames)
    }
}

/// A lie, what is said about it, and its name.
fn lies() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let bytes = |packet: Packet| packet.encode().expect("short enough").to_vec();
    // The report was the first frame.
    let at = ToServer::Report(Report::from(&hello(0x77))).encode().expect("short enough").len() as u64;
    let says = |frame: ToServer| {
        let frame = Data(frame.encode().expect("short enough").to_vec());
        bytes(Packet::Frame { at, received: 0, frame })
    };
    let raw = |at, frame: &[u8]| bytes(Packet::Frame { at, received: 0, frame: Data(frame.to_vec()) });
    let bytes_of = |number| ToServer::Data(ChannelId(number), Data(vec![0x16; 100]));
    vec![
        ("an acknowledgement of the future", "were sent", bytes(Packet::Received(u64::MAX))),
        ("an acknowledgement of half a frame", "no frame ends", bytes(Packet::Received(1))),
        ("a frame with a gap before it", "expected one at", raw(at + 1, &[1, 1])),
        ("a frame at the end of all offsets", "expected one at", raw(u64::MAX, &[1, 1])),
        ("a frame that was received in part", "ends behind", raw(at - 1, &[1, 1])),
        ("a frame without bytes", "without bytes", raw(at, &[])),
        ("a frame of the future", "no frame of this version", raw(at, &[99, 1])),
        ("a frame with something behind it", "1 bytes behind it", raw(at, &[1, 1, 0])),
        ("a packet of the future", "no packet of this version", vec![99]),
        ("a packet cut off", "no packet of this version", vec![4, 1]),
        ("a packet without anything", "no packet of this version", Vec::new()),
        ("a packet that is too long", "expected at most", vec![4; MAX_PACKET + 1]),
        ("a second beginning", "out of place", bytes(Packet::Begin)),
        ("what a server says", "out of place", bytes(Packet::Unknown)),
        ("a second report", "second first message", says(ToServer::Report(Report::from(&hello(0x78))))),
        ("bytes of a connection that was not asked for", "not asked for", says(bytes_of(2))),
        ("bytes of no connection", "not asked for", says(bytes_of(0))),
        ("bytes before the port is open", "before it was open", says(bytes_of(1))),
        ("an end before the port is open", "before it was open", says(ToServer::Lost(ChannelId(1)))),
    ]
}

#[test]
fn every_lie_ends_the_session_with_words_and_leaves_nothing_behind() {
    play(async {
        let rig = Rig::new(Flow::A, 40).await;
        let (server, _serving) = start(rig.deployment().await).await;
        for (what, words, lie) in lies() {
            let mut liar = Liar::begins(server, 0x77).await;
            liar.sends(Message::binary(lie)).await;
            let told = liar.hears_last_words().await;
            assert!(told.contains(words), "{what}: {told}");
            assert!(liar.hears_packet().await.is_none(), "{what}");
            for place in [0x77, 0x78] {
                let stored = rig.world.store.load(&Tenant::default(), uuid(place)).await.expect("readable");
                assert!(stored.is_none(), "{what}");
            }
        }
        let mut liar = Liar::begins(server, 0x77).await;
        liar.sends(Message::text("{}")).await;
        assert!(liar.hears_last_words().await.contains("where compact frames were agreed"));
        let ran = rig.run(false, |_| Cut::Never).await;
        rig.assert_acm(&ran);
    });
}

#[test]
fn g10_a_relay_that_floods_its_session_is_not_in_the_way_of_the_others() {
    play(async {
        let rig = Rig::new(Flow::A, 41).await;
        let (server, _serving) = start(rig.deployment().await).await;
        let mut liar = Liar::begins(server, 0x77).await;
        liar.says_frame(&ToServer::Opened(ChannelId(1))).await;
        let mut at = liar.frames.end();
        let mut floods = 0;
        let flood = async {
            loop {
                // Each is what is no TLS record.
                let frame = ToServer::Data(ChannelId(1), Data(vec![0; 8 * 1024])).encode().expect("short enough");
                let length = frame.len() as u64;
                liar.says(&Packet::Frame { at, received: 0, frame: Data(frame.to_vec()) }).await;
                (at, floods) = (at + length, floods + 1);
                smol::future::poll_once(liar.hears_packet()).await;
                smol::future::yield_now().await;
            }
        };
        // Meanwhile another device comes to its goal over the same server.
        let honest = async {
            let cutter = crate::cutter::Cutter::start(server, |_| Cut::Never).await;
            let ran = rig.ends(rig.relay(cutter.address), &cutter).await;
            rig.assert_acm(&ran);
        };
        smol::future::or(honest, flood).await;
        assert!(floods > 100, "{floods}");
        let stored = rig.world.store.load(&Tenant::default(), uuid(0x77)).await.expect("readable");
        assert!(stored.is_none(), "a flood proves no UUID");
    });
}

#[test]
fn a_session_goes_on_for_who_knows_its_name_and_for_nobody_else() {
    play(async {
        let rig = Rig::new(Flow::A, 42).await;
        let (server, _serving) = start(rig.deployment().await).await;
        let (session, mut frames) = Liar::begins(server, 0x77).await.leaves();

        let mut stranger = Liar::arrives(server).await;
        stranger.says(&Packet::Resume { session: SessionId::from_random([7; 16]), received: 0 }).await;
        assert_eq!(stranger.hears_packet().await, Some(Packet::Unknown));

        let mut same = Liar::arrives(server).await;
        same.says(&Packet::Resume { session, received: 0 }).await;
        let Some(Packet::Welcome { session: named, received }) = same.hears_packet().await else { panic!() };
        assert!(named == session);
        frames.resume(received).expect("the server is honest");
        assert!(frames.is_settled(), "the report had arrived");
        let again = same.hears_packet().await;
        assert!(matches!(again, Some(Packet::Frame { at: 0, .. })), "what was not acknowledged: {again:?}");
    });
}

#[test]
fn g10_a_relay_that_stays_away_loses_its_session_and_its_device_is_free() {
    play(async {
        let rig = Rig::new(Flow::A, 43).await;
        let mut deployment = Arc::into_inner(rig.deployment().await).expect("ours alone");
        let reconnect = Duration::from_millis(100);
        deployment.deadlines = Deadlines { reconnect, ..Deadlines::default() };
        let (server, _serving) = start(Arc::new(deployment)).await;
        let (session, _) = Liar::begins(server, 0x77).await.leaves();
        loop {
            // It is there for a while, each time it comes back.
            let mut back = Liar::arrives(server).await;
            smol::Timer::after(2 * reconnect).await;
            back.says(&Packet::Resume { session, received: 0 }).await;
            if back.hears_packet().await == Some(Packet::Unknown) {
                break;
            }
        }
        Liar::begins(server, 0x77).await;
    });
}

#[test]
fn a_new_session_for_the_same_device_takes_the_place_of_one_that_waits_for_its_relay() {
    play(async {
        let rig = Rig::new(Flow::A, 44).await;
        let (server, _serving) = start(rig.deployment().await).await;
        let (session, _) = Liar::begins(server, 44).await.leaves();
        let begun = std::time::Instant::now();
        // It would wait for a minute for its relay.
        let cutter = crate::cutter::Cutter::start(server, |_| Cut::Never).await;
        let ran = rig.ends(rig.relay(cutter.address), &cutter).await;
        rig.assert_acm(&ran);
        assert!(begun.elapsed() < Duration::from_secs(50));
        let mut old = Liar::arrives(server).await;
        old.says(&Packet::Resume { session, received: 0 }).await;
        assert_eq!(old.hears_packet().await, Some(Packet::Unknown));
    });
}

#[test]
fn a_relay_that_has_both_takes_json_messages_where_the_server_has_nothing_else_to_choose() {
    play(async {
        for (chosen, connections) in [(Some("amt-provision.json"), 1), (None, 2)] {
            let rig = Rig::new(Flow::A, 45 + connections).await;
            let listener = smol::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            let relay =
                smol::spawn(amt_provision::relay::run(rig.relay(listener.local_addr().expect("bound")), |_| {}));
            let mut lines = Vec::new();
            for number in 1..=connections {
                let (tcp, _) = listener.accept().await.expect("a relay");
                let mut offered = None;
                #[expect(clippy::result_large_err, reason = "it is the WebSocket library's")]
                let choose =
                    |request: &async_tungstenite::tungstenite::handshake::server::Request,
                     mut response: async_tungstenite::tungstenite::handshake::server::Response| {
                        let names = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).cloned();
                        if let (Some(names), Some(_)) = (&names, chosen) {
                            // As RPS's library does: the first of any list (ws 8, `completeUpgrade`).
                            let first = names.to_str().expect("ASCII").split(',').next().expect("one").trim();
                            let first = HeaderValue::from_str(first).expect("a name");
                            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, first);
                        }
                        offered = names;
                        Ok(response)
                    };
                let line = async_tungstenite::accept_hdr_async(tcp, choose).await.expect("a WebSocket");
                lines.push(line);
                assert_eq!(offered.is_some(), number == 1, "the second time it offers nothing");
            }
            let mut line = lines.pop().expect("one");
            let first = line.next().await.expect("a message").expect("whole");
            assert!(first.is_text() && first.to_text().is_ok_and(|text| text.contains("activate --profile office")));
            relay.cancel().await;
        }
    });
}
