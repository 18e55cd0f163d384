//! The command `amt-provision`.
//!
//! A file for each command; each has its arguments, as clap reads them, and what the command does. Arguments become
//! typed options before anything happens, what is printed goes to a writer that is handed in, and every way to fail has
//! its place in [`ExitStatus`].
//!
//! ```text
//!   main ─▶ Cli (clap) ─▶ a command's options ─▶ config, store, … ─▶ stdout: text for people, or --json
//!                                                       └─ CliError ─▶ stderr, ExitStatus
//! ```
//!
//! Results go to stdout, everything else to stderr: progress, errors, and the log, which `RUST_LOG` opens up.

pub mod activate;
mod amt_password;
mod audit;
mod backup;
mod check_config;
mod command;
pub mod compare;
mod deactivate;
pub mod demo;
mod devices;
mod diagram;
mod doctor;
mod error;
mod exit;
mod identity;
mod keys;
mod line;
mod log;
mod maintenance;
mod output;
mod pins;
mod provenance;
mod revocation;
mod run;
pub mod serve;
pub mod simulate;
mod stored;
mod switches;
mod trust;
mod view;

pub use amt_password::PasswordError;
pub use error::CliError;
pub use exit::ExitStatus;
pub use output::{Form, Output};
pub use run::main;
pub use trust::SimulateError;
pub use view::PinView;
