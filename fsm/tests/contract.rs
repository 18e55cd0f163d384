//! The calling contract of the two machines, under any inputs in any order.

use amt_provision_fsm::edges::{Place, edges};
use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port, ProvisioningState};
use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::peer::{Peer, Voucher};
use amt_provision_fsm::policy::{DeviceReport, LocalTls, Order};
use amt_provision_fsm::provisioner::{ChannelId, Input, Output, Provisioner, StoreFault};
use amt_provision_fsm::record::{Generation, Ledger, Record};
use amt_provision_fsm::relay::{Limits, Relay, RelayInput, RelayOutput, RelayState};
use amt_provision_fsm::request::{
    DigestRealm, FirmwareNonce, KeyHandle, KeyPair, Refusal, Reply, RequestId, TlsSettings,
};
use amt_provision_fsm::sim::daring;
use amt_provision_fsm::stage::{OpenFault, TlsFault};
use amt_provision_fsm::time::{Instant, Millis};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

fn uuid() -> Uuid {
    Uuid::from_bytes([3; 16]).expect("no placeholder")
}

fn report() -> impl Strategy<Value = DeviceReport> {
    (prop_oneof![Just(16u16), Just(19)], any::<bool>(), 0u32..3).prop_map(|(major, tls, mode)| DeviceReport {
        uuid: uuid(),
        version: AmtVersion::new(major, 0),
        mode: ControlMode::from_code(mode).expect("0 to 2 are modes"),
        local_tls: if tls { LocalTls::On } else { LocalTls::Off },
    })
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => Just(Reply::Done),
        2 => Just(Reply::GeneralSettings(DigestRealm([1; 16]))),
        2 => Just(Reply::Uuid(uuid())),
        3 => (0u32..3).prop_map(|mode| {
            Reply::ControlMode(ControlMode::from_code(mode).expect("a mode"), FirmwareNonce([mode as u8; 20]))
        }),
        3 => (0u32..3).prop_map(|state| {
            Reply::ProvisioningState(ProvisioningState::from_code(state).expect("a state"))
        }),
        2 => vec(0u8..4, 0..3).prop_map(|keys| Reply::KeyPairs(keys.into_iter().map(key).collect())),
        1 => Just(Reply::Certificates(Vec::new())),
        1 => Just(Reply::CredentialContext(None)),
        1 => any::<(bool, bool)>().prop_map(|(remote, local)| Reply::TlsSettings(TlsSettings { remote, local })),
        2 => prop_oneof![
            Just(Refusal::Unauthorized),
            any::<u16>().prop_map(|code| Refusal::ReturnValue(code.into())),
            Just(Refusal::AlreadyExists),
            Just(Refusal::Fault(500)),
            Just(Refusal::Unintelligible),
        ].prop_map(Reply::Refused),
    ]
}

fn key(n: u8) -> KeyPair {
    KeyPair { handle: KeyHandle(format!("Handle: {n}")), spki: SpkiHash::from_bytes([n; 32]), public_key: vec![n] }
}

/// An input as a peer or a store could send it, right or wrong.
fn input() -> impl Strategy<Value = Input> {
    let channel = || (0u32..6).prop_map(ChannelId);
    let peer = (0u8..5, any::<bool>()).prop_map(|(n, odca)| Peer {
        spki: SpkiHash::from_bytes([n; 32]),
        voucher: if odca { Voucher::Odca(RomCaHash::from_bytes([n; 32])) } else { Voucher::Nobody },
    });
    prop_oneof![
        1 => report().prop_map(Input::Report),
        3 => channel().prop_map(Input::Opened),
        1 => channel().prop_map(|id| Input::OpenFailed(id, OpenFault::Refused)),
        3 => (channel(), peer).prop_map(|(id, peer)| Input::TlsUp(id, peer)),
        1 => channel().prop_map(|id| Input::TlsFailed(id, TlsFault::Broken)),
        8 => (0u32..24, reply()).prop_map(|(id, reply)| Input::Reply(RequestId(id), reply)),
        1 => channel().prop_map(Input::ChannelLost),
        1 => Just(Input::LineLost),
        4 => (1u64..9).prop_map(|generation| Input::Persisted(Generation(generation))),
        1 => (1u64..9).prop_map(|generation| Input::PersistFailed(Generation(generation), StoreFault::Failed)),
        1 => Just(Input::LeaseLost),
        1 => Just(Input::Stopping),
        1 => Just(Input::NotIssued),
    ]
}

