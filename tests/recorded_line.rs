//! The recorded conversations of a real rpc-go with a real RPS, played through our relay's line: the server's messages
//! in their order, the device's bytes record by record, and the clock of the line alone.
//!
//! What a line may do better than rpc-go is to wait less. Flights, replies in plain text and acknowledgements have to be
//! the recorded messages; behind the handshake records may leave one by one.
#![allow(clippy::unwrap_used)] // also its helpers are tests

mod common;
#[path = "common/hello.rs"]
mod hello;

use std::iter::Peekable;
use std::slice::Iter;

use amt_provision::fsm::firmware::Port;
use amt_provision::fsm::provisioner::ChannelId;
use amt_provision::fsm::relay::Limits;
use amt_provision::fsm::time::{Instant, Millis};
use amt_provision::protocol::{Data, Outcome, PortSwitch, ToRelay, ToServer};
use amt_provision::relay::line::{End, Line, LineInput, LineOutput};
use serde::Deserialize;

use hello::hello;

#[derive(Debug, Deserialize)]
struct Recorded {
    dir: String,
    method: String,
    len: usize,
    /// The TLS records in it: `hs:CH/296`, `CCS/1`, `app/69`.
    #[serde(default)]
    records: Vec<String>,
}

impl Recorded {
    fn is_up(&self) -> bool {
        self.dir == "rpc>rps"
    }

    /// Records of these kinds and lengths. What is in them is only as true as a relay can see.
    fn bytes(&self) -> Vec<Vec<u8>> {
        let records: Vec<_> = self.records.iter().map(|text| record(text)).collect();
        assert_eq!(records.concat().len(), self.len, "{self:?}");
        records
    }
}

fn record(text: &str) -> Vec<u8> {
    let (kind, length) = text.split_once('/').unwrap();
    let length: usize = length.parse().unwrap();
    let content = match kind {
        "hs:CH" => message(1, length, &[&[3, 3], &[7; 32][..]].concat()),
        // TLS_AES_256_GCM_SHA384, TLS 1.3.
        "hs:SH" => {
            let front = [&[3, 3], &[9; 32][..], &[32], &[1; 32], &[0x13, 2, 0]].concat();
            let rest = length - 4 - front.len() - 2;
            let filler = rest - 6 - 4;
            let size = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
            let versions = [0, 43, 0, 2, 3, 4];
            let body = [&front[..], &size(rest), &[0, 51], &size(filler), &vec![0x17; filler], &versions].concat();
            message(2, length, &body)
        }
        "CCS" => vec![1],
        _ => vec![0x17; length],
    };
    let number = match kind {
        "CCS" => 0x14,
        "app" => 0x17,
        _ => 0x16,
    };
    [&[number, 3, 3], &u16::try_from(length).unwrap().to_be_bytes()[..], &content].concat()
}

/// A handshake message of `length` bytes that begins with `body`.
fn message(kind: u8, length: usize, body: &[u8]) -> Vec<u8> {
    let mut message = u32::try_from(length - 4).unwrap().to_be_bytes().to_vec();
    message[0] = kind;
    message.extend_from_slice(body);
    message.resize(length, 0x17);
    message
}

/// Where the random number is in a ClientHello's record.
const CLIENT_RANDOM: usize = 5 + 4 + 2;

/// A reply in plain text of `length` bytes.
fn reply(length: usize) -> Vec<u8> {
    let head = |body: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {body:4}\r\n\r\n").into_bytes();
    let body = length - head(0).len();
    [head(body), vec![0x17; body]].concat()
}

/// A line, a device that does what is asked at once, and a server that takes everything.
struct Played {
    line: Line,
    now: Instant,
    channel: Option<ChannelId>,
    connections: usize,
    sent: Vec<ToServer>,
    end: Option<End>,
}

impl Played {
    fn input(&mut self, input: LineInput) {
        self.line.handle(self.now, input);
        while let Some(output) = self.line.poll_output() {
            match output {
                LineOutput::Send(message) => {
                    self.sent.push(message);
                    self.line.handle(self.now, LineInput::Delivered);
                }
                LineOutput::SendPacket(_) | LineOutput::Redial => panic!("{output:?} on a line of JSON messages"),
                LineOutput::Connect(id, _) => {
                    self.channel = Some(id);
                    self.connections += 1;
                    self.line.handle(self.now, LineInput::Connected(id));
                }
                LineOutput::ToDevice(id, bytes) => {
                    self.line.handle(self.now, LineInput::SentToDevice(id, bytes.len()));
                }
                LineOutput::Disconnect(id) => self.channel = self.channel.take().filter(|it| *it != id),
                LineOutput::End(end) => self.end = Some(end),
                LineOutput::Tell(_) => {}
            }
        }
    }

