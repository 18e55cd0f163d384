//! End-to-end TLS provisioning of Intel AMT devices.
#![deny(missing_docs)]

pub use amt_provision_fsm as fsm;

pub mod http;
pub mod wsman;
