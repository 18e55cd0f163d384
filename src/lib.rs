//! End-to-end TLS provisioning of Intel AMT devices.
#![deny(missing_docs)]

pub use amt_provision_fsm as fsm;

pub mod access;
mod calendar;
pub mod cli;
pub mod config;
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
pub mod world;
pub mod wsman;
