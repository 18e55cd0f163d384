//! `port_switch`, as RPS and our server use it.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::{Instant, Millis};

use super::rig::{Rig, connect, disconnect, response, send, tls_data, to_device};
use super::tls;
use crate::protocol::{ResetReason, ToServer};
use crate::relay::line::{FIRST_PAUSE, LONGEST_PAUSE, LineInput, LineOutput, PORT_DEADLINE};

const ACK: ToServer = ToServer::PortSwitchAck;
const FAILED: ToServer = ToServer::ConnectionReset(ResetReason::Failed);

/// The bytes of a session's begin that a relay has to carry.
fn handshake(rig: &mut Rig, id: u32) {
    let flight = tls::server_flight_13(&[30, 900, 120]);
    assert_eq!(rig.device(id, &flight), [tls_data(&flight)]);
    let finished = tls::client_finished_13();
    assert_eq!(rig.tls(&finished), [to_device(id, &finished)]);
    assert_eq!(rig.input(LineInput::Delivered), []);
    rig.all_is_with_the_device(id);
}

#[test]
fn rps_moves_a_device_to_tls_after_its_delay() {
    let mut rig = Rig::new(Port::Plain);
    let request = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    rig.wsman(request);
    rig.connected(1);
    assert_eq!(rig.device(1, reply), [response(reply), disconnect(1)]);

    assert_eq!(rig.port_switch(Port::Tls, 15), []);
    assert_eq!(rig.wait(), [connect(2, Port::Tls)]);
    assert_eq!(rig.now, Instant::ZERO + Millis::from_secs(15));
    assert_eq!(rig.connected(2), [send(ACK)]);
    let hello = tls::client_hello(1);
    assert_eq!(rig.tls(&hello), [to_device(2, &hello)], "on the connection that the switch has left");
    handshake(&mut rig, 2);
    assert_eq!(rig.closed(2), [disconnect(2), send(ToServer::ConnectionReset(ResetReason::Closed))]);
}

#[test]
fn without_a_delay_the_port_is_tried_at_once_and_then_at_growing_pauses() {
    let mut rig = Rig::new(Port::Tls);
    rig.tls(&tls::client_hello(1));
    rig.connected(1);
    handshake(&mut rig, 1);
    assert_eq!(rig.port_switch(Port::Tls, 0), [disconnect(1), connect(2, Port::Tls)]);
    let mut pauses = Vec::new();
    for id in 2..40 {
        assert_eq!(rig.refused(id), []);
        let before = rig.now;
        assert_eq!(rig.wait(), [connect(id + 1, Port::Tls)]);
        pauses.push(rig.now.since(before));
    }
    assert_eq!(pauses.first(), Some(&FIRST_PAUSE));
    assert!(pauses.is_sorted() && pauses.last() == Some(&LONGEST_PAUSE));
    assert_eq!(rig.connected(40), [send(ACK)]);
}

#[test]
fn a_port_that_accepts_and_closes_is_tried_again_and_acknowledged_once() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Tls, 0);
    assert_eq!(rig.connected(1), [send(ACK)]);
    assert_eq!(rig.closed(1), [disconnect(1)]);
    assert_eq!(rig.wait(), [connect(2, Port::Tls)]);
    assert_eq!(rig.connected(2), [], "it was acknowledged before");
    let hello = tls::client_hello(1);
    assert_eq!(rig.tls(&hello), [to_device(2, &hello)]);
    assert_eq!(rig.closed(2), [disconnect(2)], "no word came back: it still restarts");
    assert_eq!(rig.wait(), [connect(3, Port::Tls)]);
    assert_eq!(rig.connected(3), [to_device(3, &hello)], "a ClientHello may be said again");
    handshake(&mut rig, 3);
}

/// Found on real sockets: a port that was away for longer than the server's patience with one switch, which then asked
/// again, and waited for two answers.
#[test]
fn every_switch_is_acknowledged_also_one_that_another_has_overtaken() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Tls, 0);
    rig.refused(1);
    rig.port_switch(Port::Tls, 0);
    assert_eq!(rig.connected(2), [send(ACK), send(ACK)]);
    assert_eq!(rig.port_switch(Port::Tls, 0), [disconnect(2), connect(3, Port::Tls)]);
    assert_eq!(rig.connected(3), [send(ACK)], "both were acknowledged before");

    for _ in 0..1000 {
        rig.port_switch(Port::Tls, 0);
    }
    let acknowledged = rig.connected(1003).len();
    assert!(acknowledged < 32, "{acknowledged} at once");
}

#[test]
fn a_client_hello_that_comes_early_waits_for_the_port() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Tls, 0);
    let hello = tls::client_hello(1);
    assert_eq!(rig.tls(&hello), []);
    assert_eq!(rig.refused(1), []);
    rig.wait();
    assert_eq!(rig.connected(2), [send(ACK), to_device(2, &hello)]);
}

#[test]
fn another_client_hello_on_an_unproven_connection_takes_a_new_one() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Tls, 0);
    rig.connected(1);
    rig.tls(&tls::client_hello(1));
    let hello = tls::client_hello(2);
    assert_eq!(rig.tls(&hello), [disconnect(1), connect(2, Port::Tls)]);
    assert_eq!(rig.connected(2), [to_device(2, &hello)]);
}

#[test]
fn a_request_in_plain_text_is_never_said_twice() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Plain, 0);
    rig.connected(1);
    let request = b"POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(rig.wsman(request), [to_device(1, request)]);
    assert_eq!(rig.closed(1), [disconnect(1), send(ToServer::ConnectionReset(ResetReason::Closed))]);

    rig.port_switch(Port::Plain, 0);
    rig.wsman(request);
    assert_eq!(rig.connected(2), [send(ACK), to_device(2, request)]);
    assert_eq!(rig.closed(2), [disconnect(2), send(ToServer::ConnectionReset(ResetReason::Closed))]);
}

#[test]
fn a_port_that_never_answers_is_a_reset_at_the_deadline() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Tls, 1);
    let mut outputs = rig.wait();
    while let [LineOutput::Connect(id, Port::Tls)] = outputs[..] {
        assert_eq!(rig.line.poll_timeout().map(|(at, _)| at > rig.now), Some(true));
        outputs = rig.refused(id.0);
        if outputs.is_empty() {
            outputs = rig.wait();
        }
    }
    assert_eq!(outputs, [send(FAILED)]);
    assert_eq!(rig.now, Instant::ZERO + Millis::from_secs(1) + PORT_DEADLINE);
    assert_eq!(rig.tls(&tls::client_hello(1)).len(), 1, "the server may try again");
}

#[test]
fn a_connection_that_nobody_has_used_may_go_without_a_word() {
    let mut rig = Rig::new(Port::Tls);
    rig.port_switch(Port::Tls, 0);
    rig.connected(1);
    rig.now = rig.now + PORT_DEADLINE;
    assert_eq!(rig.closed(1), [disconnect(1)]);
    assert_eq!(rig.tls(&tls::client_hello(1)), [connect(2, Port::Tls)]);
}

#[test]
fn a_second_switch_replaces_the_first() {
    let mut rig = Rig::new(Port::Plain);
    rig.port_switch(Port::Tls, 0);
    rig.refused(1);
    assert_eq!(rig.port_switch(Port::Plain, 0), [connect(2, Port::Plain)]);
    assert_eq!(rig.connected(2), [send(ACK), send(ACK)], "the server counts both");
    assert_eq!(rig.connected(1), []);
}
