//! The command line of `demo` and what it prints.

use amt_provision_fsm::channel::ChannelName;
use amt_provision_fsm::edges::{Cause, Edge, Place};
use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::identity::{RomCaHash, SpkiHash};
use amt_provision_fsm::record::{Pin, Provenance};
use amt_provision_fsm::stage::StageName;
use amt_provision_fsm::time::Millis;
use clap::Parser;
use serde_json::{Value, json};

use super::*;
use crate::cli::{CliError, ExitStatus, Form, Output};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: DemoArgs,
}

fn read(text: &str) -> Result<DemoOptions, String> {
    let words = std::iter::once("demo").chain(text.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    line.args.try_into().map_err(|error: CliError| error.to_string())
}

fn planned(text: &str) -> Vec<(Flow, String)> {
    let options = read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    options.devices.iter().map(|device| (device.flow(), device.version.to_string())).collect()
}

#[test]
fn version_and_flow_follow_from_each_other() {
    let (a, b) = ((Flow::A, "19.0.0".to_owned()), (Flow::B, "18.0.0".to_owned()));
    assert_eq!(planned(""), std::slice::from_ref(&a));
    assert_eq!(planned("--flow b"), std::slice::from_ref(&b));
    assert_eq!(planned("--flow both --devices 2"), [a.clone(), a, b.clone(), b]);
    assert_eq!(planned("--amt 16.1"), [(Flow::B, "16.1.0".to_owned())]);
    assert_eq!(planned("--amt 21.0 --flow a"), [(Flow::A, "21.0.0".to_owned())]);
    let personas = |text: &str| read(text).unwrap().devices.iter().map(|it| it.persona.name).collect::<Vec<_>>();
    assert_eq!(personas("--flow both"), ["drops-listed", "keeps-session"]);
    assert_eq!(personas("--flow both --persona drops-odca"), ["drops-odca", "drops-odca"]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    for text in ["--flow b --amt 19.0", "--flow a --amt 18.0", "--flow both --amt 19.0"] {
        let error = read(text).unwrap_err();
        assert!(error.contains("leave --flow out, or --amt"), "{text}: {error}");
    }
    for text in ["--devices 0", "--devices 501", "--flow c", "--amt 19", "--persona x"] {
        assert!(read(text).is_err(), "{text}");
    }
}

fn result() -> DeviceResult {
    DeviceResult {
        uuid: "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().unwrap(),
        amt: AmtVersion::new(19, 0),
        persona: "drops-listed".parse().unwrap(),
        flow: Flow::A,
        outcome: DeviceOutcome::Acm,
        pin: Some(Pin { spki: SpkiHash::from_bytes([0x5a; 32]), provenance: Provenance::OdcaInterim }),
        rom_ca_sha256: Some(RomCaHash::from_bytes([0xab; 32])),
        tls_sessions: 4,
        requests: 41,
        plain_requests: 0,
        messages_sent: 60,
        bytes_sent: 45_000,
        elapsed_ms: Millis(1500),
        waited_ms: Millis(20),
        failure: None,
    }
}

fn failed() -> DeviceResult {
    let failure = DemoFailure { text: "the line did not hold".into(), status: ExitStatus::Link };
    DeviceResult {
        outcome: DeviceOutcome::Failed,
        pin: None,
        rom_ca_sha256: None,
        failure: Some(failure),
        flow: Flow::B,
        ..result()
    }
}

fn printed(form: Form, print: impl FnOnce(&mut Screen<'_, '_>)) -> String {
    let mut to = anstream::StripStream::new(Vec::new());
    print(&mut Screen::new(&mut Output::new(form, &mut to)));
    String::from_utf8(to.into_inner()).unwrap()
}

fn edge() -> Edge {
    let place = |stage, channel| Place { stage, channel };
    Edge {
        from: place(StageName::TcpOpen, ChannelName::Unconnected),
        on: Cause::KeyShown,
        to: place(StageName::Tunneling, ChannelName::Odca),
    }
}

#[test]
fn machines_get_one_line_a_device_and_one_for_all() {
    let results = [result(), failed()];
    let text = printed(Form::Json, |screen| {
        screen.moved(results[0].uuid, Millis(3), &edge()).unwrap();
        results.iter().for_each(|result| screen.finished(result).unwrap());
        screen.summary(&Summary::of(&results, Millis(1600))).unwrap();
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = json!({
        "uuid": "4c4c4544-0051-3610-8053-b7c04f4e3033",
        "amt": "19.0.0",
        "persona": "drops-listed",
        "flow": "a",
        "outcome": "acm",
        "pin": { "sha256": "5a".repeat(32), "provenance": "odca-interim" },
        "rom_ca_sha256": "ab".repeat(32),
        "tls_sessions": 4,
        "requests": 41,
        "plain_requests": 0,
        "messages_sent": 60,
        "bytes_sent": 45000,
        "elapsed_ms": 1500,
        "waited_ms": 20,
    });
    assert_eq!(lines[0], expected);
    assert_eq!((&lines[1]["outcome"], &lines[1]["flow"]), (&json!("failed"), &json!("b")));
    assert_eq!((&lines[1]["pin"], &lines[1]["rom_ca_sha256"]), (&Value::Null, &Value::Null));
    assert_eq!(lines[1]["error"], "the line did not hold");
    assert_eq!(lines[2], json!({ "devices": 2, "ok": 1, "failed": 1, "elapsed_ms": 1600 }));
    assert_eq!(lines.len(), 3);
}

#[test]
fn people_see_the_stages_and_how_the_pin_came_to_be() {
    let text = printed(Form::People, |screen| {
        screen.moved(result().uuid, Millis(3), &edge()).unwrap();
        screen.finished(&result()).unwrap();
        screen.summary(&Summary::of(&[result()], Millis(1600))).unwrap();
    });
    let pin = "5a".repeat(32);
    let rom_ca = "ab".repeat(32);
    let expected = format!(
        "      3 ms  4c4c4544  Tunneling<Odca>               the handshake showed a key that may be shown\n\
         \n\
         device 4c4c4544-0051-3610-8053-b7c04f4e3033: in Admin Control Mode\n\
         \x20 firmware        AMT 19.0.0, drops-listed, flow A\n\
         \x20 pin             {pin}\n\
         \x20 odca-interim    made and committed over the device's default key, which had been read inside a session that \
         the silicon's certificate chain vouched for\n\
         \x20 ROM-CA          {rom_ca}\n\
         \x20 traffic         4 TLS sessions, 41 requests, 0 of them in plain text; 60 messages and 45000 bytes to the \
         relay\n\
         \x20 time            1500 ms, 20 ms of them waiting for neither device nor wire\n\
         \n\
         1 of 1 devices are where they should be, after 1600 ms\n"
    );
    assert_eq!(text, expected);
    let text = printed(Form::People, |screen| screen.finished(&failed()).unwrap());
    assert!(text.contains(": failed\n") && text.contains("why             the line did not hold\n"), "{text}");
}

#[test]
fn the_first_failure_decides_the_exit_status() {
    let status = |results: &[DeviceResult]| Summary::of(results, Millis(1)).status;
    assert_eq!(status(&[result(), result()]), ExitStatus::Done);
    assert_eq!(status(&[result(), failed()]), ExitStatus::Link);
    // The device reached ACM, and still is not what the store says.
    let disagrees = DemoFailure { text: "the store has another pin".into(), status: ExitStatus::Ours };
    assert_eq!(status(&[DeviceResult { failure: Some(disagrees), ..result() }, failed()]), ExitStatus::Ours);
}
