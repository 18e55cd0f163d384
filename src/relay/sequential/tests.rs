//! The emulation does what was measured of rpc-go, quirk by quirk (rpc-go.md §4, §6).

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::time::{Instant, Millis};

use super::{End, Fatal, Input, Output, Sequential, Timing};
use crate::protocol::tests::a_hello;
use crate::protocol::{Data, Outcome, PortSwitch, ResetReason, ToRelay, ToServer};

const CLIENT_HELLO: [u8; 6] = [0x16, 3, 1, 0, 2, 1];
const A: ChannelId = ChannelId(1);
const B: ChannelId = ChannelId(2);

/// The emulation on a clock of its own.
struct Rig {
    peer: Sequential,
    now: Instant,
}

impl Rig {
    fn new(timing: Timing, port: Port) -> Self {
        let mut rig = Self { peer: Sequential::new(timing, port, a_hello()), now: Instant::ZERO };
        assert!(matches!(rig.outputs()[..], [Output::Send(ToServer::Hello(_))]));
        rig
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.peer.poll_output()).collect()
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.peer.handle(self.now, input);
        self.outputs()
    }

    fn server(&mut self, message: &ToRelay) -> Vec<Output> {
        assert!(self.peer.wants_message(), "one message at a time");
        self.input(Input::Text(message.encode().unwrap()))
    }

    fn tls(&mut self, bytes: &[u8]) -> Vec<Output> {
        self.server(&ToRelay::TlsData(Data(bytes.to_vec())))
    }

    fn port_switch(&mut self) -> Vec<Output> {
        self.server(&ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay: Millis(0) }))
    }

    fn device(&mut self, id: ChannelId, bytes: &[u8]) -> Vec<Output> {
        self.input(Input::FromDevice(id, bytes.to_vec()))
    }

    fn after(&mut self, time: u64) -> Vec<Output> {
        self.now = self.now + Millis(time);
        self.peer.handle_timeout(self.now);
        self.outputs()
    }

    /// A tunnel whose ClientHello is written.
    fn tunnel(timing: Timing) -> Self {
        let mut rig = Self::new(timing, Port::Tls);
        assert_eq!(rig.tls(&CLIENT_HELLO), [Output::Connect(A, Port::Tls)]);
        assert_eq!(rig.input(Input::Connected(A)), [Output::ToDevice(A, CLIENT_HELLO.to_vec())]);
        rig
    }

    /// The same, and the device's flight is forwarded.
    fn open(timing: Timing) -> Self {
        let mut rig = Self::tunnel(timing);
        assert_eq!(rig.device(A, b"flight"), []);
        assert_eq!(
            rig.after(timing.idle.0 + timing.close.0),
            if timing.close.0 > 0 { vec![] } else { said(b"flight") }
        );
        if timing.close.0 > 0 {
            assert_eq!(rig.after(timing.close.0), said(b"flight"));
        }
        rig
    }
}

fn said(bytes: &[u8]) -> Vec<Output> {
    vec![Output::Send(ToServer::TlsData(Data(bytes.to_vec())))]
}

fn response(bytes: &[u8]) -> Output {
    Output::Send(ToServer::Response(Data(bytes.to_vec())))
}

fn reset(id: ChannelId, reason: ResetReason) -> Vec<Output> {
    vec![Output::Disconnect(id), Output::Send(ToServer::ConnectionReset(reason))]
}

fn fatal(why: Fatal) -> Output {
    Output::End(End::Fatal(why))
}

#[test]
fn a_round_ends_two_seconds_after_the_last_byte_and_is_one_message() {
    let mut rig = Rig::tunnel(Timing::LMS);
    assert_eq!(rig.after(1999), []);
    assert_eq!(rig.device(A, b"server "), []);
    assert_eq!(rig.after(1999), []);
    assert_eq!(rig.device(A, b"flight"), []);
    assert_eq!(rig.after(1999), []);
    assert!(!rig.peer.wants_message());
    assert_eq!(rig.after(1), said(b"server flight"));
    assert!(rig.peer.wants_message());
}

#[test]
fn a_first_byte_that_comes_late_is_read_when_something_else_is_said() {
    let mut rig = Rig::open(Timing::LMS);
    assert_eq!(rig.tls(b"request"), [Output::ToDevice(A, b"request".to_vec())]);
    assert_eq!(rig.after(2000), [], "a quiet round");
    assert_eq!(rig.device(A, b"late"), []);
    assert_eq!(rig.after(60_000), [], "nobody reads");
    assert_eq!(rig.tls(b""), [Output::ToDevice(A, Vec::new())]);
    assert_eq!(rig.after(2000), said(b"late"));
}

