//! From the process' arguments to its exit status.

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Parser;
use serde_json::json;

use super::command::Cli;
use super::error::CliError;
use super::exit::ExitStatus;
use super::log;
use super::output::{Form, Output};

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// The whole command: reads the arguments, does what they say, and tells what went wrong on stderr.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    log::start();
    let form = cli.form();
    let mut stdout = anstream::stdout();
    let result = cli.run(&mut Output::new(form, &mut stdout)).and_then(|status| {
        stdout.flush()?;
        Ok(status)
    });
    let error = match result {
        Ok(status) => return status.into(),
        // Whoever reads has seen enough, as `head` has.
        Err(CliError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => return ExitStatus::Done.into(),
        Err(error) => error,
    };
    // Where stderr is gone too there is nobody left to tell.
    let _ = tell(&error, form);
    error.status().into()
}

fn tell(error: &CliError, form: Form) -> io::Result<()> {
    let mut stderr = anstream::stderr();
    match form {
        Form::Json => writeln!(stderr, "{}", json!({ "error": error.to_string(), "status": error.status().code() })),
        Form::People => writeln!(stderr, "{ERROR}error:{ERROR:#} {error}"),
    }
}
