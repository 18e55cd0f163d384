//! `devices`: what the server knows of its devices, and what an operator does about one.

mod credentials;
mod next;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use amt_provision_fsm::identity::{RomCaHash, Uuid};
use amt_provision_fsm::policy::{FlowB, Permit};
use amt_provision_fsm::record::{Origin, Pin, Record};
use amt_provision_fsm::time::Timestamp;
use clap::{Args, Subcommand};
use rustls::pki_types::UnixTime;
use serde_json::json;

use self::credentials::Consent;
pub(super) use self::next::next;
use crate::cli::audit;
use crate::cli::error::CliError;
use crate::cli::output::{Form, HEADING, Output, row};
use crate::cli::provenance::explained;
use crate::cli::stored::{StoreArgs, Stored};
use crate::cli::view::{DeviceView, moment};
use crate::store::{AuditEvent, KnownDevice, ServerName, Stamp};

/// How many lines of the audit log are shown with a device.
const HISTORY: usize = 5;

/// How many certificates of a device are shown.
const CERTIFICATES_SHOWN: u32 = 5;

/// List devices, show one, permit one to start over, take one out of service
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision devices --config amt-provision.toml list
  amt-provision devices --store fleet.db show 4c4c4544-0051-3610-8053-b7c04f4e3033
  amt-provision devices --config amt-provision.toml credentials 4c4c4544-0051-3610-8053-b7c04f4e3033
  amt-provision devices --store fleet.db re-enrol 4c4c4544-0051-3610-8053-b7c04f4e3033 --flow-b
  amt-provision devices --store fleet.db list --json | jq 'select(.mode != \"ACM\") | .uuid'")]
pub(super) struct DevicesArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: DevicesCommand,
}

#[derive(Debug, Subcommand)]
enum DevicesCommand {
    /// List every device, the removed ones among them
    List,
    /// Show all that is known of a device but its passwords: its state, its history, and what happens next
    Show {
        /// The system UUID
        uuid: Uuid,
    },
    /// Print the passwords of a device
    ///
    /// The confirmed admin password, or each that the device may have, and that of the MEBx. It is asked for first, and
    /// written into the audit log before anything is printed.
    Credentials {
        /// The system UUID
        uuid: Uuid,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        by: By,
    },
    /// Permit a device, once, to come as one that was never seen
    ///
    /// After a change of board or a factory reset a device cannot show what it is held to, and is quarantined. The
    /// permit is written into the audit log and is used up by the next run. Give --expect-rom wherever you know the new
    /// board: without it, whoever comes first under this UUID is enrolled.
    ReEnrol {
        /// The system UUID
        uuid: Uuid,
        /// SHA-256 of the ROM-CA certificate that it must prove, 64 hexadecimal digits
        #[arg(long, value_name = "HASH", value_parser = rom_ca_hash)]
        expect_rom: Option<RomCaHash>,
        /// It may start in plain text, as devices of AMT 18 and earlier do
        #[arg(long)]
        flow_b: bool,
        /// For how long the permit can be used, such as 30m, 8h or 7d
        #[arg(long, value_name = "TIME", default_value = "7d", value_parser = ttl)]
        ttl: Duration,
        #[command(flatten)]
        by: By,
    },
    /// Take a device out of service; its pins and passwords are kept
    Remove {
        /// The system UUID
        uuid: Uuid,
        #[command(flatten)]
        by: By,
    },
    /// Destroy what is kept of a removed device, its passwords too
    ///
    /// If it still has a password of ours, nobody knows it afterwards. Only the audit log stays.
    Forget {
        /// The system UUID
        uuid: Uuid,
        #[command(flatten)]
        by: By,
    },
}

/// Who does something about a device.
#[derive(Debug, Args)]
pub(super) struct By {
    /// Who is written into the audit log
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "operator")]
    by: ServerName,
}

impl By {
    pub(super) const fn name(&self) -> &ServerName {
        &self.by
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp { at: UnixTime::now(), server: self.by.clone(), run: None }
    }
}

fn rom_ca_hash(text: &str) -> Result<RomCaHash, &'static str> {
    RomCaHash::from_hex(text).ok_or("expected 64 hexadecimal digits, SHA-256 of the ROM-CA certificate")
}

/// A whole number and its unit.
fn ttl(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected a whole number with s, m, h or d behind it, such as 8h";
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let read = || {
        let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
        let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
    };
    read().ok_or(EXPECTED)
}

pub(super) fn run(args: &DevicesArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    smol::block_on(async {
        let stored = args.store.open().await?;
        let (store, tenant) = (&stored.store, stored.tenant);
        match &args.command {
            DevicesCommand::List => list(&stored, out).await,
            DevicesCommand::Show { uuid } => show(&stored, *uuid, out).await,
            DevicesCommand::Credentials { uuid, yes, by } => {
                let consent = if *yes { Consent::Given } else { Consent::Asked };
                credentials::show(&stored, *uuid, (by, consent), out).await
            }
            DevicesCommand::ReEnrol { uuid, expect_rom, flow_b, ttl, by } => {
                let flow_b = if *flow_b { FlowB::Allowed } else { FlowB::Refused };
                let stamp = by.stamp();
                let expires = Some(Timestamp(stamp.at.as_secs().saturating_add(ttl.as_secs())));
                let permit = Permit { expect_rom_ca: *expect_rom, flow_b, expires };
                store.permit(tenant, *uuid, permit, &stamp).await?;
                done(*uuid, &AuditEvent::Permitted(permit), out)
            }
            DevicesCommand::Remove { uuid, by } => {
                store.remove(tenant, *uuid, &by.stamp()).await?;
                done(*uuid, &AuditEvent::Removed, out)
            }
            DevicesCommand::Forget { uuid, by } => {
                store.forget(tenant, *uuid, &by.stamp()).await?;
                done(*uuid, &AuditEvent::Forgotten, out)
            }
        }
    })
}

