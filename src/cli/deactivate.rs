//! `deactivate`: the relay of a device that is to be unprovisioned.

use clap::Args;

use super::amt_password::AmtPasswordArgs;
use super::error::CliError;
use super::exit::ExitStatus;
use super::line::{self, LineArgs};
use super::output::Output;
use crate::protocol::Command;

/// Have a server unprovision this device
///
/// Asks an RPS server; one of our own does not unprovision devices. The server takes the AMT password as the word of
/// whoever may do it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision deactivate --url wss://rps.corp.example/activate
  amt-provision deactivate --url ws://127.0.0.1:8080 --amt-password-file /run/secrets/amt")]
pub(super) struct DeactivateArgs {
    #[command(flatten)]
    line: LineArgs,
    #[command(flatten)]
    password: AmtPasswordArgs,
    /// Also if the server does not know the password, or another one
    #[arg(long, short)]
    force: bool,
}

/// Runs the relay to its end.
///
/// # Errors
/// If there is no password, the output does not take the result, or with what the relay ended.
pub(super) fn run(args: DeactivateArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let password = args.password.needed()?;
    let command = Command::Deactivate { password: None, force: args.force };
    line::run(args.line.relay(command, Some(password), line::environment)?, out)
}
