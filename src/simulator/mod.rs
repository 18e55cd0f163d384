//! A simulated AMT device.

pub mod config;
pub mod firmware;
pub mod identity;
pub mod keys;
pub mod persona;
pub mod provisioning;
