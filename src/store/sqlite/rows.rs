//! Reading rows: what comes out of the file is judged before it is believed.

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::{SpkiHash, Uuid};
use amt_provision_fsm::record::{Generation, PasswordId, Record, Snapshot};
use rustls::pki_types::UnixTime;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::fmt::Display;
use std::time::Duration;
use zeroize::Zeroizing;

use crate::password::Password;
use crate::pki::authority::{AuthorityPem, DeploymentAuthority, Serial};
use crate::secret::Secret;
use crate::store::{
    Account, AuditSequence, Audited, Ending, IssuedCertificate, Item, KnownDevice, LastOutcome, RunId, Stamp,
    StoreError,
};

/// `at` as it is stored.
pub(super) fn seconds(at: UnixTime) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// What is stored beside a snapshot, because neither SQLite nor postcard notices a changed bit.
pub(super) fn checksum(snapshot: &[u8]) -> [u8; 32] {
    Sha256::digest(snapshot).into()
}

fn damaged(what: Item, why: impl Display) -> StoreError {
    StoreError::Damaged { what, why: why.to_string() }
}

fn unsigned(what: Item, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| damaged(what, format_args!("expected a positive number, got {value}")))
}

fn time(what: Item, value: i64) -> Result<UnixTime, StoreError> {
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(unsigned(what, value)?)))
}

/// Columns `generation`, `snapshot` and `checksum`.
pub(super) fn record(uuid: Uuid, row: &SqliteRow) -> Result<(Record, Generation), StoreError> {
    let what = Item::Record(uuid);
    let snapshot: &[u8] = row.try_get("snapshot")?;
    let stored: &[u8] = row.try_get("checksum")?;
    if checksum(snapshot) != stored {
        return Err(damaged(what, "its checksum is wrong"));
    }
    let record = Snapshot::decode(snapshot).map_err(|error| damaged(what, error))?;
    if record.uuid != uuid {
        return Err(damaged(what, format_args!("it is that of device {}", record.uuid)));
    }
    Ok((record, Generation(unsigned(what, row.try_get("generation")?)?)))
}

/// All columns of `device`.
pub(super) fn known_device(row: &SqliteRow) -> Result<KnownDevice, StoreError> {
    let text: &str = row.try_get("uuid")?;
    let uuid: Uuid =
        text.parse().map_err(|error| damaged(Item::Database, format_args!("a device is called {text:?}: {error}")))?;
    let what = Item::Record(uuid);
    let outcome = match row.try_get::<Option<&str>, _>("outcome")? {
        None => None,
        Some(name) => Some(LastOutcome {
            ending: Ending::from_name(name)
                .ok_or_else(|| damaged(what, format_args!("its last run ended as {name:?}, which is no end")))?,
            text: row.try_get("outcome_text")?,
            at: time(what, row.try_get("outcome_at")?)?,
        }),
    };
    let mode = match row.try_get::<Option<u32>, _>("mode")? {
        None => None,
        Some(code) => Some(
            ControlMode::from_code(code)
                .ok_or_else(|| damaged(what, format_args!("it was left in mode {code}, which is none")))?,
        ),
    };
    let removed_at = row.try_get::<Option<i64>, _>("removed_at")?;
    Ok(KnownDevice {
        uuid,
        generation: Generation(unsigned(what, row.try_get("generation")?)?),
        record: record(uuid, row).map(|(record, _)| record),
        changed_at: time(what, row.try_get("changed_at")?)?,
        mode,
        outcome,
        removed_at: removed_at.map(|at| time(what, at)).transpose()?,
    })
}

/// Column `secret`, in which a password is text.
pub(super) fn password(uuid: Uuid, account: Account, id: PasswordId, row: &SqliteRow) -> Result<Password, StoreError> {
    let what = Item::Password(uuid, account, id);
    let bytes = Zeroizing::new(row.try_get::<Vec<u8>, _>("secret")?);
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(what, "it is no text"))?;
    Password::new(Secret::from(text.to_owned())).map_err(|error| damaged(what, error))
}

/// Column `pem`.
pub(super) fn authority(row: &SqliteRow) -> Result<DeploymentAuthority, StoreError> {
    let bytes = Zeroizing::new(row.try_get::<Vec<u8>, _>("pem")?);
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(Item::Authority, "it is no text"))?;
    DeploymentAuthority::from_pem(&AuthorityPem::from(text.to_owned())).map_err(|error| damaged(Item::Authority, error))
}

/// Columns `serial`, `spki`, `der` and `issued_at`.
pub(super) fn certificate(uuid: Uuid, row: &SqliteRow) -> Result<IssuedCertificate, StoreError> {
    let what = Item::Certificate(uuid);
    let serial = <[u8; 16]>::try_from(row.try_get::<&[u8], _>("serial")?);
    let spki = <[u8; 32]>::try_from(row.try_get::<&[u8], _>("spki")?);
    Ok(IssuedCertificate {
        serial: serial.map(Serial::from_random).map_err(|_| damaged(what, "its serial number has not 16 bytes"))?,
        spki: spki.map(SpkiHash::from_bytes).map_err(|_| damaged(what, "its key's hash has not 32 bytes"))?,
        der: row.try_get::<Vec<u8>, _>("der")?.into(),
        issued_at: time(what, row.try_get("issued_at")?)?,
    })
}

/// All columns of `audit`.
pub(super) fn audited(row: &SqliteRow) -> Result<Audited, StoreError> {
    let what = Item::Database;
    let server: &str = row.try_get("server")?;
    let run = match row.try_get::<Option<&str>, _>("run")? {
        None => None,
        Some(text) => Some(RunId(
            u128::from_str_radix(text, 16)
                .map_err(|_| damaged(what, format_args!("the audit log has {text:?} as a run")))?,
        )),
    };
    Ok(Audited {
        sequence: AuditSequence(unsigned(what, row.try_get("sequence")?)?),
        stamp: Stamp {
            at: time(what, row.try_get("at")?)?,
            server: server
                .parse()
                .map_err(|error| damaged(what, format_args!("the audit log has {server:?} as a server: {error}")))?,
            run,
        },
        event: row.try_get("event")?,
    })
}
