//! The byte world (feature `sim`): our server, our relay and a simulated device in one thread, in memory and in virtual time.
//!
//! Nothing in it is a model. Server and device speak WS-Management over HTTP over TLS, rustls at both ends; server and
//! relay speak their JSON messages; the relay asks the device over MEI what it is. What is missing are sockets, clocks
//! and files, and with them waiting: a whole provisioning takes as long as its cryptography.
//!
//! ```text
//!   Disk ◀─▶ Conversation ◀── text frames ──▶ relay::Line ◀── bytes, cut anywhere ──▶ simulator::Device
//!                                  one queue of events, one clock, one plan of what goes wrong
//! ```
//!
//! A [`World`] lives as long as its device and its [`Disk`]. [`World::attempt`] is one session of a relay, from the
//! question to the firmware to the end of both machines; [`Injection`]s say what goes wrong in it, and at which
//! [`Moment`]: at an edge that the run takes, at a write to the store, at a change that the device applies. Afterwards
//! [`World::check`] asks device and store whether they agree, and logs in.
//!
//! [`run`] takes a whole [`Case`](amt_provision_fsm::sim::Case) of the core's world, as it is: device, profile, orders one
//! after the other, and any [`Fault`]s at a place of the run or at a step (a few events here are one step there). After
//! them relays begin again, as an operator would have them, until each order is carried out and device and store agree.
//!
//! After every event: edges are declared and contiguous, a key is pinned before it is shown, nothing is applied twice,
//! another device is left alone. After every attempt (G1): no password that is kept is on the tape of what a relay can
//! read, in the trace or in the record, as text, in XML, in base64 or as HA1, and none can be guessed from an answer to a
//! challenge. The tape has what goes over the line and over TCP, TLS records as they are, and what an impostor is asked
//! within its own TLS.
//!
//! The clock jumps to what comes first: an event in the queue or the deadline of a machine. A world in which nothing
//! can happen any more although the attempt goes on (deadlock), a machine that is due again at once (busy loop), and
//! one that never falls silent, end the attempt with a [`Violation`]. Seeds choose latencies and where bytes are cut;
//! keys, nonces and passwords are real and therefore new each time, so that a seed repeats what happens but not its
//! bytes.
//!
//! ```
//! use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
//! use amt_provision::fsm::policy::{Goal, Profile};
//! use amt_provision::fsm::request::ChainLength;
//! use amt_provision::world::{Fault, Injection, Moment, Site, World};
//!
//! let site = Site::new()?;
//! let goal = Goal::Admin(ChainLength::new(site.chain_length()).ok_or("a chain")?);
//! let device = site.device(AmtVersion::new(19, 0), "drops-listed".parse()?);
//! let mut world = World::new(&site, &device, site.profile(Profile::cautious(goal)), 1)?;
//!
//! // The server dies once it has stored its third record, and is started again.
//! world.attempt([Injection { at: Moment::Write(2), fault: Fault::CrashServerAfter }])?;
//! world.attempt([])?;
//! assert_eq!(world.check()?, ControlMode::Admin);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attempt;
pub mod canary;
mod cast;
mod chaos;
mod check;
mod course;
mod device_side;
mod disk;
mod events;
mod far;
mod fault;
mod machine;
mod parts;
mod relay_side;
mod rules;
mod script;
mod secrets;
mod server_side;
mod site;
mod tape;
mod trace;
mod turn;

pub use attempt::Attempt;
pub use check::Disagreement;
pub use course::Seen;
pub use disk::Disk;
pub use fault::{Fault, Injection, Moment};
pub use machine::{Violation, World, WorldError};
pub use script::{Report, run};
pub use site::{Site, SiteError};
