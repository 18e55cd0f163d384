//! What the fuzz targets run: functions that take any bytes and panic when a promise is broken (feature `fuzzing`).
//!
//! Here are the promises, one file for each kind; `fuzz/src/bin/` has one line for each target, `fuzz/corpus/` the inputs
//! that are worth keeping, and `tests/corpus.rs` runs every one of them in every `cargo test`. So a target that somebody
//! adds is a function here, a row in [`TARGETS`] and a file of one line there.
//!
//! | target | the bytes are | what must hold |
//! |---|---|---|
//! | [`world`] | a device, orders and faults | every guarantee, after every event |
//! | [`provisioner_inputs`] | what relay, device, store and clock say, half of it honest | the calling contract: declared edges, bounded outputs, a deadline until the end |
//! | [`relay_bytes`] | pieces, credits and closes | bytes in are bytes out, in order, and never more on their way than the limits |
//! | [`json_messages`] | a text frame | what is read and written again is the same message; a refusal is short |
//! | [`compact_frames`] | a packet, or what happens to a session and its WebSockets, or the lies that one end is told | what is read and written again is the same; each frame arrives once and in order, whatever is cut; no more is kept than the limit, and no lie is believed |
//! | [`http_response`] | sizes of pieces, then replies | how bytes are cut does not matter; no body beyond its limit |
//! | [`digest_challenge`] | a `WWW-Authenticate` value | what is read and written again is the same; the answer is one that the device's side takes |
//! | [`wsman_reply`] | a question, then the body of its reply | never a panic; what is XML and written again is the same tree |
//! | [`odca_chain`] | certificates | nobody is believed but along the verified path, in whatever order the rest comes |
//! | [`revocation_list`] | a list in DER or PEM | DER and PEM of it are the same list |
//! | [`mei_message`] | a question, then its answer | what is read and written again is the same |
//! | [`snapshot`] | a stored record | one canonical form; nothing behind it is passed over |
//! | [`tls_tunnel`] | pieces, writes, damage | what arrives is what was sent, whole and in order, or a beginning of it; bytes alone never make a peer |
//! | [`config_file`] | a configuration | never a panic; every mistake has a place in the file |
//!
//! Targets whose bytes are choices read them by [`arbitrary`]; when these run out the input ends.

mod actions;
mod compact;
mod config;
mod http;
mod mei;
mod messages;
mod pki;
mod provisioner;
mod relay;
mod snapshot;
mod tunnel;
mod world;
mod wsman;

pub use compact::compact_frames;
pub use config::config_file;
pub use http::{digest_challenge, http_response};
pub use mei::mei_message;
pub use messages::json_messages;
pub use pki::{odca_chain, revocation_list};
pub use provisioner::provisioner_inputs;
pub use relay::relay_bytes;
pub use snapshot::snapshot;
pub use tunnel::tls_tunnel;
pub use world::world;
pub use wsman::wsman_reply;

/// Takes any bytes, and panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name: that of its file in `fuzz/src/bin/` and of its folder in `fuzz/corpus/`.
pub const TARGETS: [(&str, Target); 14] = [
    ("compact_frames", compact_frames),
    ("config_file", config_file),
    ("digest_challenge", digest_challenge),
    ("http_response", http_response),
    ("json_messages", json_messages),
    ("mei_message", mei_message),
    ("odca_chain", odca_chain),
    ("provisioner_inputs", provisioner_inputs),
    ("relay_bytes", relay_bytes),
    ("revocation_list", revocation_list),
    ("snapshot", snapshot),
    ("tls_tunnel", tls_tunnel),
    ("world", world),
    ("wsman_reply", wsman_reply),
];
