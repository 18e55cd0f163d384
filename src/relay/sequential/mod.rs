//! rpc-go's way of relaying, emulated: one message at a time, and a fixed time of silence behind each.
//!
//! Most devices run rpc-go and not our relay. This is what it does to a server, as its source says and as it was
//! measured (rpc-go.md §4, pair.md §3), without a Go program to install: the demo and the tests put it in our relay's
//! place.
//!
//! ```text
//!   server's message ─▶ connect, unless there is a connection ─▶ write ─▶ read until nobody has spoken for the window
//!          ▲                                                                                          │
//!          └──────────────────── only now is the next one looked at ◀── all of it as one message ◀────┘
//! ```
//!
//! [`Sequential`] is the machine: no sockets, no clock. [`Timing`] says how long it waits, over LMS or over LME, and can
//! be [scaled](Timing::scaled) down. [`run`] puts sockets around it. Over LME the emulation keeps rpc-go's windows and
//! what it makes of the end of a channel, with a TCP connection in the channel's place.
//!
//! What is true of it and not of our own relay, so that a server has to know it:
//!
//! | rpc-go | the server must |
//! |---|---|
//! | waits 2.0 s (LMS), 1.7 to 3 s (LME) behind each message | say as much as it can in each |
//! | reads the device behind a message only | say something, however little, when an answer is late |
//! | ends when a port refuses, but for the tests of a port switch | open every port but the first by `port_switch` |
//! | keeps a connection that the device has closed behind an answer | expect that the next request is lost |
//! | has a connection for each plain message, and over LME reads to its end | ask for `Connection: close` there |
//! | writes what it does not know to the device | send nothing that it does not know |

mod io;
mod machine;
mod round;
mod run;
#[cfg(test)]
mod tests;
mod timing;

pub use io::{End, Fatal, Input, Output};
pub use machine::Sequential;
pub use run::run;
pub use timing::{Timing, Transport};
