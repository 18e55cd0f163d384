//! The relay's machine, case by case: what each input means in each state, at the limits and at the deadlines (G8, G9, G10).
//! That bytes in are bytes out under any order of inputs is `contract.rs`'s.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Close, Limits, Relay, RelayInput, RelayOutput, RelayState, RelayWake};
use amt_provision_fsm::stage::OpenFault;
use amt_provision_fsm::time::{Instant, Millis};

const LIMITS: Limits = Limits { to_device: 8, to_server: 8, ..Limits::DEFAULT };
const OURS: ChannelId = ChannelId(7);
const ANOTHER: ChannelId = ChannelId(6);

struct Rig {
    relay: Relay,
    now: Instant,
}

impl Rig {
    fn surveying() -> Self {
        let mut rig = Self { relay: Relay::new(Instant::ZERO, LIMITS), now: Instant::ZERO };
        assert_eq!(rig.said(), [RelayOutput::Survey]);
        rig
    }

    fn idle() -> Self {
        let mut rig = Self::surveying();
        assert_eq!(rig.told(RelayInput::Surveyed), [RelayOutput::Report]);
        rig
    }

    fn dialling() -> Self {
        let mut rig = Self::idle();
        assert_eq!(rig.told(RelayInput::Dial(OURS, Port::Tls)), [RelayOutput::Connect(OURS, Port::Tls)]);
        rig
    }

    fn pumping() -> Self {
        let mut rig = Self::dialling();
        assert_eq!(rig.told(RelayInput::Connected(OURS)), [RelayOutput::Opened(OURS)]);
        rig
    }

    fn after(mut self, pause: Millis) -> Self {
        self.now = self.now + pause;
        self
    }

    fn said(&mut self) -> Vec<RelayOutput> {
        std::iter::from_fn(|| self.relay.poll_output()).collect()
    }

    fn told(&mut self, input: RelayInput) -> Vec<RelayOutput> {
        self.relay.handle(self.now, input);
        self.said()
    }

    /// Nothing is said, and nothing is any different.
    #[track_caller]
    fn ignores(&mut self, input: RelayInput) {
        let before = (self.relay.state(), self.relay.line_credit(), self.relay.device_credit());
        assert_eq!(self.told(input), []);
        assert_eq!((self.relay.state(), self.relay.line_credit(), self.relay.device_credit()), before);
    }

    /// How long from now until that is due.
    fn due(&self) -> Option<(Millis, RelayWake)> {
        self.relay.poll_timeout().map(|(at, wake)| (at.since(self.now), wake))
    }
}

fn bytes(count: usize) -> Vec<u8> {
    vec![0x5a; count]
}

#[test]
fn a_firmware_that_cannot_be_asked_is_an_end_and_later_news_of_that_is_none() {
    let mut rig = Rig::surveying();
    assert_eq!(rig.told(RelayInput::SurveyFailed), [RelayOutput::Close(Close::SurveyFailed)]);
    Rig::idle().ignores(RelayInput::SurveyFailed);
    Rig::pumping().ignores(RelayInput::SurveyFailed);
    Rig::pumping().ignores(RelayInput::Surveyed);
}

#[test]
fn nothing_is_dialled_before_the_firmware_was_asked() {
    Rig::surveying().ignores(RelayInput::Dial(OURS, Port::Tls));
}

#[test]
fn what_concerns_another_connection_changes_nothing() {
    for input in [
        RelayInput::Connected(ANOTHER),
        RelayInput::NotConnected(ANOTHER, OpenFault::Refused),
        RelayInput::DeviceClosed(ANOTHER),
        RelayInput::HangUp(ANOTHER),
        RelayInput::FromDevice(ANOTHER, bytes(1)),
        RelayInput::FromServer(ANOTHER, bytes(1)),
    ] {
        Rig::dialling().ignores(input.clone());
        let mut rig = Rig::pumping();
        rig.told(RelayInput::FromServer(OURS, bytes(3)));
        rig.told(RelayInput::FromDevice(OURS, bytes(2)));
        rig.ignores(input);
        rig.ignores(RelayInput::SentToDevice(ANOTHER, 3));
    }
}

#[test]
fn a_port_opens_refuses_or_closes_at_once_and_the_server_hears_which() {
    let mut refused = Rig::dialling();
    let answer = refused.told(RelayInput::NotConnected(OURS, OpenFault::Refused));
    assert_eq!(
        (answer, refused.relay.state()),
        (vec![RelayOutput::OpenFailed(OURS, OpenFault::Refused)], RelayState::Idle)
    );
    let mut closed = Rig::dialling();
    let answer = closed.told(RelayInput::DeviceClosed(OURS));
    assert_eq!(answer, [RelayOutput::OpenFailed(OURS, OpenFault::ClosedAtOnce)]);
    Rig::pumping().ignores(RelayInput::NotConnected(OURS, OpenFault::Refused));
}

