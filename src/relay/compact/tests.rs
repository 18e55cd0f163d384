use amt_provision_fsm::deadline;
use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::Limits;
use amt_provision_fsm::stage::OpenFault;
use amt_provision_fsm::time::{Instant, Millis};

use super::backoff::{FIRST_PAUSE, LONGEST_PAUSE};
use super::machine::Line;
use crate::protocol::compact::{Packet, Report, Resumable, SessionId, ToRelay, ToServer};
use crate::protocol::tests::a_hello;
use crate::protocol::{Data, Outcome};
use crate::relay::line::{End, LineInput, LineOutput, Notice};

const A: ChannelId = ChannelId(1);

/// A line, and the server's end of it.
struct Rig {
    line: Line,
    now: Instant,
    server: Resumable,
    session: SessionId,
}

impl Rig {
    /// Whose report has arrived.
    fn new() -> Self {
        let line = Line::new(Instant::ZERO, Limits::DEFAULT, Port::Tls, &a_hello(), 7);
        let session = SessionId::from_random([9; 16]);
        let mut rig = Self { line, now: Instant::ZERO, server: Resumable::new(1 << 20), session };
        let out = rig.outputs();
        assert_eq!(rig.packets(&out)[0], Packet::Begin);
        assert_eq!(rig.hears(&out), [ToServer::Report(Report::from(&a_hello()))]);
        rig.says_packet(&Packet::Welcome { session, received: 0 });
        rig
    }

    fn outputs(&mut self) -> Vec<LineOutput> {
        std::iter::from_fn(|| self.line.poll_output()).collect()
    }

    fn input(&mut self, input: LineInput) -> Vec<LineOutput> {
        self.line.handle(self.now, input);
        self.outputs()
    }

    /// To the next deadline.
    fn waits(&mut self) -> Vec<LineOutput> {
        let (at, _) = self.line.poll_timeout().expect("it has not ended");
        self.now = at;
        self.line.handle_timeout(at);
        self.outputs()
    }

    fn packets(&self, outputs: &[LineOutput]) -> Vec<Packet> {
        let packets = outputs.iter().filter_map(|output| match output {
            LineOutput::SendPacket(Data(bytes)) => Some(Packet::decode(bytes).expect("honest")),
            _ => None,
        });
        packets.collect()
    }

    /// The frames that are new to the server.
    fn hears(&mut self, outputs: &[LineOutput]) -> Vec<ToServer> {
        let mut frames = Vec::new();
        for packet in self.packets(outputs) {
            if let Packet::Frame { at, received, frame } = packet {
                let new = self.server.receive(at, received, frame).expect("honest");
                frames.extend(new.map(|frame| ToServer::decode(&frame).expect("honest")));
            }
        }
        frames
    }

    fn says_packet(&mut self, packet: &Packet) -> Vec<LineOutput> {
        self.input(LineInput::Binary(packet.encode().expect("short").to_vec()))
    }

    fn says(&mut self, frame: &ToRelay) -> Vec<LineOutput> {
        self.server.push(frame.encode().expect("short")).expect("room");
        let packet = self.server.poll_packet().expect("one frame");
        self.says_packet(&packet)
    }

    fn connected(&mut self) {
        assert_eq!(self.says(&ToRelay::Dial(A, Port::Tls)), [LineOutput::Connect(A, Port::Tls)]);
        let out = self.input(LineInput::Connected(A));
        assert_eq!(self.hears(&out), [ToServer::Opened(A)]);
    }

    fn line_lost(&mut self) -> Vec<LineOutput> {
        self.input(LineInput::LineLost("cut".to_owned()))
    }

    /// The next try at the server is made.
    fn redials(&mut self) {
        while !self.waits().contains(&LineOutput::Redial) {}
    }
}

fn device_says(byte: u8) -> LineInput {
    LineInput::FromDevice(A, vec![byte])
}

fn data(byte: u8) -> ToServer {
    ToServer::Data(A, Data(vec![byte]))
}

