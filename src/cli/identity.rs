//! `export` and `import`: who devices are and which keys they are held to, from one deployment to another.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::record::{Generation, Origin, Pin, Provenance, Record};
use clap::Args;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::devices::By;
use super::error::CliError;
use super::exit::ExitStatus;
use super::output::Output;
use super::stored::{StoreArgs, Stored};
use crate::store::{AuditEntry, AuditEvent, Holder, PasswordChoice, PasswordSource, StoreError};

/// What a line is, so that a later form is not taken for this one.
const FORMAT: &str = "amt-provision identity 1";

/// More than a line has.
const LINE: u64 = 4096;

/// How long a device is kept from being driven while it is imported.
const LEASE: Duration = Duration::from_secs(15);

/// Print who each device in service is and which key it is held to, one JSON value a line
///
/// No secret is among it: a backup moves those. What other software needs to speak to a device, `pins export` prints.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision export --config amt-provision.toml > identities.jsonl
  amt-provision import --config other.toml identities.jsonl")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Take over who devices are and which keys they are held to, from what `export` printed
///
/// A device that is imported is held to its key and its silicon from its first run on. Its password does not come with
/// it: a profile with `adopt` takes it over with the one that you give. A device that is known already is left as it is,
/// and where it is held to something else that is told, with status 3. A file with a mistake changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  amt-provision import --config amt-provision.toml identities.jsonl
  ssh old-server amt-provision export --config old.toml | amt-provision import --config amt-provision.toml -")]
pub(super) struct ImportArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// What `export` printed; - for the standard input
    file: PathBuf,
    #[command(flatten)]
    by: By,
}

/// Who a device is, and which key it is held to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    format: String,
    uuid: String,
    rom_ca_sha256: Option<String>,
    pin: Option<PinnedKey>,
    adopted: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PinnedKey {
    sha256: String,
    provenance: String,
}

impl Identity {
    fn of(record: &Record) -> Self {
        Self {
            format: FORMAT.to_owned(),
            uuid: record.uuid.to_string(),
            rom_ca_sha256: record.rom_ca.map(|hash| hash.to_hex()),
            pin: record
                .pins
                .confirmed
                .map(|pin| PinnedKey { sha256: pin.spki.to_hex(), provenance: pin.provenance.to_string() }),
            adopted: record.origin == Origin::Adopted,
        }
    }

    /// The record of a device of which only this is known; what is wrong with it otherwise.
    fn record(&self) -> Result<Record, String> {
        const HASH: &str = "expected 64 hexadecimal digits";
        if self.format != FORMAT {
            return Err(format!("`format` is {:?}: expected {FORMAT:?}", self.format));
        }
        let uuid: Uuid = self.uuid.parse().map_err(|error| format!("`uuid`: {error}"))?;
        let mut record = Record::new(uuid);
        let rom_ca = self.rom_ca_sha256.as_deref();
        record.rom_ca =
            rom_ca.map(|hash| RomCaHash::from_hex(hash).ok_or(format!("`rom_ca_sha256`: {HASH}"))).transpose()?;
        if let Some(pin) = &self.pin {
            let spki = SpkiHash::from_hex(&pin.sha256).ok_or(format!("`pin.sha256`: {HASH}"))?;
            let known = [
                Provenance::Odca,
                Provenance::OdcaInterim,
                Provenance::Provisional,
                Provenance::Adopted,
                Provenance::FirstUse,
            ];
            let provenance = known.into_iter().find(|known| known.to_string() == pin.provenance);
            let provenance = provenance.ok_or(format!("`pin.provenance` is {:?}: expected odca, …", pin.provenance))?;
            record.pins.confirmed = Some(Pin { spki, provenance });
        }
        if self.adopted {
            record.origin = Origin::Adopted;
        }
        Ok(record)
    }
}

pub(super) fn export(args: &ExportArgs, out: &mut Output<'_>) -> Result<(), CliError> {
    smol::block_on(async {
        let stored = args.store.open().await?;
        stored
            .each_device(|device| match (&device.record, device.removed_at) {
                (Ok(record), None) => Ok(out.json(&Identity::of(record))?),
                (_, Some(_)) => Ok(()),
                // One record that cannot be read hides no other.
                (Err(error), None) => {
                    tracing::warn!("{error}");
                    Ok(())
                }
            })
            .await
    })
}

