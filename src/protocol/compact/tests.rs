use std::collections::VecDeque;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::stage::OpenFault;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::protocol::tests::a_hello;
use crate::protocol::tests::any as a_message;
use crate::protocol::{Data, Flaw, MAX_DATA, MAX_MESSAGE, Outcome};

const A: ChannelId = ChannelId(1);
const B: ChannelId = ChannelId(300);

fn id(n: u8) -> SessionId {
    SessionId::from_random([n; 16])
}

/// Every variant of the first version, once, with the bytes that stand for it for ever.
fn packets() -> Vec<(Packet, &'static [u8])> {
    let frame = || Data(vec![7, 8]);
    let resume: &[u8] = &[1, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 0x80, 1];
    let welcome: &[u8] = &[2, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 0];
    vec![
        (Packet::Begin, &[0]),
        (Packet::Resume { session: id(5), received: 128 }, resume),
        (Packet::Welcome { session: id(6), received: 0 }, welcome),
        (Packet::Unknown, &[3]),
        (Packet::Frame { at: 1, received: 300, frame: frame() }, &[4, 1, 0xAC, 2, 2, 7, 8]),
        (Packet::Received(9), &[5, 9]),
    ]
}

fn to_relay() -> Vec<(ToRelay, &'static [u8])> {
    vec![
        (ToRelay::Dial(A, Port::Plain), &[0, 1, 0]),
        (ToRelay::Dial(B, Port::Tls), &[0, 0xAC, 2, 1]),
        (ToRelay::Data(A, Data(vec![1, 2, 3])), &[1, 1, 3, 1, 2, 3]),
        (ToRelay::HangUp(A), &[2, 1]),
        (ToRelay::Progress("go".into()), &[3, 2, b'g', b'o']),
        (ToRelay::success(&Outcome::Text("ok".into())), &[4, 2, b'o', b'k']),
        (ToRelay::failure(&Outcome::Text("no".into())), &[5, 2, b'n', b'o']),
    ]
}

fn to_server() -> Vec<(ToServer, &'static [u8])> {
    vec![
        (ToServer::Opened(A), &[1, 1]),
        (ToServer::OpenFailed(A, OpenFault::Refused), &[2, 1, 0]),
        (ToServer::OpenFailed(A, OpenFault::ClosedAtOnce), &[2, 1, 1]),
        (ToServer::OpenFailed(A, OpenFault::TimedOut), &[2, 1, 2]),
        (ToServer::Data(B, Data(vec![9])), &[3, 0xAC, 2, 1, 9]),
        (ToServer::Lost(A), &[4, 1]),
    ]
}

fn holds<T: PartialEq + std::fmt::Debug>(
    what: &'static str,
    value: &T,
    golden: &[u8],
    encode: impl Fn(&T) -> Result<Zeroizing<Vec<u8>>, CompactError>,
    decode: impl Fn(&[u8]) -> Result<T, CompactError>,
) {
    assert_eq!(**encode(value).unwrap(), *golden, "{value:?}");
    assert_eq!(decode(golden).as_ref(), Ok(value));
    for length in 0..golden.len() {
        assert_eq!(decode(&golden[..length]), Err(CompactError::Unreadable(what)), "{length} bytes of {value:?}");
    }
    let longer = [golden, &[0, 0]].concat();
    assert_eq!(decode(&longer), Err(CompactError::TrailingBytes { what, count: 2 }), "{value:?}");
}

#[test]
fn what_the_first_version_says_is_read_for_ever_and_nothing_cut_off_or_longer_is() {
    for (packet, golden) in packets() {
        holds("packet", &packet, golden, Packet::encode, Packet::decode);
    }
    for (frame, golden) in to_relay() {
        holds("frame", &frame, golden, ToRelay::encode, ToRelay::decode);
    }
    for (frame, golden) in to_server() {
        holds("frame", &frame, golden, ToServer::encode, ToServer::decode);
    }
    let unreadable = Err(CompactError::Unreadable("packet"));
    assert_eq!(Packet::decode(&[6]), unreadable, "a packet of the future");
    assert_eq!(ToRelay::decode(&[0, 1, 2]), Err(CompactError::Unreadable("frame")), "a third port (G9)");
    assert_eq!(Packet::decode(&[4, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]), unreadable, "a length that is not there");
    assert_eq!(Packet::decode(&vec![4; MAX_PACKET + 1]), Err(CompactError::TooLong(MAX_PACKET + 1)));
}

