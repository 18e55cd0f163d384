//! The command line as a whole.

use clap::{Parser, Subcommand};

use super::activate::ActivateArgs;
use super::audit::AuditArgs;
use super::backup::BackupArgs;
use super::check_config::CheckConfigArgs;
use super::compare::CompareArgs;
use super::deactivate::DeactivateArgs;
use super::demo::DemoArgs;
use super::devices::DevicesArgs;
use super::doctor::DoctorArgs;
use super::error::CliError;
use super::exit::ExitStatus;
use super::identity::{ExportArgs, ImportArgs};
use super::keys::KeysArgs;
use super::maintenance::MaintenanceArgs;
use super::output::{Form, Output};
use super::pins::PinsArgs;
use super::serve::ServeArgs;
use super::simulate::SimulateArgs;
use super::{
    activate, audit, backup, check_config, compare, deactivate, demo, devices, diagram, doctor, identity, keys,
    maintenance, pins, serve, simulate,
};

/// End-to-end TLS provisioning of Intel AMT devices.
///
/// A server takes devices to Client or Admin Control Mode over TLS that ends in the firmware. A relay on the PC carries
/// the bytes and learns nothing. What the server knows of its devices is in its store, which these commands read too.
#[derive(Debug, Parser)]
#[command(name = "amt-provision", version, after_long_help = after_help(), disable_help_subcommand = true, max_term_width = 110)]
pub(super) struct Cli {
    /// Print JSON, one value a line, instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

fn after_help() -> String {
    format!(
        "\
Examples:
  amt-provision demo
  amt-provision check-config amt-provision.toml
  amt-provision devices --config amt-provision.toml list
  amt-provision pins --config amt-provision.toml export > pins.jsonl

`amt-provision COMMAND --help` has more. RUST_LOG=info, or =amt_provision=debug, opens the log on stderr.

{}",
        ExitStatus::help()
    )
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(DemoArgs),
    Compare(CompareArgs),
    Serve(ServeArgs),
    Activate(ActivateArgs),
    Deactivate(DeactivateArgs),
    Maintenance(MaintenanceArgs),
    Simulate(SimulateArgs),
    CheckConfig(CheckConfigArgs),
    Devices(DevicesArgs),
    Pins(PinsArgs),
    Audit(AuditArgs),
    Doctor(DoctorArgs),
    Keys(KeysArgs),
    Backup(BackupArgs),
    Export(ExportArgs),
    Import(ImportArgs),
    /// Print the protocol as a state diagram, in Mermaid
    ///
    /// Every stage, and what leads from one to the next over which channel. With --json: every edge, for each channel that it exists on.
    Diagram,
}

impl Cli {
    pub(super) const fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::People }
    }

    /// Does what the command line says. The status is that of a command that did its work, and found something.
    pub(super) fn run(self, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
        match self.command {
            Command::Demo(args) => demo::run(args, out),
            Command::Compare(args) => compare::run(args, out),
            Command::Serve(args) => serve::run(&args).map(|()| ExitStatus::Done),
            Command::Activate(args) => activate::run(args, out),
            Command::Deactivate(args) => deactivate::run(args, out),
            Command::Maintenance(args) => maintenance::run(args, out),
            Command::Simulate(args) => simulate::run(args).map(|()| ExitStatus::Done),
            Command::CheckConfig(args) => check_config::run(&args, out),
            Command::Devices(args) => devices::run(&args, out).map(|()| ExitStatus::Done),
            Command::Pins(args) => pins::run(&args, out).map(|()| ExitStatus::Done),
            Command::Audit(args) => audit::run(&args, out).map(|()| ExitStatus::Done),
            Command::Doctor(args) => doctor::run(&args, out),
            Command::Keys(args) => keys::run(&args, out).map(|()| ExitStatus::Done),
            Command::Backup(args) => backup::run(&args, out).map(|()| ExitStatus::Done),
            Command::Export(args) => identity::export(&args, out).map(|()| ExitStatus::Done),
            Command::Import(args) => identity::import(&args, out),
            Command::Diagram => diagram::run(out).map(|()| ExitStatus::Done),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }
}
