//! `pins`: the keys that devices are held to.

use std::io::{self, Write};

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::Record;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::CliError;
use super::output::{Form, HEADING, Output, row};
use super::provenance::explained;
use super::stored::{StoreArgs, Stored};
use super::view::{PinView, PinsView};
use crate::store::IssuedCertificate;

/// List the keys that devices are held to, show one, hand them to other software
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision pins --config amt-provision.toml list
  amt-provision pins --store fleet.db show 4c4c4544-0051-3610-8053-b7c04f4e3033
  amt-provision pins --store fleet.db export > pins.jsonl

A line of `export` has what other software needs to speak to a device: the hash as `curl --pinnedpubkey` takes it, how \
it came to be trusted, and the certificate.")]
pub(super) struct PinsArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: PinsCommand,
}

#[derive(Debug, Subcommand)]
enum PinsCommand {
    /// List the pins of every device
    List,
    /// Show a device's pins and how they came to be
    Show {
        /// The system UUID
        uuid: Uuid,
    },
    /// Print the confirmed pin and certificate of every device in service, one JSON value a line
    Export,
}

#[derive(Serialize)]
struct DevicePins {
    uuid: String,
    rom_ca_sha256: Option<String>,
    #[serde(flatten)]
    pins: PinsView,
}

impl DevicePins {
    fn of(uuid: Uuid, record: &Record) -> Self {
        Self {
            uuid: uuid.to_string(),
            rom_ca_sha256: record.rom_ca.map(|hash| hash.to_hex()),
            pins: PinsView::of(record),
        }
    }
}

/// A pin for other software.
#[derive(Serialize)]
struct Exported {
    uuid: String,
    #[serde(flatten)]
    pin: PinView,
    /// As `curl --pinnedpubkey` and RFC 7469 write it.
    pinned_pubkey: String,
    rom_ca_sha256: Option<String>,
    /// PEM; `None` for a key that somebody else's certificate is over.
    certificate: Option<String>,
}

pub(super) fn run(args: &PinsArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    smol::block_on(async {
        let stored = args.store.open().await?;
        match &args.command {
            PinsCommand::List => list(&stored, out).await,
            PinsCommand::Show { uuid } => show(&stored, *uuid, out).await,
            PinsCommand::Export => export(&stored, out).await,
        }
    })
}

async fn list(stored: &Stored<'_>, out: &mut Output<'_>) -> Result<(), CliError> {
    if out.form() == Form::People {
        writeln!(out.text(), "{HEADING}{:<36}  {:<9}  {:<12}  SHA-256{HEADING:#}", "UUID", "STATE", "PROVENANCE")?;
    }
    stored
        .each_device(|device| {
            // One record that cannot be read hides no other.
            let record = match &device.record {
                Ok(record) => record,
                Err(error) => {
                    tracing::warn!("{error}");
                    return Ok(());
                }
            };
            let pins = DevicePins::of(device.uuid, record);
            Ok(out.either(&pins, |to| {
                for (state, pin) in [("confirmed", &pins.pins.confirmed), ("intended", &pins.pins.intended)] {
                    if let Some(PinView { sha256, provenance }) = pin {
                        writeln!(to, "{}  {state:<9}  {provenance:<12}  {sha256}", device.uuid)?;
                    }
                }
                Ok(())
            })?)
        })
        .await
}

async fn show(stored: &Stored<'_>, uuid: Uuid, out: &mut Output<'_>) -> Result<(), CliError> {
    let record = stored.device(uuid).await?.record?;
    Ok(out.either(&DevicePins::of(uuid, &record), |to| show_pins(to, uuid, &record))?)
}

fn show_pins(to: &mut dyn Write, uuid: Uuid, record: &Record) -> io::Result<()> {
    writeln!(to, "{HEADING}device {uuid}{HEADING:#}")?;
    let states = [
        ("confirmed", record.pins.confirmed, "a handshake has shown it"),
        ("intended", record.pins.intended, "the device is about to show it; a commit is under way or in doubt"),
    ];
    for (state, pin, meaning) in states {
        let Some(pin) = pin else { continue };
        row(to, state, pin.spki)?;
        row(to, "", meaning)?;
        row(to, pin.provenance.to_string().as_str(), explained(pin.provenance))?;
    }
    match record.pins.interim {
        Some(spki) => row(to, "default key", spki),
        None if record.pins.confirmed.or(record.pins.intended).is_none() => row(to, "pin", "none yet"),
        None => Ok(()),
    }
}

async fn export(stored: &Stored<'_>, out: &mut Output<'_>) -> Result<(), CliError> {
    let mut pinned = Vec::new();
    stored
        .each_device(|device| {
            if let (Ok(record), None) = (&device.record, device.removed_at)
                && let Some(pin) = record.pins.confirmed
            {
                pinned.push((device.uuid, pin, record.rom_ca));
            }
            Ok(())
        })
        .await?;
    for (uuid, pin, rom_ca) in pinned {
        let certificates = stored.store.certificates(stored.tenant, uuid, CERTIFICATES_SEARCHED).await?;
        let certificate = certificates.iter().find(|certificate| certificate.spki == pin.spki);
        out.json(&Exported {
            uuid: uuid.to_string(),
            pin: pin.into(),
            pinned_pubkey: format!("sha256//{}", BASE64_STANDARD.encode(pin.spki.as_bytes())),
            rom_ca_sha256: rom_ca.map(|hash| hash.to_hex()),
            certificate: certificate.map(to_pem),
        })?;
    }
    Ok(())
}

/// A pinned key's certificate is among the newest ones: a rotation that failed leaves one behind it.
const CERTIFICATES_SEARCHED: u32 = 50;

fn to_pem(certificate: &IssuedCertificate) -> String {
    pem::encode_config(
        &pem::Pem::new("CERTIFICATE", certificate.der.as_ref()),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    )
}
