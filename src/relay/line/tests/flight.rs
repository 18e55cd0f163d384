//! Where the device's TLS bytes are cut.

use proptest::prelude::*;

use amt_provision_fsm::time::{Instant, Millis};

use super::tls::{self, record};
use crate::protocol::MAX_DATA;
use crate::relay::line::flight::{BRISK, Due, Flight, HELD, PATIENT, TooLong, UNANSWERED};
use crate::relay::line::records::SEALED;

/// How long the device lets pass before a chunk.
type Script = Vec<(usize, u64)>;

/// What a server gets from `stream`, cut and delayed as `script` says.
struct Delivery {
    flight: Flight,
    messages: Vec<Vec<u8>>,
    /// Whether a flight was not at its end when it left.
    refuted: bool,
    now: Instant,
}

impl Delivery {
    fn new() -> Self {
        Self { flight: Flight::new(BRISK), messages: Vec::new(), refuted: false, now: Instant::ZERO }
    }

    fn wait(&mut self, until: Instant) {
        while let Some(at) = self.flight.deadline().filter(|at| *at <= until) {
            match self.flight.expire(at) {
                Some(Due::Message(message)) => self.messages.push(message),
                Some(Due::Rest(messages)) => {
                    self.messages.extend(messages);
                    self.refuted = true;
                }
                Some(Due::Stuck) => break,
                None => panic!("a deadline at which nothing is due"),
            }
        }
        self.now = until;
    }

    fn run(mut self, stream: &[u8], script: &Script) -> Self {
        let mut taken = 0;
        for &(cut, pause) in script.iter().cycle() {
            self.wait(self.now + Millis(pause));
            let end = (taken + cut).min(stream.len());
            self.messages.extend(self.flight.feed(self.now, stream[taken..end].to_vec()).unwrap());
            taken = end;
            if taken == stream.len() {
                break;
            }
        }
        self
    }
}

fn script(pause: u64) -> impl Strategy<Value = Script> {
    prop::collection::vec((1_usize..900, 0..=pause), 1..30)
}

fn any_flight() -> impl Strategy<Value = Vec<u8>> {
    // Bodies full of 0x17 are the hard case: every cut inside of a record would begin with it.
    prop_oneof![
        (23_usize..60, 300_usize..5000, 80_usize..300)
            .prop_map(|(extensions, certificate, verify)| tls::server_flight_13(&[extensions, certificate, verify])),
        (300_usize..16_000).prop_map(|all| tls::sealed_flight_13(&[all])),
        prop::collection::vec(17_usize..3000, 1..6).prop_map(|sizes| tls::sealed_flight_13(&sizes)),
        (200_usize..5000).prop_map(tls::server_flight_12),
        (200_usize..5000).prop_map(|size| [tls::hello_retry(), tls::server_flight_13(&[30, size, 120])].concat()),
    ]
}

proptest! {
    #[test]
    fn no_message_begins_with_0x17_before_the_servers_handshake_ends(flight in any_flight(), script in script(20_000)) {
        let delivery = Delivery::new().run(&flight, &script);
        for message in &delivery.messages {
            prop_assert!(message[0] != SEALED || (delivery.refuted && message.len() == 1));
            prop_assert!(message.len() <= MAX_DATA);
        }
        let mut sent = delivery.messages.concat();
        prop_assert_eq!(sent.len() + delivery.flight.held(), flight.len());
        let mut device = delivery.flight;
        sent.extend(device.handshake_ended().unwrap_or_default());
        prop_assert_eq!(sent, flight);
    }

    /// One record for each handshake message, as in every recorded flight: the structure tells, no timer is asked.
    #[test]
    fn a_flight_of_one_message_a_record_is_one_message_at_once(
        extensions in 0_usize..60, certificate in 300_usize..5000, verify in 80_usize..300, script in script(1900),
    ) {
        let flight = tls::server_flight_13(&[extensions + 23, certificate, verify]);
        let delivery = Delivery::new().run(&flight, &script);
        prop_assert_eq!(delivery.messages, [flight]);
        prop_assert_eq!(delivery.flight.deadline(), None);
    }

    #[test]
    fn a_flight_of_tls_1_2_is_one_message_at_once(certificate in 200_usize..5000, script in script(1900)) {
        let flight = tls::server_flight_12(certificate);
        let delivery = Delivery::new().run(&flight, &script);
        prop_assert_eq!(delivery.messages, [flight]);
        prop_assert_eq!(delivery.flight.deadline(), None);
    }

    #[test]
    fn after_the_handshake_everything_passes_at_once(chunks in prop::collection::vec(1_usize..2000, 1..20)) {
        let mut delivery = Delivery::new().run(&tls::server_flight_13(&[30, 900, 120]), &vec![(400, 0)]);
        prop_assert_eq!(delivery.flight.handshake_ended(), None);
        for size in chunks {
            let bytes = vec![SEALED; size];
            prop_assert_eq!(delivery.flight.feed(delivery.now, bytes.clone()), Ok(vec![bytes]));
        }
    }

    #[test]
    fn any_bytes_are_taken_within_the_limit(
        chunks in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0x16_u8), Just(3), Just(SEALED), any::<u8>()], 1..40), 1..60),
        pause in 0_u64..3000,
    ) {
        let mut delivery = Delivery::new();
        for chunk in chunks {
            delivery.wait(delivery.now + Millis(pause));
            let _ = delivery.flight.feed(delivery.now, chunk);
            prop_assert!(delivery.flight.held() <= MAX_DATA);
        }
    }
}

