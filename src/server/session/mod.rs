//! One relay's session: the WebSocket, the clock and the store around a [`Conversation`](super::Conversation).
//!
//! A relay that was let in ([`visit`](serve_relay)) says whose device it brings; that device's [`Session`] waits for
//! whatever comes first, hands it to the conversation, and does what that wants done.

mod carry_out;
mod error;
mod run;
mod socket;
mod visit;

pub use self::error::SessionError;
pub(super) use self::run::Session;
pub(super) use self::socket::{after, receive, send};
pub(super) use self::visit::{Visit, farewell, serve_relay, stopped};
