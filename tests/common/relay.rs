//! Relays beside simulated devices.

#![allow(dead_code, reason = "no test target asks for everything")]

use std::fmt::Display;

use amt_provision::mei::MeiAddress;
use amt_provision::protocol::Command;
use amt_provision::relay::RelayConfig;
use amt_provision::simulator::running::SimulatedDevice;

/// The relay on a device's machine, to that server and for its profile `office`.
pub(crate) fn config(server: impl Display, device: &SimulatedDevice) -> RelayConfig {
    let url = format!("ws://{server}/activate").parse().expect("a URL");
    let command = Command::Activate { profile: "office".parse().expect("a name") };
    RelayConfig {
        lms_address: device.address().to_string().parse().expect("a loopback address"),
        hostname: Some("pc".into()),
        dns_suffix: Some("example.test".into()),
        ..RelayConfig::new(url, command, mei(device))
    }
}

/// Where a device's firmware is asked what it is.
pub(crate) fn mei(device: &SimulatedDevice) -> MeiAddress {
    MeiAddress::Unix(device.mei_path().to_owned())
}
