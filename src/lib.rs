//! End-to-end TLS provisioning of Intel AMT devices, the management engine in vPro PCs.
//!
//! A server brings a PC's firmware from the factory's state into Admin Control Mode. It reaches that firmware only
//! through a program on the PC, the **relay**, which may be anybody's. So TLS runs from the server to the firmware, the
//! relay pumps bytes, every step is a typed transition with evidence, and what a step means to do is durable before
//! the request that does it exists: no step is skipped, nothing falls back to plain text by itself, no device is lost.
//!
//! ```text
//!             provisioner (server)                                relay (device's OS)
//!   fsm       typed decisions: stages, commands, events            typed decisions: survey, dial, pump, drain
//!   channel   WS-Man envelopes · HTTP/1.1 + digest · TLS client    framing of messages, credits
//!   adapters  smol, async-tungstenite, stores, config, CLI         smol, async-tungstenite, MEI, CLI
//! ```
//!
//! Data flows one way: adapter, channel, core, channel, adapter. Everything above the adapters is without I/O and without
//! a clock: bytes, typed values and times go in, and come out.
//!
//! # Reading order
//!
//! 1. [`fsm`]: what is decided about a device, in which order, and what must be durable first. Its page begins with a run.
//! 2. [`tunnel`]: the channel between the core's requests and bytes, and the TLS client that enforces what it expects.
//!    Beneath it [`wsman`], [`http`] and [`pki`].
//! 3. [`server`]: one run of one device as a [`Conversation`](server::Conversation), and the session and listener around
//!    it; [`store`], [`config`], [`access`].
//! 4. [`relay`]: the other end, with [`mei`], the firmware's host interface, and [`protocol`], the messages between the two.
//! 5. [`simulator`]: the device in all tests and demos, which says afterwards what it really is.
//!
//! # To use it
//!
//! [`guide`] is the chapter for integrators: a transport, a driver, a persona of your own, each a runnable example, and
//! [what holds](guide#what-holds).
#![deny(missing_docs)]

pub use amt_provision_fsm as fsm;

pub mod access;
mod calendar;
pub mod cli;
pub mod config;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod guide;
pub mod http;
pub mod limits;
pub mod mei;
pub mod password;
pub mod pki;
pub mod protocol;
pub mod relay;
pub mod sealing;
pub mod secret;
pub mod server;
pub mod simulator;
pub mod store;
pub mod tunnel;
mod websocket;
#[cfg(feature = "sim")]
pub mod world;
pub mod wsman;
