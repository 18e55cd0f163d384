//! One line to a server that speaks [compact frames](crate::protocol::compact), as a machine without sockets and clock:
//! the core's relay machine with a session around it that outlives its WebSocket.
//!
//! ```text
//!               Line
//!   packet ──▶ Resumable ─▶ ToRelay ──▶ ┌───────┐ ─▶ ToDevice, Connect, Disconnect ──▶ TCP
//!                                       │ Relay │
//!   packet ◀── Resumable ◀─ ToServer ◀─ └───────┘ ◀─ FromDevice, Connected, DeviceClosed ◀── TCP
//! ```
//!
//! When the WebSocket is lost the connection to the device stays, and is read on. Another WebSocket is tried for after
//! pauses with [decorrelated jitter](backoff), for [`RECONNECT`](amt_provision_fsm::deadline::RECONNECT) at most.
//!
//! The calling contract is that of the [line of JSON messages](super::line).

mod backoff;
mod machine;
#[cfg(test)]
mod tests;

pub(super) use machine::Line;
