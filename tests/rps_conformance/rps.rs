//! A server that speaks as RPS does: one call at a time, replies matched by arrival, and its waits.

use std::time::Duration;

use amt_provision::fsm::firmware::Port;
use amt_provision::fsm::identity::SpkiHash;
use amt_provision::fsm::time::Millis;
use amt_provision::http::digest::{Account, Cnonce, Reuse, Session};
use amt_provision::http::{self, Limits, ResponseDecoder};
use amt_provision::protocol::{Data, PortSwitch, ToRelay, ToServer};
use amt_provision::wsman::envelope::MessageId;
use amt_provision::wsman::{Listing, Progress, Query, xml};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::{HeaderValue, header};
use base64::Engine;
use serde_json::{Value, json};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use super::stage::Stage;
use super::tunnel::Tunnel;

/// RPS's fixed waits (rps.md §2), at a two-hundredth.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// `delay_activation_sync`, 12 s.
    Activation,
    /// `delay_tls_timer`, 15 s.
    Tls,
}

/// The longest text frame that RPS takes.
const MAX_FRAME: usize = 102_400;

pub(crate) struct Rps {
    socket: WebSocketStream<TcpStream>,
    /// The relay's first frame, as it came.
    pub(crate) first: String,
    pub(crate) report_text: String,
    pub(crate) report: Value,
    digest: Session,
    pub(crate) tunnel: Option<Tunnel>,
    message: u64,
    port: Port,
}

/// RPS's library takes the first of any list of subprotocols, whatever it is (ws 8, `completeUpgrade`).
#[expect(clippy::result_large_err, reason = "it is the WebSocket library's")]
fn choose_first(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    if let Some(first) = offered.and_then(|names| names.to_str().ok()).and_then(|names| names.split(',').next()) {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(first).unwrap());
    }
    Ok(response)
}

impl Rps {
    /// Takes the next relay's line and its first message.
    pub(crate) async fn accept(stage: &Stage) -> Self {
        let (stream, _) = stage.server.accept().await.unwrap();
        let mut socket = async_tungstenite::accept_hdr_async(stream, choose_first).await.unwrap();
        let first = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();
        let frame: Value = serde_json::from_str(&first).unwrap();
        let report = base64::prelude::BASE64_STANDARD.decode(frame["payload"].as_str().unwrap()).unwrap();
        let report_text = String::from_utf8(report).unwrap();
        let report: Value = serde_json::from_str(&report_text).unwrap();
        let text = |field: &str| report[field].as_str().unwrap().to_owned();
        let port = if report["tlsEnforced"] == true { Port::Tls } else { Port::Plain };
        let digest = Session::new(Account::new(&text("username"), &text("password")));
        Self { socket, first, report_text, report, digest, tunnel: None, message: 0, port }
    }

    /// The first frame's method.
    pub(crate) fn method(&self) -> &str {
        self.first.split('"').nth(3).unwrap()
    }

    pub(crate) fn logs_in(&mut self, user: &str, password: &str) {
        self.digest.change_account(Account::new(user, password), Reuse::DropChallenge);
    }

    pub(crate) async fn waits(&mut self, wait: Wait) {
        let seconds = match wait {
            Wait::Activation => 12,
            Wait::Tls => 15,
        };
        smol::Timer::after(Duration::from_millis(seconds * 1000 / 200)).await;
    }

    pub(crate) async fn says(&mut self, message: ToRelay) {
        self.socket.send(Message::text(message.encode().unwrap())).await.unwrap();
    }

    async fn hears(&mut self) -> ToServer {
        match self.socket.next().await.expect("a message").unwrap() {
            Message::Text(text) if text.len() <= MAX_FRAME => ToServer::parse(&text).unwrap(),
            other => panic!("RPS would close the line: {other:?}"),
        }
    }

    pub(crate) async fn hears_heartbeat(&mut self) {
        assert_eq!(self.hears().await, ToServer::HeartbeatResponse);
    }

    /// Something that RPS never says; the relay leaves.
    pub(crate) async fn says_text_and_is_left(mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
        while let Some(Ok(message)) = self.socket.next().await {
            assert!(message.is_close(), "{message:?}");
        }
    }

    /// `success` with the status JSON.
    pub(crate) async fn succeeds(self, status: &str, tls: Option<&str>) {
        let status = json!({ "Status": status, "Network": "Wired Network Configured", "TLSConfiguration": tls,
            "Components": { "Activation": { "Result": "Success", "Mode": "CCM" }, "CIRAConnection": { "Result": "NotApplicable" } } });
        self.ends("success", "success", &status.to_string()).await;
    }

    /// `error` with the status JSON.
    pub(crate) async fn fails(self, status: &str) {
        self.ends("error", "failed", &json!({ "Status": status }).to_string()).await;
    }

    async fn ends(mut self, method: &str, status: &str, message: &str) {
        let frame = json!({ "method": method, "apiKey": "xxxxx", "appVersion": "2.40.0", "protocolVersion": "4.0.0",
            "status": status, "message": message, "payload": null, "tenantId": "" });
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
        while let Some(Ok(message)) = self.socket.next().await {
            assert!(message.is_close(), "{message:?} after the end");
        }
    }

