//! The provisioner: the erased machine that drivers, fuzzers and the model checker hold.
//!
//! # The calling contract
//!
//! *Every call of [`handle`](Provisioner::handle) or [`handle_timeout`](Provisioner::handle_timeout) is
//! followed by [`poll_output`](Provisioner::poll_output) until that returns `None`; then the driver waits
//! for the next input, no longer than [`poll_timeout`](Provisioner::poll_timeout) says.*
//!
//! 1. Take all outputs and carry them out, in their order. [`Output::Persist`] is answered with
//!    [`Input::Persisted`] only after the record is safe from a power cut; no request that depends on it
//!    exists before that.
//! 2. Ask for the deadline. `None` means that the run has ended and nothing will ever be due.
//! 3. Wait for an input or the deadline, whichever comes first. Pass the time as it is *then*: a machine
//!    that is handed an earlier time keeps the later one.
//! 4. Call `handle` or `handle_timeout`; calling `handle_timeout` early does nothing. Go to 1.
//!
//! Inputs are total: one that does not fit (a late reply, a stale channel) changes nothing. Nothing that
//! a peer can say panics (G11).

mod heard;
mod io;
mod machine;
mod wanted;

pub use io::{ChannelId, Input, Outcome, Output, StoreFault};
pub use machine::Provisioner;
