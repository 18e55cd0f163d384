//! The simulated AMT firmware, sans-I/O: calls in, replies out, and the state in between.
//!
//! It stands behind HTTP and TLS ([`device`](super::device) puts them in front of it) and beside MEI. What it keeps,
//! refuses and forgets is what wsman.md §2 and §2.19 say of real firmware, so that a wrong server is found out: it
//! verifies provisioning chains and signatures, knows its modes and their order, and counts what was applied.
//!
//! ```text
//!   Login + Call ──▶ Firmware::answer ──▶ Answer { Body or fault, aftermath }
//!                      │
//!      machine      the state, from the factory on   dispatch   who answers what, what is allowed when
//!      setup        control modes, nonces and partial chains (of a digest session, not of a connection)
//!      chain, roots the provisioning chain and its signature
//!      configuration commit, unprovision, UUID       accounts   local system account, admin, MEBx
//!      store        keys, certificates, the binding  shown      what a handshake shows
//!      key_management, tls_settings (staged and in force), general, clock, lists
//!      host         PTHI and the watchdog byte       truth      what it really is
//!      versions     what differs between versions    actions    what can be asked, by name
//! ```
//!
//! What is written takes effect at once in the state and, where TLS is concerned, with the next commit in handshakes.

mod accounts;
mod actions;
mod chain;
mod classes;
mod clock;
mod configuration;
mod dispatch;
mod general;
mod host;
mod instance;
mod key_management;
mod lists;
mod machine;
mod mischief;
mod refusal;
mod roots;
mod setup;
mod shown;
mod store;
mod tls_settings;
mod truth;
mod versions;

pub use accounts::{ADMIN, LOCAL_SYSTEM_USER};
pub use actions::{Action, UnknownAction};
pub use chain::{MAX_CHAIN, NONCE};
pub use classes::Class;
pub use dispatch::{Aftermath, Answer};
pub use lists::MAX_ENUMERATIONS;
pub use machine::Firmware;
pub use roots::TrustedRoots;
pub use shown::{Shown, ShownIdentity};
pub use store::{MAX_CERTIFICATES, MAX_KEYS};
pub use tls_settings::{InterfaceTls, TlsSettings};
pub use truth::{Counters, Truth};
pub use versions::{AdminSetup, ChainHashes, Ciphers, DefaultBinding, Generation, LocalPorts, RemotePlain, TlsBits};
