//! What must never be otherwise. Each function is one guarantee of design.md §4, or a part of one, checked
//! where it could break: at every request that leaves, at every handshake, at every change of the device,
//! after every event. Some guarantees are about bytes, sockets and stores as well; what is said here is the
//! core's part of them.
//!
//! They are written down a second time, from the disk's and the device's point of view, so that a mistake in
//! the core's types does not hide itself.

mod bounds;
mod channels;
mod durable;
mod progress;
mod secrets;

use alloc::string::String;
use core::fmt;

pub use bounds::{bytes_in_are_bytes_out, no_fault_is_our_own, the_relay_is_bounded, the_same_twice};
pub use channels::{
    a_channel_is_what_its_handshake_proved, another_device_is_left_alone, no_downgrade, pins_of_a_known_device_stay,
};
pub use durable::{
    a_shown_key_is_stored, credentials_are_durable_first, doubt_is_durable_first, goal_of, one_driver,
    store_and_device_agree,
};
pub use progress::{
    edges_are_contiguous, everything_has_a_deadline, nothing_is_applied_twice, nothing_takes_effect_twice,
    time_advances,
};
pub use secrets::{no_secret_on_an_unproven_channel, nothing_is_overheard};

/// A guarantee that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Violation {
    /// Its number and name.
    pub guarantee: &'static str,
    /// What was seen instead.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not hold: {}", self.guarantee, self.seen)
    }
}

/// Held, or what was seen instead.
pub type Check = Result<(), Violation>;

fn check(holds: bool, guarantee: &'static str, seen: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation { guarantee, seen: seen() }) }
}
