//! TLS, HTTP and hostile bytes.

use amt_provision_fsm::firmware::{AmtVersion, Port};
use amt_provision_fsm::peer::Expectation;
use amt_provision_fsm::time::Millis;
use proptest::prelude::*;
use rustls::ProtocolVersion;

use super::provisioning::{ccm_line, in_ccm};
use super::rig::*;
use crate::http::WSMAN_PATH;
use crate::simulator::config::{DeviceConfig, Timings};
use crate::simulator::device::MAX_WAITING;
use crate::simulator::firmware::Class;
use crate::tunnel::tls::TlsVersion;
use crate::wsman::{Call, Operation};

fn post(path: &str, body: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: device\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn the_tls_version_is_what_the_firmware_has_or_was_told() {
    let negotiated = |config: &DeviceConfig| {
        let client = Rig::new(config).tls(any_odca());
        client.tls.unwrap().negotiated().unwrap().version
    };
    assert_eq!(negotiated(&config(AmtVersion::new(20, 0))), ProtocolVersion::TLSv1_2);
    assert_eq!(negotiated(&config(AmtVersion::new(21, 0))), ProtocolVersion::TLSv1_3);
    let old_21 = DeviceConfig { max_tls: TlsVersion::V1_2, ..config(AmtVersion::new(21, 0)) };
    assert_eq!(negotiated(&old_21), ProtocolVersion::TLSv1_2);
}

#[test]
fn requests_that_are_not_for_it_are_turned_down_in_html() {
    let mut rig = Rig::new(&amt_19());
    let mut client = rig.tls(any_odca());
    assert_eq!(rig.send(&mut client, &post("/index.htm", "")).unwrap().status, 404);
    assert!(rig.send(&mut client, &post(WSMAN_PATH, "")).unwrap().status == 401);
    assert_eq!(rig.send(&mut client, b"GET /wsman HTTP/1.1\r\n\r\n").unwrap().status, 405);
    assert_eq!(rig.truth().requests.len(), 0);
}

#[test]
fn bytes_that_are_no_http_end_the_connection_with_400() {
    let mut rig = Rig::new(&amt_19());
    let mut client = rig.tls(any_odca());
    let response = rig.send(&mut client, b"BLAH\r\n\r\n").unwrap();
    assert_eq!((response.status, response.keeps_connection()), (400, false));
    assert!(rig.is_closed(&client));
}

#[test]
fn bytes_that_are_no_tls_end_the_connection_with_an_alert() {
    let mut rig = Rig::new(&amt_19());
    let id = rig.device.connect(rig.now, Port::Tls);
    rig.device.receive(rig.now, id, b"GET / HTTP/1.1\r\n\r\n");
    rig.drain();
    assert_eq!(rig.device.traffic().tls_failures, 1);
    rig.device.receive(rig.now, id, b"more");
    assert_eq!(rig.device.poll_output(), None);
}

#[test]
fn a_session_that_ends_with_a_restart_leaves_a_stale_challenge() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
    line.client = line.rig.tls(any_odca());
    let unauthorized = line.rig.device.traffic().unauthorized;
    line.get(Class::GeneralSettings);
    assert_eq!(line.rig.device.traffic().unauthorized, unauthorized + 1, "asked anew, and answered");
}

#[test]
fn requests_are_counted_by_class() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let before = line.rig.truth().requests.get(&Class::TlsSettingData).copied().unwrap_or_default();
    line.list(Class::TlsSettingData);
    assert_eq!(rig.truth().requests[&Class::TlsSettingData], before + 2);
}