#[test]
fn what_the_server_says_is_what_the_relay_machine_does() {
    let mut rig = Rig::new();
    rig.connected();
    assert_eq!(rig.says(&ToRelay::Data(A, Data(vec![1]))), [LineOutput::ToDevice(A, vec![1])]);
    let out = rig.input(device_says(2));
    assert_eq!(rig.hears(&out), [data(2)]);
    assert_eq!(rig.says(&ToRelay::HangUp(A)), [LineOutput::Disconnect(A)]);
    rig.says(&ToRelay::Dial(ChannelId(2), Port::Plain));
    let out = rig.input(LineInput::NotConnected(ChannelId(2), OpenFault::Refused));
    assert_eq!(rig.hears(&out), [ToServer::OpenFailed(ChannelId(2), OpenFault::Refused)]);
}

#[test]
fn a_lost_line_leaves_the_device_connected_and_what_it_said_meanwhile_is_said_over_the_next_one() {
    let mut rig = Rig::new();
    rig.connected();
    let lost = rig.input(device_says(1));
    let out = rig.line_lost();
    assert!(matches!(&out[..], [LineOutput::Tell(Notice::LineLost(_))]), "{out:?}");
    assert!(!rig.line.wants_message());
    assert_eq!(rig.input(device_says(2)), [], "there is nobody to tell");
    rig.redials();
    let out = rig.input(LineInput::LineUp);
    let session = rig.session;
    assert_eq!(
        rig.packets(&out),
        [Packet::Resume { session, received: rig.server.end() }],
        "and nothing before a welcome"
    );
    let out = rig.says_packet(&Packet::Welcome { session, received: rig.server.received() });
    assert!(out.contains(&LineOutput::Tell(Notice::LineBack)));
    assert_eq!(rig.hears(&out), [data(1), data(2)]);
    assert_eq!(rig.hears(&lost), [], "known");
    assert_eq!(rig.says(&ToRelay::Data(A, Data(vec![3]))), [LineOutput::ToDevice(A, vec![3])]);
}

#[test]
fn the_end_of_a_connection_is_told_behind_its_last_bytes_also_over_another_line() {
    let mut rig = Rig::new();
    rig.connected();
    rig.line_lost();
    rig.input(device_says(1));
    assert_eq!(rig.input(LineInput::DeviceClosed(A)), [LineOutput::Disconnect(A)]);
    rig.redials();
    rig.input(LineInput::LineUp);
    let (session, received) = (rig.session, rig.server.received());
    let out = rig.says_packet(&Packet::Welcome { session, received });
    assert_eq!(rig.hears(&out), [data(1)]);
    // The resume packet, and the bytes.
    rig.input(LineInput::Delivered);
    let out = rig.input(LineInput::Delivered);
    assert_eq!(rig.hears(&out), [ToServer::Lost(A)]);
}

#[test]
fn g8_tries_at_the_server_are_spread_and_end_at_the_deadline() {
    let mut rig = Rig::new();
    rig.connected();
    let begun = rig.now;
    rig.line_lost();
    let mut tries = Vec::new();
    let end = loop {
        match rig.waits().pop() {
            Some(LineOutput::Redial) => {
                tries.push(rig.now);
                rig.input(LineInput::LineLost("connection refused".to_owned()));
            }
            Some(LineOutput::End(end)) => break end,
            other => assert_eq!(other, None),
        }
    };
    assert_eq!(end, End::NotBack("connection refused".to_owned()));
    assert_eq!(rig.now.since(begun), deadline::RECONNECT);
    assert!((5..60).contains(&tries.len()), "{tries:?}");
    let pauses = tries.windows(2).map(|two| two[1].since(two[0]));
    assert!(pauses.into_iter().all(|pause| (FIRST_PAUSE..=LONGEST_PAUSE).contains(&pause)));
}

#[test]
fn g8_a_server_that_takes_the_line_and_never_welcomes_is_given_up_at_the_deadline() {
    let mut rig = Rig::new();
    rig.line_lost();
    rig.redials();
    rig.input(LineInput::LineUp);
    let begun = rig.now;
    while !matches!(rig.waits().last(), Some(LineOutput::End(End::NotBack(_)))) {}
    assert!(rig.now.since(begun) <= deadline::RECONNECT && rig.now.since(begun) > Millis(0));
}

