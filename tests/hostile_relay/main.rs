//! Hostile relays and hostile devices against a running server, on real sockets: what they do ends their own session
//! with words that name the blame, gives away no secret, brings about no false success, stores nothing wrong, and
//! leaves the others running.
//!
//! ```text
//!   server ◀─WebSocket─▶ meddler ◀─TCP─▶ simulated device       tricks, impostors, plain
//!   server ◀─WebSocket─▶ relay   ◀─TCP─▶ hostile device         device
//!   server ◀─WebSocket─▶ the test                               door, crowd
//!   conversation ◀──────▶ the test, on a clock of its own       silence
//! ```

mod canary;
mod crowd;
mod device;
mod door;
mod impostor;
mod impostors;
mod limits;
mod meddler;
#[path = "../common/patience.rs"]
mod patience;
mod plain;
#[path = "../common/profile.rs"]
mod profile;
mod records;
#[path = "../common/relay.rs"]
mod relay;
mod script;
mod silence;
mod tricks;
mod world;
