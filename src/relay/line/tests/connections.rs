//! What messages mean for the connection to the device.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Close, Limits, RelayWake};
use amt_provision_fsm::time::{Instant, Millis};
use proptest::prelude::*;

use super::rig::{Rig, connect, disconnect, response, send, tls_data, to_device};
use super::tls;
use crate::protocol::{Flaw, MAX_DATA, Outcome, ResetReason, ToRelay, ToServer};
use crate::relay::line::flight::{BRISK, HELD, PATIENT};
use crate::relay::line::{End, LineInput, LineOutput, MAX_QUEUED, Notice};

const CLOSED: ToServer = ToServer::ConnectionReset(ResetReason::Closed);
const FAILED: ToServer = ToServer::ConnectionReset(ResetReason::Failed);
const REQUEST: &[u8] = b"POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0002\r\nok\r\n0\r\n\r\n";

/// A line with a session whose handshake has ended.
fn in_session() -> Rig {
    let (mut rig, flight) = (Rig::new(Port::Tls), tls::server_flight_13(&[30, 900, 120]));
    rig.tls(&tls::client_hello(1));
    rig.connected(1);
    rig.device(1, &flight);
    rig.tls(&tls::client_finished_13());
    rig.input(LineInput::Delivered);
    rig.all_is_with_the_device(1);
    rig
}

#[test]
fn a_client_hello_dials_and_waits_until_the_port_is_open() {
    let (mut rig, hello) = (Rig::new(Port::Tls), tls::client_hello(1));
    assert_eq!(rig.tls(&hello), [connect(1, Port::Tls)]);
    assert_eq!(rig.tls(b"more of it"), []);
    assert_eq!(rig.connected(1), [to_device(1, &[&hello[..], b"more of it"].concat())]);
}

#[test]
fn a_flight_goes_back_whole_and_then_bytes_pass_both_ways() {
    let (mut rig, flight) = (Rig::new(Port::Tls), tls::server_flight_13(&[30, 900, 120]));
    rig.tls(&tls::client_hello(1));
    rig.connected(1);
    let (head, tail) = flight.split_at(200);
    assert_eq!(rig.device(1, head), []);
    assert_eq!(rig.device(1, tail), [tls_data(&flight)]);
    let finished = tls::client_finished_13();
    assert_eq!(rig.tls(&finished), [to_device(1, &finished)]);
    for part in [&[0x17, 3, 3, 0, 9][..], b"\x17\x17"] {
        assert_eq!(rig.device(1, part), [tls_data(part)]);
        assert_eq!(rig.tls(part), [to_device(1, part)]);
    }
}

#[test]
fn a_new_client_hello_replaces_the_connection_without_a_reset() {
    let mut rig = in_session();
    let hello = tls::client_hello(2);
    assert_eq!(rig.tls(&hello), [disconnect(1), connect(2, Port::Tls)]);
    assert_eq!(rig.closed(1), [], "the old one is none of anybody's business any more");
    assert_eq!(rig.device(1, b"late"), []);
    assert_eq!(rig.connected(2), [to_device(2, &hello)]);
}

#[test]
fn the_second_client_hello_of_a_handshake_stays_on_its_connection() {
    let (mut rig, retry, hello) = (Rig::new(Port::Tls), tls::hello_retry(), tls::client_hello(1));
    rig.tls(&hello);
    rig.connected(1);
    assert_eq!(rig.device(1, &retry), [tls_data(&retry)]);
    assert_eq!(rig.tls(&hello), [to_device(1, &hello)]);
    let flight = tls::server_flight_13(&[30, 900, 120]);
    assert_eq!(rig.device(1, &flight), [tls_data(&flight)]);
}

#[test]
fn one_reset_for_a_close_and_then_nothing_until_a_client_hello() {
    let mut rig = in_session();
    assert_eq!(rig.device(1, b"\x17last"), [tls_data(b"\x17last")]);
    assert_eq!(rig.closed(1), [disconnect(1), send(CLOSED)]);
    assert_eq!(rig.input(LineInput::Delivered), []);
    assert_eq!(rig.closed(1), []);
    for stale in [&tls::client_finished_13()[..], b"\x17\x03\x03", b"\x16\x03"] {
        assert_eq!(rig.tls(stale), []);
        assert_eq!(rig.wsman(stale), [], "on the TLS port the two are the same");
    }
    assert_eq!(rig.tls(&tls::client_hello(2)), [connect(2, Port::Tls)]);
}

