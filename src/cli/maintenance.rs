//! `maintenance`: the relay of a provisioned device on which one small thing is to be done.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::amt_password::{AmtPasswordArgs, PasswordError, first_line};
use super::error::CliError;
use super::exit::ExitStatus;
use super::line::{self, LineArgs};
use super::output::Output;
use crate::protocol::{Command, MaintenanceTask};
use crate::secret::Secret;

/// Have a server do one small thing on this device, which is provisioned
///
/// Asks an RPS server; one of our own keeps what it provisions by `activate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision maintenance synctime --url wss://rps.corp.example/activate
  amt-provision maintenance changepassword --new-password-file new.txt --url wss://rps.corp.example/activate")]
pub(super) struct MaintenanceArgs {
    /// What is to be done
    #[arg(value_name = "TASK")]
    task: Task,
    #[command(flatten)]
    line: LineArgs,
    #[command(flatten)]
    password: AmtPasswordArgs,
    /// For changepassword: the file whose first line is the new one; if not given, the server makes it
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    /// Also if the server does not know the password, or another one
    #[arg(long, short)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Task {
    /// Set the device's clock
    #[value(name = "synctime")]
    SyncTime,
    /// Give the device the operating system's IP settings
    #[value(name = "syncip")]
    SyncIp,
    /// Give the device the operating system's host name
    #[value(name = "synchostname")]
    SyncHostname,
    /// Tell the server what the device is
    #[value(name = "syncdeviceinfo")]
    SyncDeviceInfo,
    /// Set another AMT password
    #[value(name = "changepassword")]
    ChangePassword,
}

impl MaintenanceArgs {
    fn task(&self) -> Result<MaintenanceTask, CliError> {
        match (self.task, &self.new_password_file) {
            (Task::ChangePassword, Some(path)) => Ok(MaintenanceTask::ChangePassword(Some(one_word(path)?))),
            (Task::ChangePassword, None) => Ok(MaintenanceTask::ChangePassword(None)),
            (_, Some(_)) => Err(CliError::Usage("--new-password-file is for changepassword".to_owned())),
            (Task::SyncTime, None) => Ok(MaintenanceTask::SyncTime),
            (Task::SyncIp, None) => Ok(MaintenanceTask::SyncIp),
            (Task::SyncHostname, None) => Ok(MaintenanceTask::SyncHostname),
            (Task::SyncDeviceInfo, None) => Ok(MaintenanceTask::SyncDeviceInfo),
        }
    }
}

/// The new password travels as a word of the message's method, the only place where RPS looks for it.
fn one_word(path: &PathBuf) -> Result<Secret, PasswordError> {
    let password = first_line(path)?;
    let is_word = !password.expose().contains(' ') && !password.expose().starts_with('-');
    let from = || format!("{}: no space in it and no dash in front", path.display());
    if is_word { Ok(password) } else { Err(PasswordError::NotOne { from: from() }) }
}

/// Runs the relay to its end.
///
/// # Errors
/// If a password is missing or none, the output does not take the result, or with what the relay ended.
pub(super) fn run(args: MaintenanceArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let task = args.task()?;
    let password = args.password.needed()?;
    let command = Command::Maintenance { task, password: None, force: args.force };
    line::run(args.line.relay(command, Some(password), line::environment)?, out)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: MaintenanceArgs,
    }

    fn task(text: &str) -> Result<MaintenanceTask, String> {
        let words = ["maintenance", "--url", "ws://s"].into_iter().chain(text.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        line.args.task().map_err(|error| error.to_string())
    }

    #[test]
    fn each_task_has_the_name_that_rps_knows() {
        assert_eq!(task("synctime"), Ok(MaintenanceTask::SyncTime));
        assert_eq!(task("syncip"), Ok(MaintenanceTask::SyncIp));
        assert_eq!(task("synchostname"), Ok(MaintenanceTask::SyncHostname));
        assert_eq!(task("syncdeviceinfo"), Ok(MaintenanceTask::SyncDeviceInfo));
        assert_eq!(task("changepassword"), Ok(MaintenanceTask::ChangePassword(None)));
        assert!(task("sync").unwrap_err().contains("synctime"));
    }

    #[test]
    fn a_new_password_is_one_word_and_for_one_task() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let option = format!("changepassword --new-password-file {}", path.display());
        std::fs::write(&path, "N3w!pass\n").unwrap();
        let new = Secret::from("N3w!pass".to_owned());
        assert_eq!(task(&option), Ok(MaintenanceTask::ChangePassword(Some(new))));
        assert!(task(&option.replace("changepassword", "synctime")).unwrap_err().contains("for changepassword"));
        for word in ["two words", "-f"] {
            std::fs::write(&path, word).unwrap();
            let error = task(&option).unwrap_err();
            assert!(error.contains("no space in it and no dash in front") && !error.contains(word), "{error}");
        }
    }
}
