//! The demo, as a person and as a machine run it: the built command, real sockets, the device's own word.

use std::process::Command;

use serde_json::Value;

/// Runs the demo with `--json`: its exit status and its lines.
fn demo(arguments: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_amt-provision"))
        .args(["demo", "--json"])
        .env_remove("RUST_LOG")
        .args(arguments)
        .output()
        .expect("the command starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "a machine asked, and nothing is wrong");
    let text = String::from_utf8(output.stdout).expect("JSON is text");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("a line is a value")).collect();
    (output.status.code(), lines)
}

#[test]
fn each_persona_comes_to_acm_with_its_provenance_and_never_in_plain_text() {
    for (persona, provenance) in [
        ("keeps-session", "odca"),
        ("drops-odca", "odca"),
        ("drops-listed", "odca-interim"),
        ("drops-unlisted", "provisional"),
    ] {
        let (status, lines) = demo(&["--persona", persona]);
        let [device, summary] = &lines[..] else { panic!("{persona}: {lines:?}") };
        assert_eq!(status, Some(0), "{persona}: {device}");
        assert_eq!(device["outcome"], "acm", "{device}");
        assert_eq!(device["pin"]["provenance"], provenance, "{device}");
        assert_eq!(device["plain_requests"], 0, "{device}");
        assert!(device["waited_ms"].as_u64() < device["elapsed_ms"].as_u64(), "{device}");
        assert_eq!((&summary["ok"], &summary["failed"]), (&Value::from(1), &Value::from(0)));
    }
}

#[test]
fn both_flows_side_by_side_end_in_acm_and_plain_text_is_flow_b_s_alone() {
    let (status, lines) = demo(&["--flow", "both", "--devices", "3"]);
    assert_eq!(status, Some(0), "{lines:?}");
    let devices: Vec<&Value> = lines.iter().filter(|line| line.get("uuid").is_some()).collect();
    assert_eq!(devices.len(), 6);
    for device in devices {
        assert_eq!(device["outcome"], "acm", "{device}");
        let (plain, provenance) = (device["plain_requests"].as_u64(), device["pin"]["provenance"].as_str());
        match device["flow"].as_str() {
            Some("a") => assert_eq!((plain, provenance), (Some(0), Some("odca-interim")), "{device}"),
            Some("b") => assert!(plain > Some(0) && provenance == Some("first-use"), "{device}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_profile_that_demands_more_than_a_device_can_show_is_told_and_the_device_is_kept() {
    let (status, lines) = demo(&["--persona", "drops-unlisted", "--minimum-provenance", "odca-interim"]);
    let [device, summary] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((status, device["outcome"].as_str()), (Some(4), Some("failed")), "{device}");
    let error = device["error"].as_str().expect("a reason");
    assert!(error.contains("the device showed no key that this profile may trust"), "{error}");
    assert_eq!(summary["failed"], 1);
}

#[test]
fn without_trust_in_first_use_flow_b_ends_in_ccm_and_flow_a_in_acm() {
    let (status, lines) = demo(&["--flow", "both", "--distrust-first-use"]);
    let [a, b, _] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(
        (status, a["outcome"].as_str(), b["outcome"].as_str()),
        (Some(0), Some("acm"), Some("ccm")),
        "{lines:?}"
    );
}

#[test]
fn a_ccm_profile_ends_pinned_in_ccm_in_both_flows() {
    let (status, lines) = demo(&["--flow", "both", "--goal", "ccm"]);
    assert_eq!(status, Some(0), "{lines:?}");
    for device in &lines[..2] {
        assert_eq!(device["outcome"], "ccm", "{device}");
        assert!(device["pin"]["sha256"].is_string(), "{device}");
    }
}
