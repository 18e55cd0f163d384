//! The relay on the device's operating system: it asks the firmware over MEI what it is, opens one of AMT's two
//! local ports, and carries bytes between that port and a server. It is a pipe: it holds no secret but the local
//! system account that the firmware itself hands out, it dials one loopback address that the operator fixed, and a
//! server chooses between two ports of it and nothing else (G9).
//!
//! ```text
//!   MEI ─▶ Survey ─▶ DeviceReport ─┐
//!                                  ▼
//!   LMS ◀─TCP─▶ device task ◀─▶ Driver ◀─▶ socket task ◀─WebSocket─▶ server
//!                                  │  ▲
//!                       LineOutput ▼  │ LineInput
//!                                  Line        (all decisions; no sockets, no clock)
//! ```
//!
//! The messages are RPS's, so that the server may be ours or RPS ([`crate::protocol`]); what they mean for the
//! connection to the device is decided in [`mod@line`]. Two queues could grow: the one to the device, which the line
//! bounds by not reading from the server; and the one to the server, which it bounds by giving up the connection,
//! because a device must always be read (odca.md §3).
//!
//! ```no_run
//! use amt_provision::access::Token;
//! use amt_provision::protocol::Command;
//! use amt_provision::relay::{Proof, RelayConfig, run};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let url = "wss://provisioning.example/activate".parse()?;
//! let command = Command::Activate { profile: "office".parse()? };
//! let config = RelayConfig {
//!     proof: Proof { token: Some(Token::read("/etc/amt-provision/token".as_ref())?), certificate: None },
//!     ..RelayConfig::new(url, command, "/dev/mei0".parse()?)
//! };
//! let outcome = smol::block_on(run(config, |event| tracing::info!("{event}")))?;
//! tracing::info!("{outcome}");
//! # Ok(())
//! # }
//! ```

mod compact;
mod config;
mod confirm;
mod device;
mod error;
mod event;
mod host;
pub mod line;
mod proof;
pub mod proxy;
mod report;
mod run;
pub mod sequential;
mod talk;
#[cfg(test)]
mod tests;
mod tls;
mod websocket;

pub use config::{LmsAddress, LmsAddressError, RelayConfig, ServerUrl, ServerUrlError};
pub use device::LMS_DEADLINE;
pub use error::RelayError;
pub use event::RelayEvent;
pub use proof::{ClientCertificate, ClientCertificateError, Proof};
pub use run::run;
pub use websocket::CONNECT_DEADLINE;
