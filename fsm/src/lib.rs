//! The pure core of amt-provision.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod firmware;
pub mod identity;
pub mod peer;
pub mod time;
