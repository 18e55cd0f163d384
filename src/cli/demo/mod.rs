//! `demo`: server, relays and simulated devices in one process, each on real sockets.
//!
//! [`DemoArgs`] is the command line, [`DemoOptions`] what it means; a [`DeviceResult`] is what became of a device, and
//! [`Screen`] prints it: line by line for machines, stage by stage for people.

mod args;
mod fleet;
mod report;
mod run;
mod screen;
#[cfg(test)]
mod tests;

pub use args::{DemoArgs, DemoOptions, Flow, PeerStyle, PinTrust, PlannedDevice, PlannedGoal};
pub use fleet::{Progress, SetUpError, provision};
pub use report::{DemoFailure, DeviceOutcome, DeviceResult, Summary};
pub use run::run;
pub use screen::Screen;
