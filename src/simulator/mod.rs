//! A simulated AMT device: what tests, demos and the command's `simulate` talk to.
//!
//! [`identity`] mints what such a device shows in a TLS handshake; it is also what the tests of the
//! verifier make their wrong chains with.

pub mod identity;