#[test]
fn a_flight_in_one_record_leaves_after_a_short_gap() {
    let flight = tls::sealed_flight_13(&[2000]);
    let mut delivery = Delivery::new().run(&flight, &vec![(4096, 0)]);
    assert_eq!(delivery.flight.deadline(), Some(Instant::ZERO + BRISK));
    delivery.wait(Instant::ZERO + BRISK);
    assert_eq!(delivery.messages, [flight]);
}

#[test]
fn a_resumed_session_has_a_flight_without_a_certificate() {
    let flight = [tls::server_hello_resumed(), record(SEALED, 23), record(SEALED, 69)].concat();
    let delivery = Delivery::new().run(&flight, &vec![(7, 100)]);
    assert_eq!(delivery.messages, [flight]);
}

#[test]
fn a_server_hello_alone_waits_for_the_rest_of_its_flight() {
    let flight = tls::server_flight_13(&[30, 900, 120]);
    let mut delivery = Delivery::new().run(&flight[..tls::server_hello_13(1).len() + 6], &vec![(4096, 0)]);
    delivery.wait(Instant::ZERO + PATIENT + PATIENT);
    assert_eq!(delivery.messages, [[0_u8; 0]; 0]);
    assert_eq!(delivery.flight.expire(Instant::ZERO + HELD), Some(Due::Stuck));
}

#[test]
fn what_follows_a_wrong_guess_leaves_cut_inside_its_first_record() {
    let [first, second, third] = [tls::sealed_flight_13(&[900]), record(SEALED, 500), record(SEALED, 600)];
    let mut delivery = Delivery::new().run(&first, &vec![(4096, 0)]);
    delivery.wait(Instant::ZERO + PATIENT);
    assert_eq!(delivery.messages, [first]);
    assert_eq!(delivery.flight.feed(delivery.now, [&second[..], &third[..9]].concat()), Ok(vec![]));
    assert_eq!(delivery.flight.deadline(), Some(delivery.now + UNANSWERED));
    delivery.wait(delivery.now + UNANSWERED);
    assert_eq!(delivery.messages[1..], [&second[..1], &second[1..]]);
    assert_eq!(delivery.flight.held(), 9, "half a record would let the next message begin anywhere");
    let rest = delivery.flight.feed(delivery.now, third[9..].to_vec());
    assert_eq!(rest, Ok(vec![third[..1].to_vec(), third[1..].to_vec()]), "from now on at once");
}

#[test]
fn a_retry_request_and_an_alert_leave_at_once() {
    for flight in [tls::hello_retry(), record(0x15, 2)] {
        let delivery = Delivery::new().run(&flight, &vec![(3, 0)]);
        assert_eq!(delivery.messages.concat(), flight);
    }
}

#[test]
fn tickets_that_overtake_the_servers_finished_wait_for_it() {
    let flight = tls::server_flight_13(&[30, 900, 120]);
    let mut delivery = Delivery::new().run(&flight, &vec![(4096, 0)]);
    let ticket = record(SEALED, 250);
    assert_eq!(delivery.flight.feed(delivery.now, ticket.clone()), Ok(vec![]));
    assert_eq!(delivery.flight.handshake_ended(), Some(ticket));
}

#[test]
fn what_is_no_tls_passes() {
    let mut flight = Flight::new(BRISK);
    let text = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    assert_eq!(flight.feed(Instant::ZERO, text.clone()), Ok(vec![text]));
}

#[test]
fn a_handshake_longer_than_a_message_is_given_up() {
    let mut flight = Flight::new(BRISK);
    let parts =
        std::iter::once(tls::server_hello_13(1)).chain(std::iter::repeat_with(|| record(SEALED, 16 * 1024 + 17)));
    let ends = parts.take(6).map(|part| flight.feed(Instant::ZERO, part)).find(Result::is_err);
    assert_eq!(ends, Some(Err(TooLong)));
    assert!(flight.held() <= MAX_DATA);
}
