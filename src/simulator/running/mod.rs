//! A simulated device on real sockets.
//!
//! ```no_run
//! use std::sync::Arc;
//! use amt_provision::fsm::firmware::AmtVersion;
//! use amt_provision::simulator::config::DeviceConfig;
//! use amt_provision::simulator::identity::SimulatorAuthority;
//! use amt_provision::simulator::running::{Place, SimulatedDevice};
//!
//! # smol::block_on(async {
//! let authority = Arc::new(SimulatorAuthority::generate()?);
//! let config = DeviceConfig::new("4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?, AmtVersion::new(19, 0), authority);
//! let place = Place { address: [127, 0, 0, 2].into(), mei_path: "/run/amt/mei.sock".into() };
//! let device = SimulatedDevice::start(&config, place).await?;
//! assert!(!device.truth().admin_password_is("P@ssw0rd"));
//! device.stop().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # });
//! ```

mod device;
mod lms;
mod mei;
mod shared;
#[cfg(test)]
mod tests;

pub use device::{Place, SimulatedDevice, StartError};
