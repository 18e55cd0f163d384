//! `compare`: the table of an existing pair of server and relay, and the same devices taken by this one.
//!
//! [`Row::ALL`] is the table as it was measured (pair.md); a run takes each device that can be had here over real
//! sockets, as the demo does, and holds its store against the device itself.

mod args;
mod row;
mod run;
mod table;
#[cfg(test)]
mod tests;

pub use args::{CompareArgs, UnknownRow};
pub use row::{Existing, Host, Row, Verdict};
pub use run::{compare, run};
pub use table::{Compared, Table};
