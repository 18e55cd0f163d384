//! The device in memory, against a client written by hand.

mod mischief;
mod provisioning;
mod refusals;
pub(crate) mod rig;
mod switches;
mod versions;
mod wire;