fn done(uuid: Uuid, event: &AuditEvent, out: &mut Output<'_>) -> Result<(), CliError> {
    let value = json!({ "uuid": uuid.to_string(), "event": event.to_string() });
    Ok(out.either(&value, |to| writeln!(to, "device {uuid}: {event}"))?)
}

async fn list(stored: &Stored<'_>, out: &mut Output<'_>) -> Result<(), CliError> {
    if out.form() == Form::People {
        let to = out.text();
        writeln!(to, "{HEADING}{:<36}  {:<16}  {:<13}  {:<29}  CHANGED{HEADING:#}", "UUID", "MODE", "LAST RUN", "PIN")?;
    }
    stored
        .each_device(|device| {
            Ok(out.either(&DeviceView::from(device), |to| {
                let mode = device.mode.map(|mode| mode.to_string()).unwrap_or_default();
                let ending = match (&device.outcome, device.removed_at) {
                    (_, Some(_)) => "removed",
                    (Some(outcome), None) => outcome.ending.name(),
                    (None, None) => "",
                };
                let (pin, changed) = (pin_in_short(device), moment(device.changed_at));
                writeln!(to, "{}  {mode:<16}  {ending:<13}  {pin:<29}  {changed}", device.uuid)
            })?)
        })
        .await
}

/// Provenance and the first half of the first hash: enough to tell two apart.
fn pin_in_short(device: &KnownDevice) -> String {
    match &device.record {
        Ok(record) => record.pins.confirmed.map_or_else(String::new, |Pin { spki, provenance }| {
            let mut hash = spki.to_hex();
            hash.truncate(16);
            format!("{provenance} {hash}")
        }),
        Err(_) => "damaged".to_owned(),
    }
}

async fn show(stored: &Stored<'_>, uuid: Uuid, out: &mut Output<'_>) -> Result<(), CliError> {
    let device = stored.device(uuid).await?;
    out.either(&DeviceView::from(&device), |to| show_device(to, &device))?;
    if out.form() == Form::Json {
        return Ok(());
    }
    for certificate in stored.store.certificates(stored.tenant, uuid, CERTIFICATES_SHOWN).await? {
        let serial: String = certificate.serial.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        row(out.text(), "certificate", format_args!("{serial}, issued {}", moment(certificate.issued_at)))?;
    }
    let (mut history, mut count) = (VecDeque::new(), 0_usize);
    audit::each_line(stored, uuid, |line| {
        history.push_back(line.clone());
        count += 1;
        if history.len() > HISTORY {
            history.pop_front();
        }
        Ok(())
    })
    .await?;
    if count > history.len() {
        row(out.text(), "history", format_args!("{count} lines, of which these are the last: `audit` prints all"))?;
    }
    history.iter().try_for_each(|line| audit::show(line, out))?;
    for step in next(&device) {
        row(out.text(), "next", step)?;
    }
    Ok(())
}

fn show_device(to: &mut dyn io::Write, device: &KnownDevice) -> io::Result<()> {
    writeln!(to, "{HEADING}device {}{HEADING:#}", device.uuid)?;
    if let Some(mode) = device.mode {
        row(to, "mode", mode)?;
    }
    if let Some(outcome) = &device.outcome {
        row(to, "last run", format_args!("{}, {}", moment(outcome.at), outcome.text))?;
    }
    if let Some(at) = device.removed_at {
        row(to, "removed", format_args!("{}: `devices forget` destroys what is left", moment(at)))?;
    }
    match &device.record {
        Ok(record) => show_record(to, record)?,
        Err(error) => row(to, "record", error)?,
    }
    row(to, "generation", format_args!("{}, {}", device.generation.0, moment(device.changed_at)))
}

fn show_record(to: &mut dyn io::Write, record: &Record) -> io::Result<()> {
    match record.origin {
        Origin::Ours => {}
        Origin::Adopted => row(to, "origin", "provisioned by somebody else, and adopted")?,
    }
    for (name, pin) in [("pin", record.pins.confirmed), ("intended pin", record.pins.intended)] {
        if let Some(pin) = pin {
            row(to, name, pin.spki)?;
            row(to, "", format_args!("{}: {}", pin.provenance, explained(pin.provenance)))?;
        }
    }
    if let Some(spki) = record.pins.interim {
        row(to, "default key", spki)?;
    }
    if let Some(hash) = record.rom_ca {
        row(to, "ROM-CA", hash)?;
    }
    let admin = match record.admin.confirmed() {
        Some(_) => "known",
        None if record.admin.candidates().next().is_some() => "in doubt: each that it may have is kept",
        None => "none yet",
    };
    row(to, "admin password", admin)?;
    row(
        to,
        "MEBx password",
        if record.mebx.is_some() { "kept; the device cannot be asked for it" } else { "none yet" },
    )?;
    if let Some(once) = record.doubt {
        row(to, "in doubt", format_args!("{once:?}: the next run looks whether it was applied"))?;
    }
    if let Some(permit) = record.permit {
        row(to, "permit", AuditEvent::Permitted(permit))?;
    }
    Ok(())
}