#[test]
fn a_report_says_what_the_first_json_message_says() {
    let hello = a_hello();
    let bytes = ToServer::Report(Report::from(&hello)).encode().unwrap();
    let ToServer::Report(report) = ToServer::decode(&bytes).unwrap() else { panic!() };
    assert_eq!(report.hello(), Ok(hello.clone()));
    assert!(!format!("{report:?}").contains(hello.report.password.expose()));
    for length in 0..bytes.len() {
        assert!(ToServer::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    // Another UUID, one that no device has alone: the same judge as for JSON.
    let (uuid, zeros) = (hello.report.uuid.to_string(), "00000000-0000-0000-0000-000000000000");
    let at = bytes.windows(uuid.len()).position(|text| text == uuid.as_bytes()).unwrap();
    let mut placeholder = bytes.to_vec();
    placeholder[at..at + uuid.len()].copy_from_slice(zeros.as_bytes());
    let ToServer::Report(report) = ToServer::decode(&placeholder).unwrap() else { panic!() };
    assert!(matches!(report.hello(), Err(CompactError::Report(error)) if matches!(error.flaw, Flaw::Report { .. })));
}

#[test]
fn g10_the_longest_data_fits_a_packet_and_a_frame_that_does_not_is_not_made() {
    let frame = ToServer::Data(ChannelId(u32::MAX), Data(vec![0; MAX_DATA])).encode().unwrap();
    let packet = Packet::Frame { at: u64::MAX, received: u64::MAX, frame: Data(frame.to_vec()) };
    assert!(Packet::decode(&packet.encode().unwrap()).is_ok());
    assert!(ToRelay::Progress("x".repeat(MAX_MESSAGE)).encode().is_ok());
    assert!(matches!(ToRelay::Progress("x".repeat(MAX_PACKET)).encode(), Err(CompactError::OurFrame(_))));
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let session = || any::<[u8; 16]>().prop_map(SessionId::from_random);
    prop_oneof![
        Just(Packet::Begin),
        (session(), any::<u64>()).prop_map(|(session, received)| Packet::Resume { session, received }),
        (session(), any::<u64>()).prop_map(|(session, received)| Packet::Welcome { session, received }),
        Just(Packet::Unknown),
        (any::<u64>(), any::<u64>(), a_message::data()).prop_map(|(at, received, frame)| Packet::Frame {
            at,
            received,
            frame
        }),
        any::<u64>().prop_map(Packet::Received),
    ]
}

fn any_channel() -> impl Strategy<Value = ChannelId> {
    prop_oneof![0..300_u32, any::<u32>()].prop_map(ChannelId)
}

fn any_to_relay() -> impl Strategy<Value = ToRelay> {
    let port = prop::sample::select(vec![Port::Plain, Port::Tls]);
    prop_oneof![
        (any_channel(), port).prop_map(|(channel, port)| ToRelay::Dial(channel, port)),
        (any_channel(), a_message::data()).prop_map(|(channel, data)| ToRelay::Data(channel, data)),
        any_channel().prop_map(ToRelay::HangUp),
        any::<String>().prop_map(ToRelay::Progress),
        a_message::outcome().prop_map(|outcome| ToRelay::success(&outcome)),
        a_message::outcome().prop_map(|outcome| ToRelay::failure(&outcome)),
    ]
}

fn any_to_server() -> impl Strategy<Value = ToServer> {
    let fault = prop::sample::select(vec![OpenFault::Refused, OpenFault::ClosedAtOnce, OpenFault::TimedOut]);
    prop_oneof![
        a_message::hello().prop_map(|hello| ToServer::Report(Report::from(&hello))),
        any_channel().prop_map(ToServer::Opened),
        (any_channel(), fault).prop_map(|(channel, fault)| ToServer::OpenFailed(channel, fault)),
        (any_channel(), a_message::data()).prop_map(|(channel, data)| ToServer::Data(channel, data)),
        any_channel().prop_map(ToServer::Lost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A packet is a WebSocket message and a frame is in a packet: neither is ever read in pieces.
    #[test]
    fn any_packet_and_any_frame_is_read_as_it_was_written_and_no_part_of_it_is_one(
        packet in any_packet(), down in any_to_relay(), up in any_to_server(),
    ) {
        holds("packet", &packet, &packet.encode().unwrap(), Packet::encode, Packet::decode);
        holds("frame", &down, &down.encode().unwrap(), ToRelay::encode, ToRelay::decode);
        holds("frame", &up, &up.encode().unwrap(), ToServer::encode, ToServer::decode);
    }

    #[test]
    fn any_report_is_the_first_message_that_it_was_made_of(hello in a_message::hello()) {
        prop_assert_eq!(Report::from(&hello).hello(), Ok(hello));
    }
}

fn frame(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes.to_vec())
}

/// Five bytes sent as two frames, the first of them acknowledged.
fn sender() -> Resumable {
    let mut end = Resumable::new(16);
    end.push(frame(&[1, 2])).unwrap();
    end.push(frame(&[3, 4, 5])).unwrap();
    end.push(frame(&[6])).unwrap();
    end.poll_packet().unwrap();
    end.poll_packet().unwrap();
    end.acknowledge(2).unwrap();
    end
}

#[test]
fn an_acknowledgement_of_what_was_not_sent_or_of_half_a_frame_or_of_less_than_before_is_a_lie() {
    assert_eq!(sender().acknowledge(6), Err(Breach::Unsent { got: 6, sent: 5 }), "pushed and not sent");
    assert_eq!(sender().acknowledge(u64::MAX), Err(Breach::Unsent { got: u64::MAX, sent: 5 }));
    assert_eq!(sender().acknowledge(4), Err(Breach::Torn { got: 4 }));
    assert_eq!(sender().acknowledge(0), Err(Breach::Torn { got: 0 }));
    assert_eq!(sender().resume(0), Err(Breach::Torn { got: 0 }), "it is not kept any more");
    assert_eq!(sender().acknowledge(5), Ok(()));
    assert_eq!(sender().receive(0, 9, Data(vec![1])), Err(Breach::Unsent { got: 9, sent: 5 }));
}

#[test]
fn a_frame_with_a_gap_before_it_or_half_known_is_a_lie_and_a_known_one_is_passed_over() {
    let mut end = Resumable::new(16);
    assert_eq!(end.receive(0, 0, Data(vec![1, 2])), Ok(Some(vec![1, 2])));
    assert_eq!(end.receive(0, 0, Data(vec![1, 2])), Ok(None));
    assert_eq!(end.receive(1, 0, Data(vec![2])), Ok(None));
    assert_eq!(end.receive(1, 0, Data(vec![2, 3])), Err(Breach::Overlap { at: 1, expected: 2 }));
    assert_eq!(end.receive(3, 0, Data(vec![4])), Err(Breach::Gap { at: 3, expected: 2 }));
    assert_eq!(end.receive(u64::MAX, 0, Data(vec![4])), Err(Breach::Gap { at: u64::MAX, expected: 2 }));
    assert_eq!(end.receive(2, 0, Data(Vec::new())), Err(Breach::Empty));
    assert_eq!(end.received(), 2);
}

#[test]
fn g10_what_is_not_acknowledged_is_bounded_and_what_is_received_is_acknowledged_in_time() {
    let (mut from, mut to) = (Resumable::new(4 * ACK_EVERY as usize), Resumable::new(0));
    for _ in 0..1000 {
        from.push(frame(&[0; 1000])).expect("acknowledged in time");
        while let Some(packet) = from.poll_packet() {
            let Packet::Frame { at, received, frame } = packet else { panic!("{packet:?}") };
            to.receive(at, received, frame).unwrap();
        }
        if let Some(Packet::Received(count)) = to.poll_packet() {
            from.acknowledge(count).unwrap();
        }
    }
    let mut deaf = Resumable::new(3);
    deaf.push(frame(&[0; 3])).unwrap();
    assert_eq!(deaf.push(frame(&[0])), Err(Full(3)));
}

/// What happens to a session. Numbers say how many.
#[derive(Clone, Debug)]
enum Act {
    Push(usize, Vec<u8>),
    /// So many packets leave an end.
    Send(usize, u8),
    /// So many arrive from an end.
    Arrive(usize, u8),
    /// The WebSocket is gone, and with it what is under way.
    Cut,
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = proptest::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        4 => (0..2usize, bytes).prop_map(|(end, bytes)| Act::Push(end, bytes)),
        4 => (0..2usize, 1..5u8).prop_map(|(end, count)| Act::Send(end, count)),
        4 => (0..2usize, 1..5u8).prop_map(|(end, count)| Act::Arrive(end, count)),
        1 => Just(Act::Cut),
    ]
}

/// Two ends, and what is under way from each.
struct Pair {
    ends: [Resumable; 2],
    way: [VecDeque<Packet>; 2],
    pushed: [Vec<Vec<u8>>; 2],
    heard: [Vec<Vec<u8>>; 2],
}

impl Pair {
    fn arrive(&mut self, from: usize) {
        let Some(packet) = self.way[from].pop_front() else { return };
        let to = 1 - from;
        match packet {
            Packet::Frame { at, received, frame } => {
                self.heard[from].extend(self.ends[to].receive(at, received, frame).expect("honest"));
            }
            Packet::Received(count) => self.ends[to].acknowledge(count).expect("honest"),
            other => panic!("{other:?}"),
        }
    }

    fn cut(&mut self) {
        self.way.iter_mut().for_each(VecDeque::clear);
        let received = [self.ends[0].received(), self.ends[1].received()];
        self.ends[0].resume(received[1]).expect("honest");
        self.ends[1].resume(received[0]).expect("honest");
    }

    fn acts(&mut self, act: Act) {
        match act {
            Act::Push(end, bytes) => {
                self.ends[end].push(frame(&bytes)).expect("room");
                self.pushed[end].push(bytes);
            }
            Act::Send(end, count) => {
                for _ in 0..count {
                    self.way[end].extend(self.ends[end].poll_packet());
                }
            }
            Act::Arrive(end, count) => (0..count).for_each(|_| self.arrive(end)),
            Act::Cut => self.cut(),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_cut_each_frame_arrives_once_and_in_order(acts in proptest::collection::vec(act(), 0..200)) {
        let end = || Resumable::new(1 << 20);
        let mut pair =
            Pair { ends: [end(), end()], way: Default::default(), pushed: Default::default(), heard: Default::default() };
        for act in acts {
            pair.acts(act);
            for from in 0..2 {
                prop_assert!(pair.pushed[from].starts_with(&pair.heard[from]));
            }
        }
        pair.cut();
        for from in [0, 1] {
            while let Some(packet) = pair.ends[from].poll_packet() {
                pair.way[from].push_back(packet);
            }
            while !pair.way[from].is_empty() {
                pair.arrive(from);
            }
        }
        prop_assert_eq!(&pair.heard, &pair.pushed);
        pair.cut();
        prop_assert!(pair.ends.iter().all(Resumable::is_settled));
    }

    #[test]
    fn no_bytes_and_no_offsets_panic(bytes: Vec<u8>, at: u64, received: u64, again: u64) {
        let _ = (Packet::decode(&bytes), ToRelay::decode(&bytes), ToServer::decode(&bytes));
        let mut end = sender();
        let _ = end.receive(at, received, Data(bytes));
        let _ = (end.resume(again), end.poll_packet(), end.acknowledgement());
    }
}
