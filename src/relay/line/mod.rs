//! One line to a server that speaks JSON messages, as a machine without sockets and clock.
//!
//! These messages have no channel numbers and no "dial" (rps.md §1, rpc-go.md §4). What a message means for the
//! connection to the device follows from its bytes:
//!
//! | message | meaning |
//! |---|---|
//! | `tls_data` that starts a ClientHello | a new connection to the current port; the old one is dropped, the bytes wait |
//! | `tls_data`, other | for the connection that is there; without one it is dropped |
//! | `wsman` on 16992 | dials if there is no connection; the reply goes back whole, as `response` |
//! | `port_switch` | drop the connection, note the port, wait until it answers, `port_switch_ack`, keep that connection |
//! | `success`, `error` | the end |
//!
//! Towards the server goes one `connection_reset` for each connection that ended without the server asking for it.
//!
//! ```text
//!               Line
//!   text ──▶ ToRelay ─▶ RelayInput ─▶ ┌───────┐ ─▶ ToDevice, Connect, Disconnect ──▶ TCP
//!                                     │ Relay │
//!   text ◀── ToServer ◀─ Session ◀─── └───────┘ ◀─ FromDevice, Connected, DeviceClosed ◀── TCP
//!                 (cuts bytes into messages)
//! ```
//!
//! A port switch is proven by the first byte from the new port and not before: LMS accepts connections while the ME
//! behind it still restarts (odca.md §3). Until then a connection that ends is tried again, at growing pauses, and
//! a ClientHello that it had been given is said again; nothing else is ever said twice.
//!
//! # The calling contract
//!
//! *Every call of [`Line::handle`] or [`Line::handle_timeout`] is followed by [`Line::poll_output`] until that returns
//! `None`; then the driver waits for the next input, no longer than [`Line::poll_timeout`] says, and reads from the
//! server only while [`Line::wants_message`].* The device is always read: LMS loses bytes under back-pressure.

mod exchange;
mod flight;
mod hello;
mod io;
mod machine;
mod records;
mod session;
mod switch;
#[cfg(test)]
pub(super) mod tests;

pub use io::{End, LineInput, LineOutput, LineWake, Notice};
pub use machine::{Line, MAX_QUEUED};
pub use switch::{FIRST_PAUSE, LONGEST_PAUSE, PORT_DEADLINE};