#[test]
fn a_hang_up_and_the_next_dial_close_what_is_open() {
    for mut rig in [Rig::dialling(), Rig::pumping()] {
        assert_eq!(rig.told(RelayInput::HangUp(OURS)), [RelayOutput::Disconnect(OURS)]);
        assert_eq!(rig.relay.state(), RelayState::Idle);
    }
    let mut rig = Rig::pumping();
    let next = ChannelId(8);
    let both = [RelayOutput::Disconnect(OURS), RelayOutput::Connect(next, Port::Plain)];
    assert_eq!(rig.told(RelayInput::Dial(next, Port::Plain)), both);
}

#[test]
fn g10_the_server_may_send_what_it_has_credit_for_and_not_a_byte_more() {
    let mut rig = Rig::pumping();
    assert_eq!(rig.relay.line_credit(), Some(8));
    assert_eq!(rig.told(RelayInput::FromServer(OURS, bytes(8))), [RelayOutput::ToDevice(OURS, bytes(8))]);
    assert_eq!(rig.relay.line_credit(), Some(0));
    rig.told(RelayInput::SentToDevice(OURS, 3));
    assert_eq!(rig.relay.line_credit(), Some(3));
    let flooded = [RelayOutput::Disconnect(OURS), RelayOutput::Close(Close::ServerFlooded)];
    assert_eq!(rig.told(RelayInput::FromServer(OURS, bytes(4))), flooded);
    assert_eq!((rig.relay.line_credit(), rig.relay.device_credit()), (None, None), "an ended relay takes nothing");
    assert_eq!(rig.relay.poll_timeout(), None);
}

#[test]
fn g10_a_device_may_be_ahead_of_the_line_by_its_limit_and_not_a_byte_more() {
    let mut rig = Rig::pumping();
    assert_eq!(rig.relay.device_credit(), Some(8));
    assert_eq!(rig.told(RelayInput::FromDevice(OURS, bytes(8))), [RelayOutput::ToServer(OURS, bytes(8))]);
    rig.told(RelayInput::SentToServer(5));
    assert_eq!(rig.relay.device_credit(), Some(5));
    let given_up = [RelayOutput::Disconnect(OURS), RelayOutput::Lost(OURS)];
    assert_eq!(rig.told(RelayInput::FromDevice(OURS, bytes(6))), given_up);
    assert_eq!((rig.relay.state(), rig.relay.device_credit()), (RelayState::Idle, None));
}

#[test]
fn nothing_is_made_of_no_bytes() {
    let mut rig = Rig::pumping();
    rig.ignores(RelayInput::FromServer(OURS, bytes(0)));
    rig.ignores(RelayInput::FromDevice(OURS, bytes(0)));
}

/// There is no half-close on this path (odca.md §3).
#[test]
fn a_device_that_closes_is_lost_once_its_last_bytes_have_left() {
    let mut rig = Rig::pumping();
    assert_eq!(rig.told(RelayInput::DeviceClosed(OURS)), [RelayOutput::Disconnect(OURS), RelayOutput::Lost(OURS)]);

    let mut rig = Rig::pumping();
    rig.told(RelayInput::FromServer(OURS, bytes(2)));
    rig.told(RelayInput::FromDevice(OURS, bytes(3)));
    assert_eq!(rig.told(RelayInput::DeviceClosed(OURS)), [RelayOutput::Disconnect(OURS)]);
    assert_eq!((rig.relay.state(), rig.relay.line_credit()), (RelayState::Draining(OURS), Some(8)));
    rig.ignores(RelayInput::SentToServer(2));
    assert_eq!(rig.told(RelayInput::SentToServer(1)), [RelayOutput::Lost(OURS)]);

    let mut rig = Rig::pumping();
    rig.told(RelayInput::FromDevice(OURS, bytes(3)));
    rig.told(RelayInput::DeviceClosed(OURS));
    assert_eq!(rig.told(RelayInput::HangUp(OURS)), [], "the connection is closed, and the server wants nothing more");
    assert_eq!(rig.relay.state(), RelayState::Idle);
}