#[test]
fn the_end_behind_an_answer_is_not_noticed_and_takes_the_next_request_with_it() {
    let mut rig = Rig::open(Timing::LMS);
    rig.tls(b"request");
    assert_eq!(rig.device(A, b"answer"), []);
    assert_eq!(rig.input(Input::Closed(A)), said(b"answer"), "at once");
    assert_eq!(rig.tls(b"lost"), [vec![Output::ToDevice(A, b"lost".to_vec())], reset(A, ResetReason::Closed)].concat());
}

#[test]
fn an_end_without_an_answer_is_a_reset_and_a_broken_connection_another() {
    for (end, reason) in [(Input::Closed(A), ResetReason::Closed), (Input::Failed(A), ResetReason::Failed)] {
        let mut rig = Rig::open(Timing::LMS);
        rig.tls(b"request");
        assert_eq!(rig.input(end), reset(A, reason));
    }
}

#[test]
fn a_client_hello_drops_the_connection_and_dials_again() {
    let mut rig = Rig::open(Timing::LMS);
    assert_eq!(rig.tls(&CLIENT_HELLO), [Output::Disconnect(A), Output::Connect(B, Port::Tls)]);
    assert_eq!(rig.device(A, b"stale"), []);
    assert_eq!(rig.input(Input::Connected(B)), [Output::ToDevice(B, CLIENT_HELLO.to_vec())]);
    assert_eq!(rig.after(2000), []);
}

#[test]
fn a_port_that_refuses_is_the_end_outside_of_a_port_switch() {
    let mut rig = Rig::new(Timing::LMS, Port::Tls);
    rig.tls(&CLIENT_HELLO);
    assert_eq!(rig.input(Input::Refused(A)), [fatal(Fatal::Refused(Port::Tls))]);
    let mut rig = Rig::open(Timing::LMS);
    rig.tls(b"request");
    assert_eq!(rig.input(Input::NotWritten(A)), [Output::Disconnect(A), fatal(Fatal::Write)]);
}

#[test]
fn a_port_switch_tests_the_port_five_times_five_seconds_apart() {
    let mut rig = Rig::open(Timing::LMS);
    assert_eq!(rig.port_switch(), [Output::Disconnect(A), Output::Connect(B, Port::Tls)]);
    for test in 2..=5 {
        assert_eq!(rig.input(Input::Refused(ChannelId(test))), []);
        assert_eq!(rig.after(4999), []);
        assert_eq!(rig.after(1), [Output::Connect(ChannelId(test + 1), Port::Tls)]);
    }
    let mut lost = rig;
    assert_eq!(lost.input(Input::Refused(ChannelId(6))), []);
    assert_eq!(lost.after(5000), [fatal(Fatal::SwitchFailed(Port::Tls))]);

    let mut rig = Rig::open(Timing::LMS);
    rig.port_switch();
    let ack = Output::Send(ToServer::PortSwitchAck);
    assert_eq!(rig.input(Input::Connected(B)), [Output::Disconnect(B), ack]);
    assert_eq!(rig.tls(&CLIENT_HELLO), [Output::Connect(ChannelId(3), Port::Tls)]);
}

#[test]
fn a_port_switch_waits_as_long_as_it_is_told_and_a_minute_at_most() {
    for (asked, waits) in [(2, 2000), (600, 60_000)] {
        let mut rig = Rig::new(Timing::LMS, Port::Plain);
        let delay = Millis::from_secs(asked);
        assert_eq!(rig.server(&ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay })), []);
        assert_eq!(rig.after(waits - 1), []);
        assert_eq!(rig.after(1), [Output::Connect(A, Port::Tls)]);
    }
}

#[test]
fn each_plain_message_has_a_connection_and_a_response() {
    let wsman = ToRelay::Wsman(Data(b"POST".to_vec()));
    let mut rig = Rig::new(Timing::LMS, Port::Plain);
    assert_eq!(rig.server(&wsman), [Output::Connect(A, Port::Plain)]);
    assert_eq!(rig.input(Input::Connected(A)), [Output::ToDevice(A, b"POST".to_vec())]);
    rig.device(A, b"200");
    assert_eq!(rig.after(100), [Output::Disconnect(A), response(b"200")], "a tenth of a second of silence");
    assert_eq!(rig.server(&wsman), [Output::Connect(B, Port::Plain)]);
    rig.input(Input::Connected(B));
    rig.device(B, b"200");
    assert_eq!(rig.input(Input::Closed(B)), [Output::Disconnect(B), response(b"200")], "none when the device closes");
}

#[test]
fn a_plain_answer_that_takes_three_seconds_is_lost_and_one_that_does_not_end_is_the_end() {
    let mut rig = Rig::new(Timing::LMS, Port::Plain);
    let wsman = ToRelay::Wsman(Data(b"POST".to_vec()));
    rig.server(&wsman);
    rig.input(Input::Connected(A));
    assert_eq!(rig.after(2999), []);
    assert_eq!(rig.after(1), [Output::Disconnect(A)]);
    assert_eq!(rig.device(A, b"200"), []);

    rig.server(&wsman);
    rig.input(Input::Connected(B));
    for _ in 0..39 {
        assert_eq!(rig.device(B, b"."), []);
        assert_eq!(rig.after(99), []);
    }
    rig.device(B, b".");
    rig.after(99);
    rig.device(B, b".");
    assert_eq!(rig.after(99), [Output::Disconnect(B), fatal(Fatal::Round)]);
}

