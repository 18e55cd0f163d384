//! `check-config`: every mistake of a configuration, and what it allows.

use std::path::PathBuf;

use amt_provision_fsm::policy::Goal;
use clap::Args;
use rustls::pki_types::UnixTime;
use serde::Serialize;
use serde_json::json;

use super::error::CliError;
use super::exit::ExitStatus;
use super::output::{Form, Output};
use super::revocation::{self, CrlView};
use crate::config::{Config, ConfigError, Mistake};

/// Check a server's configuration without starting anything
///
/// The files that it names are checked as well, and provisioning certificates are judged as devices would judge them today. Every mistake is told, not only the first, with file, line and column and what to write instead. A configuration
/// without mistakes may still have warnings: what it allows that has a price.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision check-config /etc/amt-provision.toml
  amt-provision check-config amt-provision.toml --json | jq .message")]
pub(super) struct CheckConfigArgs {
    /// The configuration, in TOML
    file: PathBuf,
}

#[derive(Serialize)]
struct MistakeView<'a> {
    file: String,
    line: usize,
    column: usize,
    message: &'a str,
}

pub(super) fn run(args: &CheckConfigArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let now = UnixTime::now();
    let checked = Config::load(&args.file).and_then(|config| {
        config.check(now)?;
        Ok(config)
    });
    let config = match checked {
        Ok(config) => config,
        Err(ConfigError::Mistakes(mistakes)) if out.form() == Form::Json => {
            let file = mistakes.file.display().to_string();
            for Mistake { line, column, message } in &mistakes.list {
                out.json(&MistakeView { file: file.clone(), line: *line, column: *column, message })?;
            }
            return Ok(ExitStatus::Operator);
        }
        Err(error) => return Err(error.into()),
    };
    let mut warnings: Vec<String> = config.warnings(now).iter().map(ToString::to_string).collect();
    let directory = revocation::directory(&config);
    let lists = directory.as_ref().map(|directory| CrlView::of(directory, &config.odca, now));
    if let Some(directory) = &directory {
        warnings.extend(directory.findings(now).iter().map(ToString::to_string));
    }
    let profiles: Vec<&str> = config.profiles.iter().map(|profile| profile.name.as_str()).collect();
    out.either(&json!({ "profiles": profiles, "revocation": lists, "warnings": warnings }), |to| {
        writeln!(to, "{}: no mistakes", args.file.display())?;
        for profile in &config.profiles {
            let goal = match profile.policy.goal {
                Goal::Client => "CCM",
                Goal::Admin(_) | Goal::Barred(_) => "ACM",
            };
            writeln!(to, "  profile {}: {goal}, {} or better", profile.name, profile.policy.minimum)?;
        }
        writeln!(to, "  {}", config.listener.limits)?;
        if let Some(key) = config.keys.current() {
            writeln!(to, "  store {}: its secrets are sealed under a key in {key}", config.store)?;
        }
        match &lists {
            None => writeln!(to, "  revocation: off, no list is consulted about a device's silicon and firmware")?,
            Some(lists) => lists.tell(to)?,
        }
        warnings.iter().try_for_each(|warning| writeln!(to, "warning: {warning}"))
    })?;
    Ok(ExitStatus::Done)
}
