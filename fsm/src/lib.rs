//! The pure core of amt-provision.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod channel;
pub mod deadline;
pub mod edges;
pub mod fault;
pub mod firmware;
pub mod identity;
pub mod peer;
pub mod policy;
pub mod provisioner;
pub mod record;
pub mod relay;
pub mod request;
pub mod session;
#[cfg(feature = "sim")]
pub mod sim;
pub mod stage;
pub mod time;
