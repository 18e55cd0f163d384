use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::time::Millis;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::secret::Secret;

pub(super) mod any;

/// The first messages of real activations, as rps.md §1 has them.
const PLAIN_REPORT: &str = r#"{"ver":"16.1.25","build":"2124","sku":"16392","features":"AMT Pro Corporate","uuid":"11111111-1111-1111-1111-111111111111","username":"$$OsAdmin","password":"lsa-Pa55w0rd","currentMode":0,"hostname":"lab-host","fqdn":"vprodemo.test","client":"RPC","certHashes":["0123456789abcdef0123456789abcdef01234567","91e870c4cd1ac3ffc9beb15c7dd7f3affd2efd988d3d4d8021f44a4a7214e9ad"],"ipConfiguration":{"dhcp":true,"static":false,"ipsync":true,"ipAddress":"127.0.0.1","netmask":"255.255.255.0","gateway":"","primaryDns":"","secondaryDns":""},"hostnameInfo":{"dnsSuffixOS":"vprodemo.test","hostname":"lab-host"}}"#;
const TLS_REPORT: &str = r#"{"ver":"19.0.5","build":"2124","sku":"16392","features":"AMT Pro Corporate","uuid":"44444444-4444-4444-4444-444444444444","username":"$$OsAdmin","password":"lsa-Pa55w0rd","currentMode":0,"hostname":"lab-host","fqdn":"vprodemo.test","client":"RPC","certHashes":["0123456789abcdef0123456789abcdef01234567","91e870c4cd1ac3ffc9beb15c7dd7f3affd2efd988d3d4d8021f44a4a7214e9ad"],"ipConfiguration":{"dhcp":true,"static":false,"ipsync":true,"ipAddress":"127.0.0.1","netmask":"255.255.255.0","gateway":"","primaryDns":"","secondaryDns":""},"hostnameInfo":{"dnsSuffixOS":"vprodemo.test","hostname":"lab-host"},"tlsEnforced":true}"#;

fn relay_frame(method: &str, payload: &[u8]) -> String {
    let payload = BASE64_STANDARD.encode(payload);
    format!(
        r#"{{"method":"{method}","apiKey":"key","appVersion":"{APP_VERSION}","protocolVersion":"4.0.0","status":"ok","message":"ok","fqdn":"","payload":"{payload}","tenantId":""}}"#
    )
}

fn server_frame(method: &str, status: &str, message: &str, payload: &str) -> String {
    format!(
        r#"{{"method":"{method}","apiKey":"xxxxx","appVersion":"{APP_VERSION}","protocolVersion":"4.0.0","status":"{status}","message":{message},"payload":{payload},"tenantId":""}}"#
    )
}

fn hello(method: &str, report: &str) -> Hello {
    match ToServer::parse(&relay_frame(method, report.as_bytes())) {
        Ok(ToServer::Hello(hello)) => *hello,
        other => panic!("{other:?}"),
    }
}

/// A first message as a relay sends it.
pub(crate) fn a_hello() -> Hello {
    hello("activate --profile labacmtls", TLS_REPORT)
}

fn relay_flaw(text: &str) -> Flaw {
    let error = ToServer::parse(text).unwrap_err();
    assert_eq!(error.sender, Sender::Relay);
    error.flaw
}

fn server_flaw(text: &str) -> Flaw {
    let error = ToRelay::parse(text).unwrap_err();
    assert_eq!(error.sender, Sender::Server);
    error.flaw
}

#[test]
fn first_messages_of_rpc_go_are_read_and_written_byte_for_byte() {
    for (method, report) in [("activate --profile labccm", PLAIN_REPORT), ("activate --profile labacmtls", TLS_REPORT)]
    {
        let frame = relay_frame(method, report.as_bytes());
        let message = ToServer::parse(&frame).unwrap();
        assert_eq!(message.encode().unwrap(), frame);
    }
    let tls = hello("activate --profile labacmtls", TLS_REPORT);
    assert_eq!(tls.command, Command::Activate { profile: "labacmtls".parse().unwrap() });
    assert_eq!(tls.report.version, AmtVersion { major: 19, minor: 0, hotfix: 5 });
    assert_eq!(tls.report.password.expose(), "lsa-Pa55w0rd");
    assert_eq!(tls.report.control_mode, ControlMode::PreProvisioning);
    assert!(tls.report.tls_enforced && !tls.report.tls_tunnel && !tls.report.lms_installed);
    assert!(tls.report.ip.dhcp && !tls.report.ip.is_static && tls.report.ip.ip_sync);
    assert_eq!(tls.report.hostname_info.dns_suffix_os, "vprodemo.test");
    assert_eq!(tls.report.root_hashes[0].as_hex(), "0123456789abcdef0123456789abcdef01234567");
    assert!(!hello("activate --profile labccm", PLAIN_REPORT).report.tls_enforced);
}

