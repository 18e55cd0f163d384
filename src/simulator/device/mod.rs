//! The whole simulated device, sans-I/O: bytes of any number of TCP connections in, bytes out, and virtual time from
//! outside.
//!
//! ```text
//!   receive(now, id, bytes) ──▶ Connection (TLS or plain, HTTP framing) ──▶ Web (digest) ──▶ Firmware
//!                                                                                              │
//!   poll_output() ◀── Send(id, bytes) · Close(id) · Listen(port) · Unlisten(port) ◀── queue ◀──┘ after the time
//!   poll_timeout(), handle_timeout(now)                                                          that the work takes
//! ```
//!
//! The firmware does one request at a time; it is applied when it arrives, and its reply comes when the time it takes
//! is over. A request that restarts the ports then ends *every* connection: what was not sent is lost, listeners stay
//! (LMS goes on accepting, and closes at once: odca.md §3), and after the time away handshakes show what the commit
//! put in force.
//!
//! Calling contract: after every call of [`Device::connect`], [`Device::receive`], [`Device::disconnected`] and
//! [`Device::handle_timeout`], do what [`Device::poll_output`] yields until it yields nothing, then wait for bytes or
//! for [`Device::poll_timeout`]. Instants count from the start of the device and must not go back.
//!
//! A reference to a device is a [`MeiTransport`](crate::mei::MeiTransport) too: `Mei::new(&device).survey()`.

mod accounting;
mod connection;
mod host;
mod machine;
mod mischief;
#[cfg(test)]
pub(crate) mod tests;
mod web;

pub use accounting::{Accounting, Traffic};
pub use connection::MAX_WAITING;
pub use host::HostConnection;
pub use machine::{ConnectionId, Device, MAX_CONNECTIONS, Output};
