//! The pure core of amt-provision: what is decided about a device, and in which order, and what must be
//! durable first. It holds no bytes, no clock, no random source and no secret; the same inputs give the
//! same outputs, always (G12).
//!
//! # Reading order
//!
//! 1. [`edges`]: the whole protocol as one list. Nothing can take an edge that is not on it.
//! 2. [`stage`]: how far a device is, one file a stage; each stage's `plan` is a decision list.
//! 3. [`channel`]: what the bytes run over, and which secrets may travel there, as types.
//! 4. [`record`]: what is stored, and why nothing is asked of a device while the store is behind.
//! 5. [`provisioner`]: the machine that drivers hold, and its calling contract.
//! 6. [`relay`]: the other machine, on the device's operating system: a pipe and no more.
//!
//! # A run, from the driver's side
//!
//! ```
//! use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
//! use amt_provision_fsm::identity::Uuid;
//! use amt_provision_fsm::policy::{DeviceReport, Goal, LocalTls, Order, Profile};
//! use amt_provision_fsm::provisioner::{Input, Output, Provisioner};
//! use amt_provision_fsm::record::{Ledger, Record};
//! use amt_provision_fsm::request::ChainLength;
//! use amt_provision_fsm::time::Instant;
//!
//! let uuid: Uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?;
//! let goal = Goal::Admin(ChainLength::new(3).ok_or("a chain has two to four certificates")?);
//! let profile = Profile::cautious(goal);
//! let claim = DeviceReport {
//!     uuid,
//!     version: AmtVersion::new(19, 0),
//!     mode: ControlMode::PreProvisioning,
//!     local_tls: LocalTls::On,
//! };
//! let now = Instant::ZERO;
//! let mut run = Provisioner::new(now, Ledger::unknown(Record::new(uuid)), profile, Order::Provision, claim);
//!
//! // The machine wants port 16993, and will want a handshake that an ODCA chain vouches for.
//! let mut opened = None;
//! while let Some(output) = run.poll_output() {
//!     if let Output::Open(channel, port) = output {
//!         assert_eq!(port, Port::Tls);
//!         opened = Some(channel);
//!     }
//! }
//! run.handle(now, Input::Opened(opened.ok_or("nothing was opened")?));
//! assert!(matches!(run.poll_output(), Some(Output::StartTls(..))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The device model and the world
//!
//! With the feature `sim` comes the world in which all this is proven: a model of the firmware, pipes that
//! are cut at any byte, a disk that forgets what was not durable, and the guarantees as functions. A driver
//! of your own can be held against the same device.
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