    /// Moves the device to its TLS port; the delay of 15 s is one of 1 s, the shortest but none.
    pub(crate) async fn switches_port(&mut self) {
        self.says(ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay: Millis::from_secs(1) })).await;
        assert_eq!(self.hears().await, ToServer::PortSwitchAck);
    }

    /// A new tunnel, without a word about the old one, as RPS makes it after a reset, a wait or a status that is not
    /// 200. Returns the key that the device shows.
    pub(crate) async fn opens_tunnel(&mut self) -> SpkiHash {
        let mut tunnel = Tunnel::new();
        let hello = tunnel.output();
        assert_eq!((hello[0], hello[5]), (0x16, 1), "a ClientHello");
        self.says(ToRelay::TlsData(Data(hello))).await;
        while !tunnel.is_connected() {
            match self.hears().await {
                ToServer::TlsData(Data(data)) if tunnel.inject(&data) => {}
                ToServer::TlsData(data) => panic!("{data:?} came too early, and RPS throws them away"),
                // Of the tunnel before: it crossed the ClientHello.
                ToServer::ConnectionReset(_) if self.tunnel.is_some() => {}
                other => panic!("{other:?} instead of a handshake"),
            }
            // Finished is a message of its own (pair.md §2).
            let answer = tunnel.output();
            if !answer.is_empty() {
                self.says(ToRelay::TlsData(Data(answer))).await;
            }
        }
        let key = tunnel.key();
        self.tunnel = Some(tunnel);
        key
    }

    /// Sends bytes that belong to a tunnel which is gone.
    pub(crate) async fn says_into_the_lost_tunnel(&mut self, bytes: &[u8]) {
        self.says(ToRelay::TlsData(Data(bytes.to_vec()))).await;
    }

    pub(crate) async fn asks<T>(&mut self, query: &Query<T>) -> T {
        let id = self.next_id();
        let response = self.exchange(&query.to_request(id)).await.expect("a reply");
        query.read_reply(response.status, &response.body, id, xml::Limits::DEFAULT).unwrap()
    }

    pub(crate) async fn lists<T>(&mut self, mut listing: Listing<T>) -> Vec<T> {
        loop {
            let id = self.next_id();
            let response = self.exchange(&listing.to_request(id)).await.expect("a reply");
            match listing.read_reply(response.status, &response.body, id, xml::Limits::DEFAULT).unwrap() {
                Progress::More(more) => listing = more,
                Progress::Complete(items) => return items,
            }
        }
    }

    pub(crate) fn next_id(&mut self) -> MessageId {
        self.message += 1;
        MessageId(self.message)
    }

    /// One call; a 401 is answered. `None` if the connection was reset under it.
    pub(crate) async fn exchange(&mut self, envelope: &str) -> Option<http::Response> {
        loop {
            let request = self.request(envelope);
            let response = match self.tunnel {
                Some(_) => self.exchange_in_tunnel(&request).await?,
                None => self.exchange_in_plain_text(request).await,
            };
            if response.status != 401 {
                self.digest.accepted();
                return Some(response);
            }
            let challenges = response.fields.all("www-authenticate");
            self.digest.challenged(challenges).unwrap();
        }
    }

    /// RPS's request: one chunk, and in plain text the end of the connection (rps.md §1).
    fn request(&mut self, envelope: &str) -> Vec<u8> {
        let cnonce = Cnonce::new([7; 16]);
        let authorization = self.digest.authorize(&cnonce).map(|it| format!("Authorization: {it}\r\n"));
        let close = if self.tunnel.is_none() { "Connection: close\r\n" } else { "" };
        format!(
            "POST /wsman HTTP/1.1\r\n{}Host: {}:{}\r\nTransfer-Encoding: chunked\r\n{close}\r\n{:X}\r\n{envelope}\r\n0\r\n\r\n",
            authorization.unwrap_or_default(),
            self.report["uuid"].as_str().unwrap(),
            self.port,
            envelope.len(),
        )
        .into_bytes()
    }

    /// Each `response` has to be one whole reply: RPS reads it as that.
    async fn exchange_in_plain_text(&mut self, request: Vec<u8>) -> http::Response {
        self.says(ToRelay::Wsman(Data(request))).await;
        let ToServer::Response(Data(bytes)) = self.hears().await else { panic!("no response") };
        let (mut decoder, mut input) = (ResponseDecoder::new(Limits::DEFAULT), &bytes[..]);
        let response = decoder.decode(&mut input).unwrap().expect("a whole reply");
        assert!(input.is_empty(), "more than one reply in a message");
        response
    }

    async fn exchange_in_tunnel(&mut self, request: &[u8]) -> Option<http::Response> {
        let tunnel = self.tunnel.as_mut().unwrap();
        tunnel.write(request);
        let output = tunnel.output();
        self.says(ToRelay::TlsData(Data(output))).await;
        let mut decoder = ResponseDecoder::new(Limits::DEFAULT);
        loop {
            match self.hears().await {
                ToServer::TlsData(Data(data)) => {
                    let tunnel = self.tunnel.as_mut().unwrap();
                    assert!(tunnel.inject(&data));
                    let text = tunnel.read();
                    if let Some(response) = decoder.decode(&mut &text[..]).unwrap() {
                        return Some(response);
                    }
                }
                ToServer::ConnectionReset(_) => {
                    self.tunnel = None;
                    return None;
                }
                other => panic!("{other:?} instead of a reply"),
            }
        }
    }
}
