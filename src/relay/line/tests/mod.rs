//! The line against scripted servers and devices.

mod connections;
mod flight;
mod handshakes;
mod rig;
mod switch;
mod tls;
