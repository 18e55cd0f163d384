//! Server, relay and device on one clock, with ordered pipes between them that may be cut at any byte.
//!
//! A [`Case`] says what is tried. The machine (`machine.rs`) takes what is due first, lets it happen on the
//! server's, the relay's or the device's side, and checks every guarantee; what goes wrong is in `chaos.rs`,
//! how bytes and time pass in `pipes.rs`.

mod case;
mod cases;
mod chaos;
mod device_side;
mod machine;
mod parts;
mod pipes;
mod relay_side;
mod report;
mod server_side;
mod trace;

pub use case::{Case, NoCase};
pub use machine::World;
pub use report::Report;
pub use trace::{Entry, Party, Trace};
