//! One run of one device, without a socket, a clock or a store.
//!
//! A run has a [`Beginning`]; then messages, times and what became of each [`Job`] go in, and messages and jobs come out.

mod beginning;
mod job;
mod run;
mod turns;
mod words;

pub use beginning::Beginning;
pub use job::{Job, Misuse, Traffic};
pub use run::Conversation;