#[test]
fn g8_every_state_waits_for_something_and_not_for_ever() {
    assert_eq!(Rig::surveying().due(), Some((LIMITS.survey, RelayWake::Survey)));
    assert_eq!(Rig::idle().due(), Some((LIMITS.server, RelayWake::Server)));
    assert_eq!(Rig::dialling().due(), Some((LIMITS.connect, RelayWake::Connect)));
    assert_eq!(Rig::pumping().due(), Some((LIMITS.server, RelayWake::Server)));

    let mut rig = Rig::dialling().after(LIMITS.connect);
    rig.relay.handle_timeout(rig.now);
    let timed_out = [RelayOutput::Disconnect(OURS), RelayOutput::OpenFailed(OURS, OpenFault::TimedOut)];
    assert_eq!(rig.said(), timed_out);
    let mut rig = Rig::idle().after(LIMITS.server);
    rig.relay.handle_timeout(rig.now);
    assert_eq!(rig.said(), [RelayOutput::Close(Close::Deadline(RelayWake::Server))]);
}

#[test]
fn g8_a_word_of_the_server_begins_its_time_anew_also_one_that_changes_nothing() {
    let minute = Millis::from_secs(60);
    let mut rig = Rig::pumping().after(minute);
    rig.told(RelayInput::HangUp(ANOTHER));
    assert_eq!(rig.due(), Some((LIMITS.server, RelayWake::Server)));
    let mut rig = Rig::pumping().after(minute);
    rig.told(RelayInput::FromServer(OURS, bytes(0)));
    assert_eq!(rig.due(), Some((LIMITS.server, RelayWake::Server)));
}

#[test]
fn g8_bytes_are_stuck_when_the_first_of_them_has_waited_too_long_and_not_before() {
    let (pause, moment) = (Millis::from_secs(100), Millis::from_secs(10));
    // Long silence is no reason to be in a hurry with what comes then; and more bytes are none to wait longer.
    let mut rig = Rig::pumping().after(pause);
    rig.told(RelayInput::FromServer(OURS, bytes(1)));
    assert_eq!(rig.due(), Some((LIMITS.stuck, RelayWake::DeviceStuck)));
    let mut rig = rig.after(moment);
    rig.told(RelayInput::FromServer(OURS, bytes(1)));
    assert_eq!(rig.due().map(|(left, _)| left.0 + moment.0), Some(LIMITS.stuck.0));
    rig.told(RelayInput::SentToDevice(OURS, 1));
    assert_eq!(rig.due(), Some((LIMITS.stuck, RelayWake::DeviceStuck)), "it moves");
    let mut rig = rig.after(LIMITS.stuck);
    rig.relay.handle_timeout(rig.now);
    assert_eq!(rig.said(), [RelayOutput::Disconnect(OURS), RelayOutput::Lost(OURS)]);

    let mut rig = Rig::pumping().after(pause);
    rig.told(RelayInput::FromDevice(OURS, bytes(1)));
    assert_eq!(rig.due(), Some((LIMITS.stuck, RelayWake::LineStuck)));
    let mut rig = rig.after(moment);
    rig.told(RelayInput::FromDevice(OURS, bytes(1)));
    assert_eq!(rig.due().map(|(left, _)| left.0 + moment.0), Some(LIMITS.stuck.0));
    rig.told(RelayInput::SentToServer(1));
    assert_eq!(rig.due(), Some((LIMITS.stuck, RelayWake::LineStuck)));
    let mut rig = rig.after(LIMITS.stuck);
    rig.relay.handle_timeout(rig.now);
    let ended = [RelayOutput::Disconnect(OURS), RelayOutput::Close(Close::Deadline(RelayWake::LineStuck))];
    assert_eq!(rig.said(), ended);
}

#[test]
fn what_has_not_been_taken_is_due_at_once() {
    let relay = Relay::new(Instant::ZERO, LIMITS);
    assert_eq!(relay.poll_timeout(), Some((Instant::ZERO, RelayWake::QueuedOutput)));
}

/// A request with a chain in it is some kilobytes, and so is a TLS flight; a list of certificates is some more. They go
/// through in one piece, and no relay holds more than this for a peer that takes nothing.
#[test]
fn g10_in_production_a_relay_holds_hundreds_of_kilobytes_and_no_more() {
    let mut relay = Relay::new(Instant::ZERO, Limits::DEFAULT);
    for input in [RelayInput::Surveyed, RelayInput::Dial(OURS, Port::Tls), RelayInput::Connected(OURS)] {
        relay.handle(Instant::ZERO, input);
    }
    let kilobytes = 1024;
    assert_eq!(relay.line_credit(), Some(256 * kilobytes));
    assert_eq!(relay.device_credit(), Some(1024 * kilobytes));
}
