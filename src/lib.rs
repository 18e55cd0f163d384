//! End-to-end TLS provisioning of Intel AMT devices.
#![deny(missing_docs)]

pub use amt_provision_fsm as fsm;

pub mod mei;
pub mod password;
pub mod protocol;
pub mod secret;
pub mod pki;
pub mod simulator;
pub mod tunnel;