/// What a driver would answer to an output, so that half of the inputs fit and the run gets somewhere.
fn fitting(output: &Output, reply: Reply) -> Option<Input> {
    match output {
        Output::Open(id, _) => Some(Input::Opened(*id)),
        Output::StartTls(id, _) => {
            let voucher = Voucher::Odca(RomCaHash::from_bytes([1; 32]));
            Some(Input::TlsUp(*id, Peer { spki: SpkiHash::from_bytes([1; 32]), voucher }))
        }
        Output::Request { id, .. } => Some(Input::Reply(*id, reply)),
        Output::Persist(generation, _) => Some(Input::Persisted(*generation)),
        Output::Issue(_) | Output::Close(_) | Output::Moved(_) | Output::Done(_) => None,
    }
}

/// One thing that a driver does.
#[derive(Clone, Debug)]
enum Step {
    /// It hands any input over.
    Give(Input),
    /// It answers the last output, with this reply where that was a request.
    Fit(Reply),
    /// It sleeps for as long as it likes, and then does what is due.
    Sleep(Millis),
    /// It sleeps exactly to the deadline.
    ToDeadline,
}

/// What the contract knows of a run: the first report, and the clock.
#[derive(Clone, Debug)]
struct Driver {
    first: DeviceReport,
    slept: Millis,
}

impl ReferenceStateMachine for Driver {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        report().prop_map(|first| Self { first, slept: Millis(0) }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Step> {
        prop_oneof![
            6 => input().prop_map(Step::Give),
            6 => reply().prop_map(Step::Fit),
            1 => (0u64..100_000).prop_map(|length| Step::Sleep(Millis(length))),
            1 => Just(Step::ToDeadline),
        ]
        .boxed()
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        if let Step::Sleep(length) = step {
            state.slept = Millis(state.slept.0 + length.0);
        }
        state
    }
}

/// A run, and what it has put out.
struct Held {
    run: Provisioner,
    now: Instant,
    place: Option<Place>,
    last: Option<Output>,
}

impl Held {
    /// Takes all outputs, as the contract wants it after every input; their number.
    fn drain(&mut self) -> u32 {
        let mut count = 0;
        while let Some(output) = self.run.poll_output() {
            count += 1;
            assert!(count < 64, "outputs without end");
            if let Output::Moved(edge) = &output {
                assert!(edges().any(|declared| declared == *edge), "{edge} is not declared");
                assert!(self.place.is_none_or(|place| place == edge.from), "{edge} after {:?}", self.place);
                self.place = Some(edge.to);
            }
            self.last = Some(output);
        }
        count
    }

    fn wake(&mut self) {
        self.run.handle_timeout(self.now);
    }
}

impl StateMachineTest for Held {
    type SystemUnderTest = Self;
    type Reference = Driver;

    fn init_test(driver: &Driver) -> Self {
        let ledger = Ledger::unknown(Record::new(uuid()));
        let run = Provisioner::new(Instant::ZERO, ledger, daring(), Order::Provision, driver.first);
        let mut held = Self { run, now: Instant::ZERO, place: None, last: None };
        held.drain();
        held
    }

