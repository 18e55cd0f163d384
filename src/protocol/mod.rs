//! RPS messages, protocolVersion 4.0.0: what relay and server say to each other in JSON text frames.
//!
//! Both ends and both directions: our relay speaks to RPS, rpc-go speaks to our server, and ours speak to
//! each other. [`ToServer`] is what a relay sends, [`ToRelay`] what a server sends.
//!
//! ```text
//! relay                                                    server
//!   ToServer::Hello  (activate | deactivate | maintenance) ──▶
//!   ◀── ToRelay::Wsman ─ plain ─ ToServer::Response ──▶
//!   ◀── ToRelay::TlsData ─ TLS ─ ToServer::TlsData ──▶        ToServer::ConnectionReset ──▶
//!   ◀── ToRelay::PortSwitch ─ ToServer::PortSwitchAck ──▶
//!   ◀── ToRelay::HeartbeatRequest ─ ToServer::HeartbeatResponse ──▶
//!   ◀── ToRelay::Progress … ToRelay::Success | ToRelay::Error
//! ```
//!
//! A message is parsed once, here, into types that cannot hold what the protocol forbids: a port other
//! than 16992 and 16993 (G9), a placeholder UUID, a profile name with an option in it. Text longer than
//! [`MAX_MESSAGE`] is refused before anything in it is looked at (G10). A [`ParseError`] names the sender
//! to blame and never repeats what could be a secret.
//!
//! ```
//! use amt_provision::fsm::firmware::Port;
//! use amt_provision::protocol::{ToRelay, ToServer};
//!
//! let frame = r#"{"method":"port_switch","protocolVersion":"4.0.0","payload":"{\"port\":\"16993\",\"delay\":0}"}"#;
//! let ToRelay::PortSwitch(switch) = ToRelay::parse(frame)? else { unreachable!() };
//! assert_eq!(switch.port, Port::Tls);
//! assert!(ToServer::PortSwitchAck.encode()?.starts_with(r#"{"method":"port_switch_ack","apiKey":"key""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod command;
pub mod compact;
mod envelope;
mod error;
mod outcome;
mod port_switch;
mod remark;
mod report;
#[cfg(test)]
pub(crate) mod tests;
mod to_relay;
mod to_server;

pub use command::{Command, MaintenanceTask, ProfileName, ProfileNameError};
pub use envelope::{APP_VERSION, Data, MAX_DATA, MAX_MESSAGE, PROTOCOL_VERSION};
pub use error::{Excerpt, Flaw, ParseError, Sender, TooLong};
pub use outcome::{Component, ComponentResult, Outcome, StatusReport};
pub use port_switch::PortSwitch;
pub use remark::Remark;
pub use report::{DeviceReport, HostnameInfo, IpConfiguration, RootHash, RootHashError};
pub use to_relay::ToRelay;
pub use to_server::{Hello, ResetReason, ToServer};
