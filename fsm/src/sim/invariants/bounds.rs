//! G9 to G12: the relay as a pipe, bounds, totality, determinism.

use alloc::format;

use super::{Check, check};
use crate::fault::{Fault, Ours};
use crate::provisioner::Outcome;
use crate::relay::{Limits, Relay, RelayState};
use crate::sim::world::Report;

/// G9: the relay is a pipe and no more. What it hands on is the next of what it was handed, byte for byte, in
/// that direction and on that channel. That it dials one address and two ports only is its adapter's part: the
/// core's [`Port`](crate::firmware::Port) has no third.
pub fn bytes_in_are_bytes_out(handed: &[u8], handed_on: &[u8]) -> Check {
    check(handed.starts_with(handed_on), "G9", || {
        format!("{} bytes that are not the next of the {} under way", handed_on.len(), handed.len())
    })
}

/// G10: bounded. What a relay has under way never exceeds its limits, in either direction; and it waits for
/// nothing without a deadline (G8). Sizes of messages, chains and replies are bounded where they are read, in
/// the channel layer.
pub fn the_relay_is_bounded(relay: &Relay, limits: Limits) -> Check {
    let bounded = relay.line_credit().is_none_or(|credit| credit <= limits.to_device)
        && relay.device_credit().is_none_or(|credit| credit <= limits.to_server);
    check(bounded, "G10", || format!("{:?}", relay.state()))?;
    let open = matches!(relay.state(), RelayState::Closed(_)) || relay.poll_timeout().is_some();
    check(open, "G8", || format!("the relay waits for ever in {:?}", relay.state()))
}

/// G11: total. No input makes a run report a mistake of ours: steps without end, or a reply that is not for
/// its request. A panic would end the whole simulation; the parsers' part is theirs.
pub fn no_fault_is_our_own(outcome: &Outcome) -> Check {
    let ours = matches!(outcome.fault(), Some(Fault::Ours(Ours::GoesInCircles | Ours::ReplyMismatch(_))));
    check(!ours, "G11", || format!("{outcome}"))
}

/// G12: deterministic core. The same case gives the same report, to the last byte of its trace: no clock, no
/// random source and no hash order decides anything.
pub fn the_same_twice(one: &Report, other: &Report) -> Check {
    check(one == other, "G12", || format!("one run took {} steps, the other {}", one.steps, other.steps))
}
