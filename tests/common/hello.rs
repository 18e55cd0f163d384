//! The first message of a relay that has no device behind it.

use amt_provision::fsm::identity::Uuid;
use amt_provision::protocol::{Hello, ToServer};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

/// That a device of AMT 19 is there as it comes from the factory, and is to be taken where `profile` says.
pub(crate) fn hello(profile: &str, uuid: Uuid) -> Hello {
    let report = json!({
        "ver": "19.0.0", "build": "2124", "sku": "16392", "features": "AMT Pro Corporate", "uuid": uuid.to_string(),
        "username": "$$OsAdmin", "password": "lsa-Pa55w0rd", "currentMode": 0, "hostname": "pc", "fqdn": "example.test",
        "client": "RPC", "tlsEnforced": true, "lmsInstalled": true
    });
    let payload = BASE64_STANDARD.encode(report.to_string());
    let method = format!("activate --profile {profile}");
    let frame = json!({ "method": method, "protocolVersion": "4.0.0", "payload": payload });
    match ToServer::parse(&frame.to_string()) {
        Ok(ToServer::Hello(hello)) => *hello,
        other => panic!("{other:?}"),
    }
}
