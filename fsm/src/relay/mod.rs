//! The relay: the machine on the device's operating system. It asks the firmware what it is, opens one
//! of AMT's two local ports when the server says so, and pumps bytes. It never looks into them, and it
//! can be made to do nothing else (G9).
//!
//! ```text
//! Surveying ──report──▶ Idle ──dial──▶ Dialling ──connected──▶ Pumping ──end of stream──▶ Draining
//!                        ▲                │ failed                │ hang-up                  │ drained
//!                        └────────────────┴───────────────────────┴──────────────────────────┘
//!                                  any ──finish, line lost, deadline──▶ Closed
//! ```
//!
//! The calling contract is the [provisioner's](crate::provisioner): every input is followed by taking
//! all outputs, then by asking for the deadline. Bytes are handed on at once, in both directions; what
//! is counted is how many of them are still on their way. [`Relay::line_credit`] says how many more may
//! be read from the server. The device's side has no such brake: LMS drops bytes under back-pressure
//! (odca.md §3), so it is always read, and a line that cannot keep up loses the channel instead (G10).

mod io;
mod machine;

pub use io::{Close, RelayInput, RelayOutput, RelayWake};
pub use machine::{Limits, Relay, RelayState};
