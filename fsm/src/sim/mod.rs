//! The world in which the core is proven: a model device, pipes, a disk, a clock, and everything that
//! can go wrong between them. Deterministic from a seed, without an operating system.
//!
//! * [`Device`] is a model of the firmware: what it is ([`Truth`]), what it refuses, what it shows in a
//!   handshake, and how often each thing was applied. A [`Persona`] says how it behaves.
//! * [`World`] puts a [`Provisioner`](crate::provisioner::Provisioner), a
//!   [`Relay`](crate::relay::Relay) and a device together, cuts and crashes them by a [`FaultPlan`], heals
//!   them, and checks the [`invariants`] after every event.
//!
//! * [`Bench`] is server and device alone, for tests that say exactly what happens and for the model checker; a
//!   [`Pair`] is two servers on one store, a [`Hostile`] world one with a relay that is somebody's.
//!
//! Anyone who writes a driver of their own can hold it against the same device: see `Device::connect` and
//! `Device::answer`.

mod bench;
mod daring;
mod device;
mod faults;
pub mod invariants;
mod persona;
mod rng;
mod server;
mod wire;
mod world;

pub use bench::{Action, Bench, End, Hostile, Lie, Move, Pair, Side};
pub use daring::daring;
pub use device::{Answer, Connection, Counters, Device, Shown, Truth, issue, key_spki};
pub use faults::{Fault, FaultPlan, When};
pub use invariants::Violation;
pub use persona::{AfterCommit, Drops, Persona};
pub use rng::Rng;
pub use server::{Disk, Server};
pub use world::{Case, Entry, NoCase, Party, Report, Trace, World};