#[test]
fn what_was_held_leaves_before_the_reset_unless_it_begins_with_0x17() {
    let flight = tls::server_flight_13(&[30, 900, 120]);
    let mut rig = Rig::new(Port::Tls);
    rig.tls(&tls::client_hello(1));
    rig.connected(1);
    rig.device(1, &flight[..100]);
    assert_eq!(rig.closed(1), [tls_data(&flight[..100]), disconnect(1), send(CLOSED)]);

    rig.tls(&tls::client_hello(2));
    rig.connected(2);
    rig.device(2, &flight);
    rig.device(2, &tls::record(0x17, 40));
    assert_eq!(rig.closed(2).last(), Some(&send(CLOSED)));
    assert!(rig.line.wants_message());
}

#[test]
fn a_dial_that_fails_for_a_client_hello_is_a_reset() {
    let mut rig = Rig::new(Port::Tls);
    rig.tls(&tls::client_hello(1));
    assert_eq!(rig.refused(1), [send(FAILED)]);
    assert_eq!(rig.tls(b"\x17\x03\x03"), []);

    rig.tls(&tls::client_hello(2));
    assert_eq!(rig.wait(), [disconnect(2), send(FAILED)], "an address that does not answer");
}

#[test]
fn a_plain_request_dials_and_its_reply_is_one_response() {
    let mut rig = Rig::new(Port::Plain);
    assert_eq!(rig.wsman(REQUEST), [connect(1, Port::Plain)]);
    assert_eq!(rig.connected(1), [to_device(1, REQUEST)]);
    assert_eq!(rig.device(1, &REPLY[..30]), []);
    assert_eq!(rig.device(1, &REPLY[30..]), [response(REPLY)]);
    assert_eq!(rig.wsman(REQUEST), [to_device(1, REQUEST)], "the connection is kept");
    assert_eq!(rig.device(1, REPLY), [response(REPLY)]);
    assert_eq!(rig.closed(1), [disconnect(1)], "a close behind a whole reply is missed by nobody");
    assert_eq!(rig.wsman(REQUEST), [connect(2, Port::Plain)]);
}

#[test]
fn a_plain_connection_that_was_announced_to_end_is_not_used_again() {
    let mut rig = Rig::new(Port::Plain);
    let closing = String::from_utf8(REQUEST.to_vec()).unwrap().replace("Host", "Connection: close\r\nHost");
    rig.wsman(closing.as_bytes());
    rig.connected(1);
    assert_eq!(rig.device(1, REPLY), [response(REPLY), disconnect(1)]);
    assert_eq!(rig.wsman(closing.as_bytes()), [connect(2, Port::Plain)]);
}

#[test]
fn a_plain_close_without_a_whole_reply_is_a_reset() {
    let mut rig = Rig::new(Port::Plain);
    rig.wsman(REQUEST);
    rig.connected(1);
    rig.device(1, &REPLY[..30]);
    assert_eq!(rig.closed(1), [response(&REPLY[..30]), disconnect(1), send(CLOSED)]);
}

#[test]
fn a_heartbeat_is_answered_and_an_empty_message_is_not_sent_on() {
    let mut rig = in_session();
    assert_eq!(rig.server(ToRelay::HeartbeatRequest), [send(ToServer::HeartbeatResponse)]);
    assert_eq!(rig.tls(b""), []);
}

#[test]
fn progress_is_shown_without_control_characters_and_never_written_to_the_device() {
    let mut rig = in_session();
    let text = ToRelay::Progress(format!("\u{1b}[2Jdone{}", "x".repeat(1000))).encode().unwrap();
    rig.line.handle(rig.now, LineInput::Text(text));
    let Some(LineOutput::Tell(Notice::Progress(remark))) = rig.line.poll_output() else { panic!("not shown") };
    assert!(remark.to_string().starts_with(" [2Jdone") && remark.to_string().len() == 400);
    assert_eq!(rig.line.poll_output(), None);
}