#[test]
fn a_session_that_the_server_does_not_know_is_probed_again() {
    let mut rig = Rig::new();
    rig.connected();
    rig.line_lost();
    rig.redials();
    rig.input(LineInput::LineUp);
    let out = rig.says_packet(&Packet::Unknown);
    assert_eq!(out, [LineOutput::Disconnect(A), LineOutput::End(End::Unknown)]);
}

#[test]
fn a_line_that_is_lost_before_the_welcome_begins_again_with_the_whole_report() {
    let mut line = Line::new(Instant::ZERO, Limits::DEFAULT, Port::Tls, &a_hello(), 7);
    let first: Vec<LineOutput> = std::iter::from_fn(|| line.poll_output()).collect();
    line.handle(Instant::ZERO, LineInput::LineLost("cut".to_owned()));
    let (at, _) = line.poll_timeout().expect("a next try");
    line.handle_timeout(at);
    line.handle(at, LineInput::LineUp);
    let packets = |outputs: Vec<LineOutput>| -> Vec<LineOutput> {
        outputs.into_iter().filter(|output| matches!(output, LineOutput::SendPacket(_))).collect()
    };
    let again = packets(std::iter::from_fn(|| line.poll_output()).collect());
    assert_eq!((again.len(), again), (2, packets(first)));
}

#[test]
fn the_last_word_is_acknowledged_before_the_line_is_closed() {
    let mut rig = Rig::new();
    rig.connected();
    let outcome = Outcome::Text("ACM".into());
    let out = rig.says(&ToRelay::success(&outcome));
    assert_eq!(rig.packets(&out), [Packet::Received(rig.server.end())]);
    assert_eq!(out.last(), Some(&LineOutput::End(End::Success(outcome))));
}

#[test]
fn a_server_that_lies_is_left_with_the_reason() {
    let session = SessionId::from_random([9; 16]);
    for lie in [
        Packet::Received(u64::MAX),
        Packet::Begin,
        Packet::Unknown,
        Packet::Welcome { session, received: 0 },
        Packet::Frame { at: 5, received: 0, frame: Data(vec![2, 1]) },
        Packet::Frame { at: 0, received: 0, frame: Data(vec![99]) },
    ] {
        let out = Rig::new().says_packet(&lie);
        assert!(matches!(out.last(), Some(LineOutput::End(End::Compact(_)))), "{lie:?}: {out:?}");
    }
    let out = Rig::new().input(LineInput::Text("{}".to_owned()));
    assert!(matches!(out.last(), Some(LineOutput::End(End::Compact(_)))), "{out:?}");
}

#[test]
fn another_sessions_welcome_is_none() {
    let mut rig = Rig::new();
    rig.line_lost();
    rig.redials();
    rig.input(LineInput::LineUp);
    let out = rig.says_packet(&Packet::Welcome { session: SessionId::from_random([8; 16]), received: 0 });
    assert!(matches!(out.last(), Some(LineOutput::End(End::Compact(_)))), "{out:?}");
}

#[test]
fn g10_a_device_that_says_more_than_the_server_acknowledges_loses_its_connection_and_the_line_goes_on() {
    let mut rig = Rig::new();
    rig.connected();
    for _ in 0..1000 {
        let out = rig.input(LineInput::FromDevice(A, vec![0; 4096]));
        let heard = rig.hears(&out);
        // What is sent arrives, and is not acknowledged.
        out.iter().for_each(|_| {
            assert!(!rig.input(LineInput::Delivered).iter().any(|out| matches!(out, LineOutput::End(_))))
        });
        if out.contains(&LineOutput::Disconnect(A)) {
            assert_eq!(heard, [ToServer::Lost(A)]);
            rig.says(&ToRelay::Dial(ChannelId(2), Port::Tls));
            let out = rig.input(LineInput::Connected(ChannelId(2)));
            assert_eq!(rig.hears(&out), [ToServer::Opened(ChannelId(2))]);
            return;
        }
    }
    panic!("four megabytes are kept");
}
