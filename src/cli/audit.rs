//! `audit`: the edges that a device took, and what operators did about it.

use amt_provision_fsm::identity::Uuid;
use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::output::{Output, row};
use super::stored::{StoreArgs, Stored};
use super::view::moment;
use crate::store::Audited;

/// How many lines of the log are read at once.
const PAGE: u32 = 500;

/// Print a device's audit log: the edges that it took, and what operators did about it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision audit --config amt-provision.toml 4c4c4544-0051-3610-8053-b7c04f4e3033
  amt-provision audit --store fleet.db 4c4c4544-0051-3610-8053-b7c04f4e3033 --json | jq -r .event

The log is append-only and outlives the device. No line of it holds a secret.")]
pub(super) struct AuditArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The system UUID
    uuid: Uuid,
}

pub(super) fn run(args: &AuditArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    smol::block_on(async {
        let stored = args.store.open().await?;
        each_line(&stored, args.uuid, |line| Ok(show(line, out)?)).await
    })
}

/// Hands every line to `each`, the oldest first, without having them all in memory.
pub(super) async fn each_line(
    stored: &Stored<'_>,
    uuid: Uuid,
    mut each: impl FnMut(&Audited) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut after = None;
    loop {
        let lines = stored.store.audit(stored.tenant, uuid, after, PAGE).await?;
        lines.iter().try_for_each(&mut each)?;
        match lines.last() {
            Some(last) => after = Some(last.sequence),
            None => return Ok(()),
        }
    }
}

pub(super) fn show(line: &Audited, out: &mut Output<'_>) -> std::io::Result<()> {
    let (at, by) = (moment(line.stamp.at), line.stamp.server.as_str());
    let run = line.stamp.run.map(|run| run.to_string());
    let value = json!({ "at": at, "by": by, "run": run, "event": line.event });
    out.either(&value, |to| row(to, &at, format_args!("{by}: {}", line.event)))
}