#[test]
fn behind_a_port_switch_plain_answers_are_tls_data_on_one_connection() {
    let mut rig = Rig::new(Timing::LMS, Port::Plain);
    let wsman = ToRelay::Wsman(Data(b"POST".to_vec()));
    rig.server(&ToRelay::PortSwitch(PortSwitch { port: Port::Plain, delay: Millis(0) }));
    rig.input(Input::Connected(A));
    assert_eq!(rig.server(&wsman), [Output::Connect(B, Port::Plain)]);
    rig.input(Input::Connected(B));
    rig.device(B, b"200");
    assert_eq!(rig.after(1999), []);
    assert_eq!(rig.after(1), said(b"200"));
    assert_eq!(rig.server(&wsman), [Output::ToDevice(B, b"POST".to_vec())]);
}

#[test]
fn over_lme_a_round_waits_for_the_end_of_the_channel() {
    let mut rig = Rig::open(Timing::LME);
    rig.tls(b"request");
    assert_eq!(rig.after(2999), []);
    rig.device(A, b"answer");
    assert_eq!(rig.after(200), []);
    assert_eq!(rig.after(1499), []);
    assert_eq!(rig.input(Input::Closed(A)), [vec![Output::Disconnect(A)], said(b"answer")].concat());
    assert_eq!(rig.tls(&CLIENT_HELLO), [Output::Connect(B, Port::Tls)], "it knows that the channel is gone");
}

#[test]
fn over_lme_another_handshake_waits_for_the_reader_of_an_open_channel() {
    let mut rig = Rig::open(Timing::LME);
    assert_eq!(rig.tls(&CLIENT_HELLO), [Output::Disconnect(A)]);
    assert_eq!(rig.after(1299), []);
    assert_eq!(rig.after(1), [Output::Connect(B, Port::Tls)]);
}

#[test]
fn over_lme_a_channel_of_a_tunnel_may_take_eighteen_seconds() {
    let mut rig = Rig::new(Timing::LME, Port::Tls);
    assert_eq!(rig.tls(&CLIENT_HELLO), [Output::Connect(A, Port::Tls)]);
    for failed in 1..72 {
        assert_eq!(rig.input(Input::Refused(ChannelId(failed))), []);
        assert_eq!(rig.after(250), [Output::Connect(ChannelId(failed + 1), Port::Tls)]);
    }
    assert_eq!(rig.input(Input::Refused(ChannelId(72))), [fatal(Fatal::Refused(Port::Tls))]);
}

#[test]
fn over_lme_a_plain_answer_needs_the_end_of_its_channel_and_a_port_switch_no_test() {
    let mut rig = Rig::new(Timing::LME, Port::Plain);
    let wsman = ToRelay::Wsman(Data(b"POST".to_vec()));
    rig.server(&wsman);
    assert_eq!(rig.input(Input::Refused(A)), []);
    assert_eq!(rig.after(250), [Output::Connect(B, Port::Plain)], "three tries");
    rig.input(Input::Connected(B));
    rig.device(B, b"200");
    assert_eq!(rig.after(3000), []);
    assert_eq!(rig.input(Input::Closed(B)), [Output::Disconnect(B), response(b"200")]);
    assert_eq!(rig.port_switch(), [Output::Send(ToServer::PortSwitchAck)]);

    let mut rig = Rig::new(Timing::LME, Port::Plain);
    rig.server(&wsman);
    rig.input(Input::Connected(A));
    rig.device(A, b"200");
    assert_eq!(rig.after(4000), [Output::Disconnect(A), fatal(Fatal::Round)]);
}

#[test]
fn the_servers_last_word_ends_it_and_so_does_one_that_it_does_not_know() {
    let mut rig = Rig::new(Timing::LMS, Port::Tls);
    let done = Outcome::status("done");
    assert_eq!(rig.server(&ToRelay::Success(done.clone())), [Output::End(End::Success(done))]);
    let mut rig = Rig::new(Timing::LMS, Port::Tls);
    let frame = ToRelay::HeartbeatRequest.encode().unwrap();
    assert_eq!(rig.input(Input::Text(frame.clone())), [Output::Send(ToServer::HeartbeatResponse)]);
    let unknown = rig.input(Input::Text(frame.replace("heartbeat_request", "rekey")));
    assert!(matches!(unknown[..], [Output::End(End::Unknown(_))]), "{unknown:?}");
}
