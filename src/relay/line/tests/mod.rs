//! The line against scripted servers and devices.

mod connections;
mod flight;
mod handshakes;
pub(in crate::relay) mod rig;
mod switch;
mod tls;