#[test]
fn success_and_error_end_the_line_with_the_servers_words() {
    for (message, end) in [
        (ToRelay::Success(Outcome::status("ACM")), End::Success(Outcome::status("ACM"))),
        (ToRelay::Error(Outcome::Text("no".to_owned())), End::Failure(Outcome::Text("no".to_owned()))),
    ] {
        let mut rig = in_session();
        assert_eq!(rig.server(message), [disconnect(1), LineOutput::End(end)]);
        assert_eq!(rig.tls(&tls::client_hello(3)), []);
        assert_eq!((rig.line.poll_timeout(), rig.line.wants_message()), (None, false));
    }
}

#[test]
fn what_is_not_understood_ends_the_line_and_is_not_written_to_the_device() {
    for text in [r#"{"method":"shell","protocolVersion":"4.0.0","payload":"aGk="}"#, "", "{", "[]"] {
        let mut rig = in_session();
        let outputs = rig.input(LineInput::Text(text.to_owned()));
        assert!(matches!(outputs[..], [LineOutput::Disconnect(_), LineOutput::End(End::Unreadable(_))]), "{outputs:?}");
    }
    let mut rig = in_session();
    assert_eq!(rig.input(LineInput::Binary(Vec::new())).last(), Some(&LineOutput::End(End::Binary)));
}

#[test]
fn a_port_switch_to_another_service_ends_the_line() {
    let mut rig = in_session();
    let frame = r#"{"method":"port_switch","protocolVersion":"4.0.0","payload":"{\"port\":\"22\",\"delay\":0}"}"#;
    let outputs = rig.input(LineInput::Text(frame.to_owned()));
    let [LineOutput::Disconnect(_), LineOutput::End(End::Unreadable(error))] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert!(matches!(error.flaw, Flaw::Port(_)) && error.to_string().contains("22"), "{error}");
}

#[test]
fn a_lost_line_and_a_silent_server_end_it() {
    let mut rig = in_session();
    assert_eq!(
        rig.input(LineInput::LineLost(String::new())),
        [disconnect(1), LineOutput::End(End::Relay(Close::LineLost))]
    );
    let mut rig = in_session();
    assert_eq!(rig.wait().last(), Some(&LineOutput::End(End::Relay(Close::Deadline(RelayWake::Server)))));
}

#[test]
fn a_message_is_wanted_only_while_there_is_room_for_the_longest() {
    let mut rig = in_session();
    let mut room = 0;
    while rig.line.wants_message() {
        rig.tls(&vec![0x17; MAX_DATA]);
        room += MAX_DATA;
    }
    assert!((MAX_DATA..=Limits::DEFAULT.to_device).contains(&room));
    rig.input(LineInput::SentToDevice(ChannelId(1), room));
    assert!(rig.line.wants_message());

    rig.tls(&tls::client_hello(2));
    while rig.line.wants_message() {
        rig.tls(&vec![0x17; MAX_DATA]);
    }
    let flood: Vec<_> = (0..4).flat_map(|_| rig.tls(&vec![0x17; MAX_DATA])).collect();
    assert_eq!(flood.last(), Some(&LineOutput::End(End::Relay(Close::ServerFlooded))));
}

#[test]
fn a_server_that_asks_without_listening_gets_no_queue() {
    let mut rig = Rig::new(Port::Tls);
    let mut asked = 0;
    while rig.line.wants_message() {
        rig.server(ToRelay::HeartbeatRequest);
        asked += 1;
    }
    assert_eq!(asked, MAX_QUEUED);
    rig.input(LineInput::Delivered);
    assert!(rig.line.wants_message());
}

#[test]
fn a_device_that_says_more_than_the_line_takes_loses_its_connection() {
    let mut rig = in_session();
    let (mut sent, end) = (0, Limits::DEFAULT.to_server * 2);
    while sent < end {
        let outputs = rig.device(1, &[0x17; 8192]);
        if outputs.contains(&send(CLOSED)) {
            break;
        }
        assert_eq!(outputs.len(), 1);
        sent += 8192;
    }
    assert_eq!(sent, Limits::DEFAULT.to_server);
}

