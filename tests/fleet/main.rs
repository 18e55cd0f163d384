//! `serve` as processes of its own, and simulated devices: told to stop, killed, two over one database. Every device ends
//! in ACM, and was never driven by both.

#[path = "../common/patience.rs"]
mod patience;
#[path = "../common/postgres.rs"]
mod postgres;
#[path = "../common/relay.rs"]
mod relay;
mod shutdown;
mod two_servers;
mod world;