    fn server(&mut self, message: ToRelay) {
        self.input(LineInput::Text(message.encode().unwrap()));
    }

    /// The device's bytes, a part at a time: what the line makes of them.
    fn device(&mut self, parts: &[Vec<u8>]) -> Vec<ToServer> {
        for part in parts {
            let id = self.channel.expect("a connection");
            self.input(LineInput::FromDevice(id, part.clone()));
        }
        std::mem::take(&mut self.sent)
    }
}

fn play(messages: &[Recorded]) -> Played {
    let [first, rest @ ..] = messages else { panic!("an empty conversation") };
    let port = if rest[0].method == "tls_data" { Port::Tls } else { Port::Plain };
    let profile = first.method.rsplit(' ').next().unwrap();
    let uuid = "44444444-4444-4444-4444-444444444444".parse().unwrap();
    let line = Line::new(Instant::ZERO, Limits::DEFAULT, port, hello(profile, uuid));
    let mut played = Played { line, now: Instant::ZERO, channel: None, connections: 0, sent: Vec::new(), end: None };
    played.input(LineInput::Delivered);
    assert!(matches!(std::mem::take(&mut played.sent)[..], [ToServer::Hello(_)]));

    let (mut rest, mut handshakes) = (rest.iter().peekable(), 0);
    while let Some(message) = rest.next() {
        assert!(!message.is_up(), "{message:?}");
        match message.method.as_str() {
            "wsman" => {
                played.server(ToRelay::Wsman(Data(
                    b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
                )));
                let answer = up(&mut rest);
                let whole = reply(answer.len);
                let parts: Vec<_> = whole.chunks(97).map(<[u8]>::to_vec).collect();
                assert_eq!(played.device(&parts), [ToServer::Response(Data(whole))], "{answer:?}");
            }
            "port_switch" => {
                let delay = Millis::from_secs(15);
                played.server(ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay }));
                played.now = played.now + delay;
                played.line.handle_timeout(played.now);
                played.input(LineInput::SentToDevice(ChannelId(0), 0));
                assert_eq!(std::mem::take(&mut played.sent), [ToServer::PortSwitchAck]);
                assert_eq!(up(&mut rest).method, "port_switch_ack");
            }
            "tls_data" => {
                let begins = message.records[0].starts_with("hs:CH");
                let mut bytes = message.bytes().concat();
                if begins {
                    // Into the random number: a ClientHello with the one before would go on with its handshake.
                    handshakes += 1;
                    bytes[CLIENT_RANDOM] = handshakes;
                }
                played.server(ToRelay::TlsData(Data(bytes)));
                while let Some(answer) = rest.next_if(|next| next.is_up()) {
                    let (records, sent) = (answer.bytes(), played.device(&answer.bytes()));
                    let sent: Vec<_> = sent
                        .into_iter()
                        .map(|message| match message {
                            ToServer::TlsData(Data(bytes)) => bytes,
                            other => panic!("{other:?}"),
                        })
                        .collect();
                    assert_eq!(sent.concat(), records.concat(), "{answer:?}");
                    assert_eq!(sent.len(), if begins { 1 } else { records.len() }, "{answer:?}");
                }
            }
            "success" => played.server(ToRelay::Success(Outcome::status("done"))),
            other => panic!("{other} is not known here"),
        }
    }
    played
}

fn up<'a>(rest: &mut Peekable<Iter<'a, Recorded>>) -> &'a Recorded {
    rest.next_if(|next| next.is_up()).expect("an answer")
}

#[test]
fn recorded_conversations_pass_through_our_line_message_by_message() {
    let Some(folder) = common::recorded("transcripts") else { return };
    // Connections to the device that are used, as pair.md §1 counts them: 8 handshakes; 20 requests in plain text, and
    // 4 handshakes of which the first is on the connection of the port switch.
    for (name, connections) in [("flow-a.jsonl", 8), ("flow-b.jsonl", 24)] {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let messages: Vec<Recorded> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let played = play(&messages);
        assert_eq!(played.end, Some(End::Success(Outcome::status("done"))), "{name}");
        assert_eq!((played.connections, played.sent), (connections, vec![]), "{name}");
    }
}
