//! The server: what a relay connects to, and what drives the core.
//!
//! ```text
//!   relay ◀─WebSocket─▶ session (smol) ◀──▶ Conversation ─▶ Provisioner   decisions
//!                          │  ▲                 │      └──▶ Channel       WS-Man · HTTP · TLS
//!                          ▼  │                 └─────────▶ Line          messages
//!                   store, authority
//! ```
//!
//! A [`Conversation`] is one run of one device without a socket, a clock or a store: messages and times go in,
//! messages and [`Job`]s come out. A session carries the jobs out and reports back; the core goes on when it
//! hears that what it meant is durable, and not before (G2, G3).
//!
//! A relay speaks JSON messages over one WebSocket, or compact frames in a session that outlives it: then the session waits
//! for its relay's next WebSocket, its lease and its deadlines with it.
//!
//! [`serve_until`] accepts relays until it is told to stop; then it hears what was asked already, and asks no more. Each is a task of its own; nothing that one says touches
//! another, but for the rule that a device has one driver at a time (G13): a session holds the store's lease on its
//! device, whichever server of a fleet it is on.

mod compact;
mod conversation;
mod crl_directory;
mod deployment;
mod fair;
mod fitness;
mod gate;
mod leases;
mod line;
mod listener;
mod numbered;
mod road;
mod session;
mod sessions;
mod silence;
mod spoken;
mod stopping;
mod vault;

pub use conversation::{Beginning, Conversation, Job, Misuse, Traffic};
pub use crl_directory::CrlDirectory;
pub use deployment::{Deployment, Observer, Profiles, ServedProfile, Unwatched};
pub use gate::{Tally, TooOften};
pub use listener::{Listener, ListenerError, serve, serve_until};
pub use session::SessionError;
pub use vault::Vault;