pub(super) fn import(args: &ImportArgs, out: &mut Output<'_>) -> Result<ExitStatus, CliError> {
    let records = read(&args.file)?;
    smol::block_on(async {
        let stored = args.store.open().await?;
        let (mut imported, mut known, mut others) = (0, 0, Vec::new());
        for record in records {
            match take(&stored, &record, &args.by).await? {
                Taken::Imported => imported += 1,
                Taken::Known => known += 1,
                Taken::Other => others.push(record.uuid.to_string()),
            }
        }
        let value = json!({ "imported": imported, "known": known, "held_to_something_else": others });
        out.either(&value, |to| {
            writeln!(to, "{imported} imported, {known} known already")?;
            others.iter().try_for_each(|uuid| writeln!(to, "device {uuid} is held to something else here, and left so"))
        })?;
        Ok(if others.is_empty() { ExitStatus::Done } else { ExitStatus::Operator })
    })
}

/// Every line, or what is wrong with the first that is wrong.
fn read(file: &Path) -> Result<Vec<Record>, CliError> {
    let wrong = |line: usize, why: String| CliError::Import { file: file.to_owned(), line, why };
    let opened: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).map_err(|error| wrong(0, error.to_string()))?)
    };
    let mut reader = BufReader::new(opened);
    let mut records = Vec::new();
    for number in 1.. {
        let mut line = Vec::new();
        let read = reader
            .by_ref()
            .take(LINE)
            .read_until(b'\n', &mut line)
            .map_err(|error| wrong(number, error.to_string()))?;
        if read == 0 {
            break;
        }
        let identity: Identity = serde_json::from_slice(&line).map_err(|error| wrong(number, error.to_string()))?;
        records.push(identity.record().map_err(|why| wrong(number, why))?);
    }
    Ok(records)
}

/// What became of a line.
enum Taken {
    Imported,
    Known,
    Other,
}

async fn take(stored: &Stored<'_>, record: &Record, by: &By) -> Result<Taken, CliError> {
    let (store, tenant, uuid) = (&stored.store, stored.tenant, record.uuid);
    let random = aws_lc_rs::default_provider().secure_random;
    let holder = Holder { server: by.name().clone(), process: u64::from(std::process::id()) };
    let lease = store.acquire(tenant, uuid, &holder, LEASE, UnixTime::now()).await?;
    let taken = async {
        if let Some(ledger) = store.load(tenant, uuid).await? {
            let same = Identity::of(ledger.record()) == Identity::of(record);
            return Ok::<_, StoreError>(if same { Taken::Known } else { Taken::Other });
        }
        // It orders no password.
        let passwords = PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random);
        store.persist(&lease, Generation(1), record, &passwords, UnixTime::now()).await?;
        let entry = AuditEntry { stamp: by.stamp(), event: AuditEvent::Imported };
        store.append_audit(tenant, uuid, &[entry]).await?;
        Ok(Taken::Imported)
    }
    .await;
    store.release(&lease).await?;
    Ok(taken?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_record() -> impl Strategy<Value = Record> {
        let provenance = prop::sample::select(vec![
            Provenance::Odca,
            Provenance::OdcaInterim,
            Provenance::Provisional,
            Provenance::Adopted,
            Provenance::FirstUse,
        ]);
        let pin = (any::<[u8; 32]>(), provenance)
            .prop_map(|(hash, provenance)| Pin { spki: SpkiHash::from_bytes(hash), provenance });
        let rom_ca = proptest::option::of(any::<[u8; 32]>().prop_map(RomCaHash::from_bytes));
        let uuid = any::<[u8; 16]>().prop_filter_map("a placeholder", |bytes| Uuid::from_bytes(bytes).ok());
        (uuid, rom_ca, proptest::option::of(pin), any::<bool>()).prop_map(|(uuid, rom_ca, pin, adopted)| {
            let mut record = Record::new(uuid);
            (record.rom_ca, record.pins.confirmed) = (rom_ca, pin);
            if adopted {
                record.origin = Origin::Adopted;
            }
            record
        })
    }

    proptest! {
        // Read as often as it has bytes.
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn who_a_device_is_is_read_as_it_was_written_and_no_part_of_a_line_is(records in prop::collection::vec(any_record(), 1..4)) {
            let lines = records.iter().map(|record| serde_json::to_string(&Identity::of(record)).unwrap());
            let lines: Vec<String> = lines.collect();
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("identities.jsonl");
            for end in ["", "\n"] {
                std::fs::write(&file, lines.join("\n") + end).unwrap();
                prop_assert_eq!(&read(&file).unwrap(), &records);
            }
            let whole = lines.join("\n");
            let last = whole.rfind('\n').map_or(0, |at| at + 1);
            for length in last + 1..whole.len() {
                std::fs::write(&file, &whole[..length]).unwrap();
                prop_assert!(read(&file).is_err(), "{} bytes", length);
            }
        }
    }
}