#[test]
fn a_request_whose_connection_is_gone_is_applied_all_the_same() {
    let slow = Timings { request: Millis(50), ..Timings::default() };
    let mut rig = in_ccm(&DeviceConfig { timings: slow, ..amt_19() });
    let mut line = ccm_line(&mut rig);
    line.get(Class::GeneralSettings);
    let call = Call::invoke(Class::SetupAndConfigurationService.uri(), "CommitChanges", []);
    let authorization = line.session.authorize(&crate::http::digest::Cnonce::new([1; 16])).unwrap();
    let envelope = crate::wsman::envelope::write_request(&call, crate::wsman::envelope::MessageId(1));
    let uuid = line.rig.truth().uuid;
    let bytes = crate::http::write_request(
        uuid,
        Port::Tls,
        crate::http::Connection::KeepAlive,
        Some(&authorization),
        &envelope,
    );
    let tls = line.client.tls.as_mut().unwrap();
    tls.write_plaintext(&bytes).unwrap();
    let sent = tls.take_output();
    line.rig.device.receive(line.rig.now, line.client.id, &sent);
    line.rig.device.disconnected(line.rig.now, line.client.id);
    assert_eq!(line.rig.truth().counters.commits, 1);
    line.rig.pass(Millis(50));
    assert!(line.rig.dial(Port::Tls, any_odca()).is_err(), "and the port goes away for it");
}

#[test]
fn what_waits_is_bounded_and_pipelined_requests_are_answered_in_turn() {
    let mut rig = Rig::new(&DeviceConfig {
        timings: Timings { request: Millis(0), ..Timings::default() },
        ..config(AmtVersion::new(18, 0))
    });
    let client = rig.dial(Port::Plain, Expectation::default()).unwrap();
    let request = b"POST / HTTP/1.1\r\n\r\n";
    let many = request.repeat(MAX_WAITING / request.len());
    rig.device.receive(rig.now, client.id, &many);
    assert_eq!(rig.device.traffic().requests, (MAX_WAITING / request.len()) as u64);

    let slow = DeviceConfig {
        timings: Timings { request: Millis(1000), ..Timings::default() },
        ..config(AmtVersion::new(18, 0))
    };
    let mut rig = Rig::new(&slow);
    let client = rig.dial(Port::Plain, Expectation::default()).unwrap();
    rig.device.receive(rig.now, client.id, request);
    rig.device.receive(rig.now, client.id, &vec![b' '; MAX_WAITING]);
    rig.drain();
    assert!(!rig.is_closed(&client), "at the limit");
    rig.device.receive(rig.now, client.id, b" ");
    rig.drain();
    assert!(rig.is_closed(&client), "beyond it");
}

#[test]
fn an_endless_head_is_not_collected() {
    let mut rig = Rig::new(&config(AmtVersion::new(18, 0)));
    let client = rig.dial(Port::Plain, Expectation::default()).unwrap();
    for _ in 0..16 {
        rig.device.receive(rig.now, client.id, &[b'x'; 1024]);
    }
    rig.drain();
    assert!(rig.is_closed(&client));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_bytes_panic_the_device(port in prop::sample::select(vec![Port::Plain, Port::Tls]),
                                 pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8)) {
        let version = if port == Port::Plain { 18 } else { 19 };
        let mut rig = Rig::new(&config(AmtVersion::new(version, 0)));
        let id = rig.device.connect(rig.now, port);
        for piece in pieces {
            rig.device.receive(rig.now, id, &piece);
            rig.pass(Millis(1));
        }
    }

    #[test]
    fn damaged_envelopes_are_answered_with_a_fault_or_an_answer(at in 0usize..900, to: u8) {
        let mut rig = in_ccm(&amt_19());
        let mut line = ccm_line(&mut rig);
        line.get(Class::GeneralSettings);
        let authorization = line.session.authorize(&crate::http::digest::Cnonce::new([1; 16])).unwrap();
        let call = Call::new(Class::TlsSettingData.uri(), Operation::Enumerate);
        let envelope = crate::wsman::envelope::write_request(&call, crate::wsman::envelope::MessageId(1));
        let mut body = envelope.as_bytes().to_vec();
        let length = body.len();
        body[at % length] = to;
        let head = format!("POST {WSMAN_PATH} HTTP/1.1\r\nAuthorization: {authorization}\r\nContent-Length: {length}\r\n\r\n");
        let response = line.rig.send(&mut line.client, &[head.as_bytes(), &body].concat()).unwrap();
        prop_assert!([200, 400, 500].contains(&response.status));
    }
}
