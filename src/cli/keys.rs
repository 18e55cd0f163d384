//! `keys`: what the store's secrets are sealed under.

use clap::{Args, Subcommand};
use rustls::pki_types::UnixTime;
use serde_json::json;

use super::error::CliError;
use super::output::{Form, HEADING, Output};
use super::stored::StoreArgs;
use super::view::moment;
use crate::store::Store;

/// List the keys that the store's secrets are sealed under, or put a new one in their place
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision keys --config amt-provision.toml list
  amt-provision keys --config amt-provision.toml rotate

A secret is sealed under a data key in the store; the data key is sealed under the key that [store] names: a file, an \
environment variable, or Vault. To change that one, write the new one as `key` and the old one into `old_keys`, start \
each server again, and rotate; then the old one is not needed any more.")]
pub(super) struct KeysArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// List the data keys, and how many secrets are sealed under each; no key is needed for it
    List,
    /// Make a new data key and seal every secret anew under it, while servers run
    ///
    /// The old key opens what it sealed until nothing is left of that, and is destroyed then. A rotation that was
    /// interrupted is finished by the next.
    Rotate,
}

pub(super) fn run(args: &KeysArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    smol::block_on(async {
        let stored = args.store.open().await?;
        match args.command {
            KeysCommand::List => list(&*stored.store, out).await,
            KeysCommand::Rotate => rotate(&*stored.store, out).await,
        }
    })
}

async fn list(store: &dyn Store, out: &mut Output<'_>) -> Result<(), CliError> {
    if out.form() == Form::People {
        let to = out.text();
        writeln!(to, "{HEADING}{:<16}  {:<20}  {:<20}  SECRETS  SEALED UNDER{HEADING:#}", "KEY", "MADE", "RETIRED")?;
    }
    for key in store.keys().await? {
        let (id, by, made) = (key.id.to_string(), key.by.as_str(), moment(key.made_at));
        let retired = key.retired_at.map(moment);
        let value =
            json!({ "key": id, "made_at": made, "retired_at": retired, "secrets": key.secrets, "sealed_under": by });
        out.either(&value, |to| {
            writeln!(to, "{id:<16}  {made:<20}  {:<20}  {:>7}  {by}", retired.unwrap_or_default(), key.secrets)
        })?;
    }
    Ok(())
}

async fn rotate(store: &dyn Store, out: &mut Output<'_>) -> Result<(), CliError> {
    let rotation = store.rotate_keys(UnixTime::now()).await?;
    let (key, sealed) = (rotation.key.to_string(), rotation.sealed);
    let dropped: Vec<String> = rotation.dropped.iter().map(ToString::to_string).collect();
    let value = json!({ "key": key, "sealed": sealed, "destroyed": dropped });
    Ok(out.either(&value, |to| {
        writeln!(to, "key {key} is in use, {sealed} secrets were sealed anew")?;
        dropped.iter().try_for_each(|old| writeln!(to, "key {old} is destroyed: nothing is sealed under it"))
    })?)
}