#[test]
fn fields_that_rpc_go_leaves_out_when_empty_are_carried_when_not() {
    let mut report: Value = serde_json::from_str(TLS_REPORT).unwrap();
    report["friendlyName"] = json!("the one under the desk");
    report["tlsTunnel"] = json!(true);
    report["lmsInstalled"] = json!(true);
    let hello = hello("activate --profile p", &report.to_string());
    assert_eq!(hello.report.friendly_name, "the one under the desk");
    assert!(hello.report.tls_tunnel && hello.report.lms_installed);
    let again = ToServer::Hello(Box::new(hello.clone())).encode().unwrap();
    assert_eq!(ToServer::parse(&again), Ok(ToServer::Hello(Box::new(hello))));
}

#[test]
fn the_tenant_and_unknown_fields_are_carried_and_passed_over() {
    let frame = relay_frame("activate --profile p", PLAIN_REPORT.as_bytes());
    let frame = frame.replace(r#""tenantId":"""#, r#""tenantId":"t1","progressSupported":true,"x":{"y":[1]}"#);
    let Ok(ToServer::Hello(hello)) = ToServer::parse(&frame) else { panic!("no hello") };
    assert_eq!(hello.tenant, "t1");
}

#[test]
fn messages_of_a_server_have_the_fields_and_the_order_of_rps() {
    let report = StatusReport { status: Some("Admin control mode.".to_owned()), ..StatusReport::default() };
    for (message, frame) in [
        (ToRelay::TlsData(Data(vec![0x16, 3, 1])), server_frame("tls_data", "ok", r#""""#, r#""FgMB""#)),
        (ToRelay::TlsData(Data::default()), server_frame("tls_data", "ok", r#""""#, r#""""#)),
        (ToRelay::Wsman(Data(b"POST".to_vec())), server_frame("wsman", "ok", r#""""#, r#""UE9TVA==""#)),
        (
            ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay: Millis::from_secs(15) }),
            server_frame("port_switch", "ok", r#""""#, r#""{\"port\":\"16993\",\"delay\":15}""#),
        ),
        (ToRelay::HeartbeatRequest, server_frame("heartbeat_request", "heartbeat", r#""""#, r#""""#)),
        (ToRelay::Progress("TLS".to_owned()), server_frame("progress", "ok", r#""TLS""#, "null")),
        (
            ToRelay::Success(Outcome::Report(report)),
            server_frame("success", "success", r#""{\"Status\":\"Admin control mode.\"}""#, "null"),
        ),
        (
            ToRelay::Error(Outcome::Text("Error: no".to_owned())),
            server_frame("error", "failed", r#""Error: no""#, "null"),
        ),
    ] {
        assert_eq!(message.encode().unwrap(), frame);
        assert_eq!(ToRelay::parse(&frame), Ok(message));
    }
}

#[test]
fn messages_of_a_relay_have_the_fields_and_the_order_of_rpc_go() {
    for (message, method, payload) in [
        (ToServer::TlsData(Data(vec![0x17])), "tls_data", &[0x17][..]),
        (ToServer::Response(Data(b"HTTP/1.1 200".to_vec())), "response", b"HTTP/1.1 200"),
        (ToServer::PortSwitchAck, "port_switch_ack", b"ok"),
        (ToServer::ConnectionReset(ResetReason::Closed), "connection_reset", b"connection_closed"),
        (ToServer::ConnectionReset(ResetReason::Failed), "connection_reset", b"lms_error"),
        (ToServer::HeartbeatResponse, "heartbeat_response", b""),
    ] {
        let frame = relay_frame(method, payload);
        assert_eq!(message.encode().unwrap(), frame);
        assert_eq!(ToServer::parse(&frame), Ok(message));
    }
}

#[test]
fn a_heartbeat_comes_back_as_rpc_go_echoes_it() {
    let echo = server_frame("heartbeat_response", "success", r#""""#, r#""""#);
    assert_eq!(ToServer::parse(&echo), Ok(ToServer::HeartbeatResponse));
}

#[test]
fn command_lines_of_rpc_go_are_read_and_written() {
    let password = || Some(Secret::from("P@ss w0rd".to_owned()));
    let task = |task, force| Command::Maintenance { task, password: password(), force };
    for (line, command) in [
        ("activate --profile a-b_c.1", Command::Activate { profile: "a-b_c.1".parse().unwrap() }),
        ("deactivate --password P@ss w0rd", Command::Deactivate { password: password(), force: false }),
        ("deactivate --password P@ss w0rd -f", Command::Deactivate { password: password(), force: true }),
        ("maintenance -password P@ss w0rd --synctime", task(MaintenanceTask::SyncTime, false)),
        ("maintenance -password P@ss w0rd --syncip -f", task(MaintenanceTask::SyncIp, true)),
        ("maintenance -password P@ss w0rd --synchostname", task(MaintenanceTask::SyncHostname, false)),
        ("maintenance -password P@ss w0rd --syncdeviceinfo", task(MaintenanceTask::SyncDeviceInfo, false)),
        ("maintenance -password P@ss w0rd --changepassword", task(MaintenanceTask::ChangePassword(None), false)),
        (
            "maintenance -password P@ss w0rd --changepassword New1!234",
            task(MaintenanceTask::ChangePassword(Some(Secret::from("New1!234".to_owned()))), false),
        ),
    ] {
        let hello = hello(line, PLAIN_REPORT);
        assert_eq!(hello.command, command);
        assert_eq!(*hello.command.to_method(), line);
    }
    assert_eq!(
        hello("  activate --profile=p --force ", PLAIN_REPORT).command,
        Command::Activate { profile: "p".parse().unwrap() }
    );
}

#[test]
fn command_lines_that_lack_something_say_what() {
    for line in
        ["activate", "activate --profile", "activate --profile two words", "activate -d x", "activate --profile -f"]
    {
        let flaw = relay_flaw(&relay_frame(line, PLAIN_REPORT.as_bytes()));
        assert_eq!(flaw, Flaw::Command { command: "activate", expected: "--profile and a profile's name" }, "{line}");
    }
    let flaw = relay_flaw(&relay_frame("maintenance --password x", PLAIN_REPORT.as_bytes()));
    assert!(matches!(flaw, Flaw::Command { command: "maintenance", .. }));
}

#[test]
fn a_port_switch_goes_to_amt_ports_only() {
    let switch =
        |payload: &str| ToRelay::parse(&server_frame("port_switch", "ok", r#""""#, &json!(payload).to_string()));
    let delay = |payload| match switch(payload) {
        Ok(ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay })) => delay,
        other => panic!("{other:?}"),
    };
    assert_eq!(delay(r#"{"port":"16993","delay":15}"#), Millis::from_secs(15));
    assert_eq!(delay(r#"{"port":"16993"}"#), Millis(0));
    assert_eq!(delay(r#"{"port":"16993","delay":-1}"#), Millis(0));
    assert_eq!(delay(r#"{"port":"16993","delay":60,"rootCert":"x"}"#), PortSwitch::MAX_DELAY);
    assert_eq!(delay(r#"{"port":"16993","delay":9223372036854775807}"#), PortSwitch::MAX_DELAY);
    for port in ["2222", "16993 ", "+16993", "016993", "82529", "", "16993@evil", "0"] {
        let error = switch(&json!({"port": port, "delay": 0}).to_string()).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Port(_)), "{port}: {error}");
    }
    for payload in
        ["", "null", r#"{"port":16993}"#, r#"{"port":"16993","delay":1.5}"#, r#"{"port":"16993","delay":"1"}"#]
    {
        let error = switch(payload).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Fields { .. } | Flaw::NotJson { .. }), "{payload}: {error}");
    }
    let base64 = server_frame("port_switch", "ok", r#""""#, r#""eyJwb3J0IjoiMTY5OTMifQ==""#);
    assert!(matches!(server_flaw(&base64), Flaw::NotJson { .. }));
}

#[test]
fn a_delay_is_never_shortened_by_rounding() {
    let frame = ToRelay::PortSwitch(PortSwitch { port: Port::Plain, delay: Millis(1) }).encode().unwrap();
    assert!(frame.contains(r#"{\"port\":\"16992\",\"delay\":1}"#), "{frame}");
}

#[test]
fn other_versions_are_refused_with_the_error_of_rps() {
    for version in ["5.0.0", "4.0.1", "4.0", "4.0.0 ", "", "x"] {
        let frame = relay_frame("activate --profile p", b"not even looked at").replace("4.0.0", version);
        let error = ToServer::parse(&frame).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Version(_)), "{version}: {error}");
        let ToRelay::Error(Outcome::Text(text)) = ToRelay::refusal(&error) else { panic!("no refusal") };
        assert_eq!(text, format!("Error: protocol version NOT supported: {version}"));
    }
    assert!(matches!(server_flaw(r#"{"method":"progress"}"#), Flaw::Version(_)));
}

#[test]
fn a_message_is_bounded_before_it_is_looked_at() {
    let shell = relay_frame("tls_data", b"").len();
    let fill = |length: usize| relay_frame("tls_data", b"").replace("4.0.0", &"4".repeat(length - shell + 5));
    assert_eq!(fill(MAX_MESSAGE).len(), MAX_MESSAGE);
    assert!(matches!(relay_flaw(&fill(MAX_MESSAGE)), Flaw::Version(_)));
    assert_eq!(relay_flaw(&fill(MAX_MESSAGE + 1)), Flaw::TooLong(MAX_MESSAGE + 1));
    assert_eq!(server_flaw(&"\0".repeat(MAX_MESSAGE + 1)), Flaw::TooLong(MAX_MESSAGE + 1));
}

#[test]
fn data_up_to_the_promised_size_always_fits_and_more_is_refused_here() {
    let bytes = |length| Data(vec![0xff; length]);
    assert!(ToServer::Response(bytes(MAX_DATA)).encode().is_ok());
    assert!(ToServer::TlsData(bytes(MAX_DATA)).encode().is_ok());
    assert!(ToRelay::Wsman(bytes(MAX_DATA)).encode().is_ok());
    assert!(matches!(ToRelay::TlsData(bytes(MAX_MESSAGE)).encode(), Err(TooLong(_))));
}

#[test]
fn base64_is_standard_with_padding_and_nothing_else() {
    for payload in ["FgM", "FgM_", "Fg M=", "FgMB\\n", "FgMB=", "FgM=FgM=", "Fh==", "=", "FgMB\\u0000"] {
        let frame = server_frame("tls_data", "ok", r#""""#, &format!("\"{payload}\""));
        assert_eq!(server_flaw(&frame), Flaw::Base64, "{payload}");
    }
    assert_eq!(server_flaw(&server_frame("tls_data", "ok", r#""""#, "null")), Flaw::Base64);
    assert_eq!(server_flaw(r#"{"method":"wsman","protocolVersion":"4.0.0"}"#), Flaw::Base64);
}

#[test]
fn malformed_frames_are_told_apart() {
    for text in ["", "{", "not json", "\u{feff}{}"] {
        assert!(matches!(relay_flaw(text), Flaw::NotJson { .. }), "{text}: {}", relay_flaw(text));
    }
    let two = relay_frame("port_switch_ack", b"").repeat(2);
    assert!(matches!(relay_flaw(&two), Flaw::NotJson { .. }));
    let deep = "[".repeat(50_000);
    assert!(matches!(relay_flaw(&deep), Flaw::Fields { .. } | Flaw::NotJson { .. }));
    for text in ["{}", "[]", "5", "null", r#"{"method":5}"#, r#"{"method":"a","method":"b"}"#] {
        assert!(matches!(relay_flaw(text), Flaw::Fields { .. }), "{text}: {}", relay_flaw(text));
    }
    // serde would take a list for a struct with its fields in order.
    assert!(matches!(relay_flaw(r#"["port_switch_ack","4.0.0",null,"b2s=",null]"#), Flaw::Fields { .. }));
    let unknown = server_flaw(&server_frame("reboot now", "ok", r#""""#, "null"));
    assert_eq!(unknown.to_string(), "the method `reboot`, which is unknown in this direction");
    // A message of the other direction is as unknown as any.
    assert!(matches!(relay_flaw(&server_frame("wsman", "ok", r#""""#, r#""""#)), Flaw::Method(_)));
    assert!(matches!(server_flaw(&relay_frame("response", b"")), Flaw::Method(_)));
    assert!(matches!(relay_flaw(&relay_frame("", b"")), Flaw::Method(_)));
}

#[test]
fn a_first_message_cut_at_any_byte_is_no_message() {
    let frame = relay_frame("activate --profile p", PLAIN_REPORT.as_bytes());
    for end in 0..frame.len() {
        assert!(matches!(relay_flaw(&frame[..end]), Flaw::NotJson { .. } | Flaw::Fields { .. }), "cut to {end}");
    }
    for end in 0..PLAIN_REPORT.len() {
        let flaw = relay_flaw(&relay_frame("activate --profile p", &PLAIN_REPORT.as_bytes()[..end]));
        assert!(matches!(flaw, Flaw::NotJson { .. } | Flaw::Fields { .. }), "report cut to {end}");
    }
}

#[test]
fn a_report_that_lies_in_form_is_refused_with_the_field() {
    let field = |name: &str, value: Value| {
        let mut report: Value = serde_json::from_str(PLAIN_REPORT).unwrap();
        report[name] = value;
        relay_flaw(&relay_frame("activate --profile p", report.to_string().as_bytes()))
    };
    for (name, value) in [
        ("uuid", json!("11111111")),
        ("uuid", json!("00000000-0000-0000-0000-000000000000")),
        ("uuid", json!("03000200-0400-0500-0006-000700080009")),
        ("ver", json!("nineteen")),
        ("currentMode", json!(3)),
        ("currentMode", json!(-1)),
        ("client", json!("")),
        ("certHashes", json!(["zz"])),
        ("certHashes", json!(vec!["00".repeat(32); 65])),
    ] {
        let flaw = field(name, value);
        assert!(matches!(flaw, Flaw::Report { field, .. } if field == name), "{name}: {flaw}");
    }
    for (name, value) in [("uuid", json!([1, 2])), ("password", json!(5)), ("ver", Value::Null)] {
        assert!(matches!(field(name, value), Flaw::Fields { what: "device report", .. }), "{name}");
    }
}

#[test]
fn what_go_writes_for_no_hashes_is_no_hashes() {
    for none in [Value::Null, json!([]), json!(["", ""])] {
        let mut report: Value = serde_json::from_str(PLAIN_REPORT).unwrap();
        report["certHashes"] = none;
        assert_eq!(hello("activate --profile p", &report.to_string()).report.root_hashes, []);
    }
}

#[test]
fn no_error_and_no_debug_text_repeats_a_secret() {
    let secret = "hunter2";
    let mut report: Value = serde_json::from_str(PLAIN_REPORT).unwrap();
    report["password"] = json!(secret);
    for name in ["uuid", "ver", "currentMode", "certHashes", "tlsEnforced"] {
        let mut broken = report.clone();
        broken[name] = json!(secret);
        let error = ToServer::parse(&relay_frame("activate --profile p", broken.to_string().as_bytes())).unwrap_err();
        assert!(!format!("{error} {error:?} {}", error.rps_text()).contains(secret), "{error}");
    }
    let error = ToServer::parse(&relay_frame("deactivatee --password hunter2", b"{}")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    let hello = hello("deactivate --password hunter2", &report.to_string());
    assert!(!format!("{hello:?}").contains(secret));
    assert_eq!(format!("{:?}", ToRelay::TlsData(Data(vec![1; 7]))), "TlsData(7 bytes)");
}

#[test]
fn an_outcome_of_rps_with_components_is_read_and_shown() {
    let status = r#"{"Status":"Admin control mode.","Network":"Wired Network Configured.","CIRAConnection":"Configured","TLSConfiguration":"Configured","Components":{"Activation":{"Result":"Success","Mode":"ACM"},"TLS":{"Result":"NotApplicable"}}}"#;
    let frame = server_frame("success", "success", &json!(status).to_string(), "null");
    let Ok(ToRelay::Success(outcome)) = ToRelay::parse(&frame) else { panic!("no success") };
    assert_eq!(
        outcome.to_string(),
        "Admin control mode.; network: Wired Network Configured.; CIRA: Configured; TLS: Configured"
    );
    let Outcome::Report(report) = outcome else { panic!("no report") };
    assert_eq!(report.components["Activation"].mode.as_deref(), Some("ACM"));
    assert_eq!(report.components["TLS"].result, ComponentResult::NotApplicable);
    for text in ["[]", "null", "{", ""] {
        let frame = server_frame("error", "failed", &json!(text).to_string(), "null");
        assert_eq!(ToRelay::parse(&frame), Ok(ToRelay::Error(Outcome::Text(text.to_owned()))));
    }
    // A result word of a later RPS must not hide the outcome.
    let later = server_frame("success", "success", r#""{\"Components\":{\"X\":{\"Result\":\"Maybe\"}}}""#, "null");
    assert!(matches!(ToRelay::parse(&later), Ok(ToRelay::Success(Outcome::Text(_)))));
}