#[test]
fn bytes_that_are_held_here_are_not_taken_for_a_stuck_line() {
    let mut rig = Rig::new(Port::Plain);
    rig.wsman(REQUEST);
    rig.connected(1);
    rig.all_is_with_the_device(1);
    // A slow reply: a byte each 10 s, for longer than the line may be stuck.
    for byte in REPLY.iter().take(12) {
        let until = rig.now + Millis::from_secs(10);
        while rig.line.poll_timeout().is_some_and(|(at, _)| at < until) {
            assert_eq!(rig.wait(), []);
        }
        rig.now = until;
        assert_eq!(rig.device(1, &[*byte]), []);
    }
    assert_eq!(rig.device(1, &REPLY[12..]), [response(REPLY)]);
}

#[test]
fn a_flight_that_never_ends_gives_the_connection_up() {
    let mut rig = Rig::new(Port::Tls);
    rig.tls(&tls::client_hello(1));
    rig.connected(1);
    rig.all_is_with_the_device(1);
    rig.device(1, &tls::server_hello_13(1));
    assert_eq!(rig.wait(), [disconnect(1), send(FAILED)]);
    assert_eq!(rig.now, Instant::ZERO + HELD);
}

#[test]
fn a_wrong_guess_makes_the_next_session_patient() {
    let mut rig = Rig::new(Port::Tls);
    let flight = tls::sealed_flight_13(&[900]);
    for (seed, gap) in [(1, BRISK), (2, PATIENT)] {
        rig.tls(&tls::client_hello(seed));
        let id = u32::from(seed);
        rig.connected(id);
        rig.device(id, &flight);
        let before = rig.now;
        assert_eq!(rig.wait(), [tls_data(&flight)]);
        assert_eq!(rig.now, before + gap);
        rig.input(LineInput::Delivered);
        let rest = tls::record(0x17, 500);
        assert_eq!(rig.device(id, &rest), []);
        assert_eq!(rig.wait(), [tls_data(&rest[..1]), tls_data(&rest[1..])]);
        rig.input(LineInput::Delivered);
        rig.input(LineInput::Delivered);
        assert_eq!(rig.closed(id), [disconnect(id), send(CLOSED)], "all bytes are accounted for");
        rig.input(LineInput::Delivered);
    }
}

proptest! {
    /// Any order of inputs: no panic, one reset at most for each connection, and nothing behind the end.
    #[test]
    fn any_order_of_inputs_keeps_the_count_of_resets(
        plain in any::<bool>(),
        steps in prop::collection::vec((0_u8..14, 0_u32..4, 0_usize..3000), 1..80),
    ) {
        let mut rig = Rig::new(if plain { Port::Plain } else { Port::Tls });
        let (mut dials, mut resets, mut ended) = (0, 0, false);
        for (step, id, size) in steps {
            let id = (dials + 1_u32).saturating_sub(id);
            let outputs = match step {
                0 => rig.tls(&tls::client_hello(size as u8)),
                1 => rig.tls(&vec![0x17; size]),
                2 => rig.wsman(REQUEST),
                3 => rig.port_switch(if size % 2 == 0 { Port::Tls } else { Port::Plain }, size as u64 % 3),
                4 | 5 => rig.connected(id),
                6 => rig.refused(id),
                7 => rig.device(id, &tls::server_flight_13(&[30, 300, 100])),
                8 => rig.device(id, &vec![0x17; size]),
                9 => rig.closed(id),
                10 => rig.input(LineInput::Delivered),
                11 => rig.tls(&tls::client_finished_13()),
                12 => rig.input(LineInput::SentToDevice(ChannelId(id), size)),
                _ if rig.line.poll_timeout().is_some() => rig.wait(),
                _ => Vec::new(),
            };
            prop_assert!(!ended || outputs.is_empty());
            for output in &outputs {
                match output {
                    LineOutput::Connect(..) => dials += 1,
                    LineOutput::Send(ToServer::ConnectionReset(_)) => resets += 1,
                    LineOutput::End(_) => ended = true,
                    _ => {}
                }
            }
            prop_assert!(resets <= dials);
        }
    }
}
