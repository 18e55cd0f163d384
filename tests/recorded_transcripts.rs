//! Recorded conversations of a real rpc-go with a real RPS: one JSON object per WebSocket message with its
//! direction, method, decoded length and JSON length, but not its content.
//!
//! What can be checked: each method is known in its direction, the order is the one that the relay and the
//! server rely on, and a message of ours with as many bytes of data has exactly the recorded JSON length,
//! apart from the length of `appVersion`.

mod common;

use std::path::PathBuf;

use amt_provision::fsm::firmware::Port;
use amt_provision::fsm::time::Millis;
use amt_provision::protocol::{APP_VERSION, Data, MAX_MESSAGE, PortSwitch, ToRelay, ToServer};
use serde::Deserialize;

const RPC_GO_VERSION: &str = "Development Build";
const RPS_VERSION: &str = "2.40.0";

#[derive(Debug, Deserialize)]
struct Recorded {
    dir: String,
    method: String,
    len: usize,
    text: usize,
}

fn transcripts() -> Option<Vec<(PathBuf, Vec<Recorded>)>> {
    let folder = common::recorded("transcripts")?;
    let entries = std::fs::read_dir(&folder).expect("a readable folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no transcripts in {}", folder.display());
    Some(files.into_iter().map(|file| (file.clone(), read(&file))).collect())
}

fn read(file: &PathBuf) -> Vec<Recorded> {
    let text = std::fs::read_to_string(file).expect("a readable file");
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

/// The frame that we would send in the place of the recorded one; `None` where its content decides.
fn ours(message: &Recorded) -> Option<String> {
    let data = Data(vec![0; message.len]);
    Some(
        match (message.dir.as_str(), message.method.as_str()) {
            ("rpc>rps", "response") => ToServer::Response(data).encode(),
            ("rpc>rps", "tls_data") => ToServer::TlsData(data).encode(),
            ("rpc>rps", "port_switch_ack") => ToServer::PortSwitchAck.encode(),
            ("rps>rpc", "wsman") => ToRelay::Wsman(data).encode(),
            ("rps>rpc", "tls_data") => ToRelay::TlsData(data).encode(),
            ("rps>rpc", "port_switch") => {
                ToRelay::PortSwitch(PortSwitch { port: Port::Tls, delay: Millis::from_secs(15) }).encode()
            }
            ("rpc>rps", line) if line.starts_with("activate --profile ") => return None,
            ("rps>rpc", "success") => return None,
            other => panic!("a message that is not known here: {other:?}"),
        }
        .expect("a message of a recorded length"),
    )
}

#[test]
fn every_message_has_the_length_that_ours_would_have() {
    let Some(transcripts) = transcripts() else { return };
    let mut compared = 0;
    for (file, messages) in transcripts {
        for message in &messages {
            assert!(message.text <= MAX_MESSAGE);
            let Some(frame) = ours(message) else { continue };
            let theirs = if message.dir == "rpc>rps" { RPC_GO_VERSION } else { RPS_VERSION };
            let length = frame.len() - APP_VERSION.len() + theirs.len();
            assert_eq!(length, message.text, "{}: {message:?}", file.display());
            compared += 1;
        }
    }
    assert!(compared > 200, "only {compared} messages were compared");
}

#[test]
fn conversations_begin_and_end_as_we_expect_them_to() {
    let Some(transcripts) = transcripts() else { return };
    for (file, messages) in transcripts {
        let file = file.display();
        let [first, .., last] = messages.as_slice() else { panic!("{file}: too short") };
        assert!(first.method.starts_with("activate --profile "), "{file}: {first:?}");
        assert_eq!((last.dir.as_str(), last.method.as_str()), ("rps>rpc", "success"), "{file}");

        let at = |method: &str| messages.iter().position(|message| message.method == method);
        if let Some(switch) = at("port_switch") {
            assert_eq!(messages[switch + 1].method, "port_switch_ack", "{file}");
            let mut before = messages[1..switch].iter();
            assert!(before.all(|message| matches!(message.method.as_str(), "wsman" | "response")), "{file}");
            let mut after = messages[switch + 2..messages.len() - 1].iter();
            assert!(after.all(|message| message.method == "tls_data"), "{file}");
        } else {
            assert!(messages[1..messages.len() - 1].iter().all(|message| message.method == "tls_data"), "{file}");
        }
    }
}
