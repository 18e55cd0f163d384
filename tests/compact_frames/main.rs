//! Compact frames on real sockets: what they cost, and what a session outlives.
#![expect(clippy::print_stdout, reason = "a test tells its figures")]

mod cuts;
mod cutter;
#[path = "../common/hello.rs"]
mod hello;
mod hostile;
#[expect(dead_code, reason = "these tests stand between relay and server, and run both themselves")]
#[path = "../provisioning/mod.rs"]
mod provisioning;
mod size;
mod world;
