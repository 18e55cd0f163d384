//! A simulated AMT device: what tests, demos and the command's `simulate` talk to.
//!
//! ```text
//!   running::SimulatedDevice           real sockets: lms (16992, 16993 of a 127.x.y.z), mei (SOCK_SEQPACKET)
//!     └─ device::Device                sans-I/O: connections, TLS server, HTTP, digest, time, restarts
//!          └─ firmware::Firmware       calls in, replies out, and the state in between
//!   config (what it is made of), persona (how it behaves), switches (what one can change by itself),
//!   identity (what it shows in handshakes), keys, provisioning (the certificate that one buys for ACM),
//!   revocation (lists of its authority)
//! ```
//!
//! The firmware verifies what a firmware verifies, and remembers what was asked of it; [`firmware::Truth`] says what
//! the device really is, so that a server's success can be checked from the device's side.
//!
//! ```
//! use std::sync::Arc;
//! use amt_provision::fsm::firmware::AmtVersion;
//! use amt_provision::fsm::time::Instant;
//! use amt_provision::simulator::config::DeviceConfig;
//! use amt_provision::simulator::device::Device;
//! use amt_provision::simulator::firmware::Shown;
//! use amt_provision::simulator::identity::SimulatorAuthority;
//!
//! let authority = Arc::new(SimulatorAuthority::generate()?);
//! let uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?;
//! let device = Device::new(&DeviceConfig::new(uuid, AmtVersion::new(19, 0), authority))?;
//! assert_eq!(device.truth(Instant::ZERO).shown, Shown::Odca);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod config;
pub mod device;
pub mod firmware;
pub mod identity;
pub mod keys;
pub mod persona;
pub mod provisioning;
pub mod revocation;
pub mod running;
pub mod switches;