    fn apply(mut held: Self, _: &Driver, step: Step) -> Self {
        let ended = held.run.outcome().cloned();
        match step {
            Step::Give(input) => held.run.handle(held.now, input),
            Step::Fit(reply) => {
                if let Some(input) = held.last.as_ref().and_then(|output| fitting(output, reply)) {
                    held.run.handle(held.now, input);
                }
            }
            Step::Sleep(length) => {
                held.now = held.now + length;
                held.wake();
            }
            Step::ToDeadline => {
                held.now = held.run.poll_timeout().map_or(held.now, |(at, _)| at);
                held.wake();
            }
        }
        let count = held.drain();
        if ended.is_some() {
            assert_eq!(held.run.outcome(), ended.as_ref(), "an end absorbs");
            assert_eq!(count, 0, "nothing comes after the end");
        }
        held
    }

    fn check_invariants(held: &Self, driver: &Driver) {
        assert!(held.now.as_millis() >= driver.slept.0, "time went back");
        match held.run.poll_timeout() {
            Some((at, _)) => assert!(at > held.now, "due at once"),
            None => assert!(held.run.outcome().is_some(), "waits for ever at {}", held.run.place()),
        }
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Any inputs: no panic, bounded outputs, declared and contiguous edges, a deadline until the end, time
    /// that goes on after a deadline, and an end that absorbs.
    #[test]
    fn the_provisioner_keeps_its_contract(sequential 1..80 => Held);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Bytes in are bytes out, in order, per direction and channel; credits bound what is under way.
    #[test]
    fn the_relay_is_a_pipe(steps in vec((0u8..8, vec(any::<u8>(), 0..400), any::<u16>()), 1..120)) {
        let limits = Limits { to_device: 1000, to_server: 1500, ..Limits::DEFAULT };
        let mut relay = Relay::new(Instant::ZERO, limits);
        let mut dialled = ChannelId(0);
        let (mut given, mut taken): (Vec<u8>, Vec<u8>) = Default::default();
        let (mut sent, mut received): (Vec<u8>, Vec<u8>) = Default::default();
        let (mut to_server, mut to_device) = (0usize, 0usize);
        relay.handle(Instant::ZERO, RelayInput::Surveyed);
        for (kind, bytes, number) in steps {
            let open = relay.state() == RelayState::Pumping(dialled);
            match kind {
                0 => {
                    dialled = ChannelId(dialled.0 + 1);
                    (given, taken, sent, received) = Default::default();
                    to_device = 0;
                    relay.handle(Instant::ZERO, RelayInput::Dial(dialled, Port::Tls));
                }
                1 => relay.handle(Instant::ZERO, RelayInput::Connected(dialled)),
                2 | 3 if open && relay.line_credit().is_some_and(|credit| credit >= bytes.len()) => {
                    given.extend(&bytes);
                    relay.handle(Instant::ZERO, RelayInput::FromServer(dialled, bytes));
                }
                4 | 5 if open && relay.device_credit().is_some_and(|credit| credit >= bytes.len()) => {
                    sent.extend(&bytes);
                    relay.handle(Instant::ZERO, RelayInput::FromDevice(dialled, bytes));
                }
                6 => {
                    let count = to_server.min(number.into());
                    to_server -= count;
                    relay.handle(Instant::ZERO, RelayInput::SentToServer(count));
                }
                _ => {
                    let count = to_device.min(number.into());
                    to_device -= count;
                    relay.handle(Instant::ZERO, RelayInput::SentToDevice(dialled, count));
                }
            }
            while let Some(output) = relay.poll_output() {
                match output {
                    RelayOutput::ToDevice(id, bytes) => {
                        prop_assert_eq!(id, dialled);
                        to_device += bytes.len();
                        taken.extend(bytes);
                    }
                    RelayOutput::ToServer(id, bytes) => {
                        prop_assert_eq!(id, dialled);
                        to_server += bytes.len();
                        received.extend(bytes);
                    }
                    RelayOutput::Close(why) => prop_assert!(false, "closed: {why:?}"),
                    _ => {}
                }
            }
            prop_assert!(to_device <= limits.to_device && to_server <= limits.to_server);
            prop_assert_eq!(&given, &taken);
            prop_assert_eq!(&sent, &received);
        }
    }
}

/// Found by the world: after a machine had slept, the relay gave its stuck channel up and was due again at once.
#[test]
fn a_relay_that_wakes_up_late_does_everything_that_is_due_at_once() {
    let limits = Limits::DEFAULT;
    let mut relay = Relay::new(Instant::ZERO, limits);
    relay.handle(Instant::ZERO, RelayInput::Surveyed);
    relay.handle(Instant::ZERO, RelayInput::Dial(ChannelId(1), Port::Tls));
    relay.handle(Instant::ZERO, RelayInput::Connected(ChannelId(1)));
    relay.handle(Instant::ZERO, RelayInput::FromServer(ChannelId(1), vec![1]));
    let late = Instant::ZERO + limits.server + limits.stuck;
    relay.handle_timeout(late);
    while relay.poll_output().is_some() {}
    assert!(relay.poll_timeout().is_none_or(|(at, _)| at > late), "{:?}", relay.poll_timeout());
}

/// Found by drawing the matrix: a relay that said of an open port that it was closed left the connection open and the
/// run without it; and a verdict on a handshake that was never begun ended the run.
#[test]
fn an_answer_of_another_step_of_the_opening_changes_nothing() {
    let device = DeviceReport {
        uuid: uuid(),
        version: AmtVersion::new(19, 0),
        mode: ControlMode::PreProvisioning,
        local_tls: LocalTls::On,
    };
    let ledger = Ledger::unknown(Record::new(uuid()));
    let mut run = Provisioner::new(Instant::ZERO, ledger, daring(), Order::Provision, device);
    while run.poll_output().is_some() {}
    let id = run.channel().expect("the port is being opened");
    run.handle(Instant::ZERO, Input::TlsFailed(id, TlsFault::Stranger(None)));
    assert_eq!((run.poll_output(), run.channel()), (None, Some(id)));
    run.handle(Instant::ZERO, Input::Opened(id));
    assert!(matches!(run.poll_output(), Some(Output::StartTls(..))));
    run.handle(Instant::ZERO, Input::OpenFailed(id, OpenFault::Refused));
    assert_eq!((run.poll_output(), run.channel()), (None, Some(id)));
}

#[test]
fn a_relay_gives_up_a_channel_whose_line_is_stuck_and_drops_what_comes_after_a_close() {
    let mut relay = Relay::new(Instant::ZERO, Limits::DEFAULT);
    let outputs = |relay: &mut Relay| core::iter::from_fn(|| relay.poll_output()).collect::<Vec<_>>();
    relay.handle(Instant::ZERO, RelayInput::Surveyed);
    relay.handle(Instant::ZERO, RelayInput::Dial(ChannelId(7), Port::Tls));
    relay.handle(Instant::ZERO, RelayInput::Connected(ChannelId(7)));
    relay.handle(Instant::ZERO, RelayInput::FromDevice(ChannelId(7), vec![1, 2, 3]));
    relay.handle(Instant::ZERO, RelayInput::DeviceClosed(ChannelId(7)));
    let before = outputs(&mut relay);
    assert!(!before.contains(&RelayOutput::Lost(ChannelId(7))), "its last bytes are still on their way");
    relay.handle(Instant::ZERO, RelayInput::SentToServer(3));
    assert_eq!(outputs(&mut relay), [RelayOutput::Lost(ChannelId(7))]);
    relay.handle(Instant::ZERO, RelayInput::FromServer(ChannelId(7), vec![9]));
    assert_eq!(outputs(&mut relay), []);

    relay.handle(Instant::ZERO, RelayInput::Dial(ChannelId(8), Port::Plain));
    relay.handle(Instant::ZERO, RelayInput::Connected(ChannelId(8)));
    relay.handle(Instant::ZERO, RelayInput::FromServer(ChannelId(8), vec![1]));
    outputs(&mut relay);
    relay.handle_timeout(Instant::ZERO + Limits::DEFAULT.stuck + Millis(1));
    assert!(outputs(&mut relay).contains(&RelayOutput::Lost(ChannelId(8))), "the device takes nothing");
}
