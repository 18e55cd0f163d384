//! `backup`: a copy of the store, while servers run.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::output::Output;
use super::stored::StoreArgs;

/// Copy a SQLite store into a new file, while servers run
///
/// The copy is the store as it is at one moment, readable for its owner only. Its secrets stay sealed, so whoever has the
/// copy alone has none of them: keep the key elsewhere, and keep it, for a copy without its key has no passwords.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision backup --config amt-provision.toml /backup/fleet-2027-01-15.db

To restore one: stop the server, put the copy in the place of the store's file, remove the -wal and -shm files beside \
it, put the key where the configuration names it, `amt-provision doctor`, start. Devices that were provisioned \
since the copy was made are strangers to it: never restore an older copy where a newer one is whole.

A PostgreSQL database has pg_dump and pg_restore.")]
pub(super) struct BackupArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// The new file
    to: PathBuf,
}

pub(super) fn run(args: &BackupArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    smol::block_on(async {
        let stored = args.store.open().await?;
        // SQLite resolves it anew.
        let to = std::path::absolute(&args.to)?;
        stored.store.back_up(&to).await?;
        let shown = to.display().to_string();
        Ok(out.either(&json!({ "backup": shown }), |to| {
            writeln!(to, "{shown}: a copy of the store, its secrets sealed")
        })?)
    })
}
