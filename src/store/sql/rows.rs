//! Reading rows: what comes out of the database is judged before it is believed.

use std::fmt::Display;
use std::time::Duration;

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::{SpkiHash, Uuid};
use amt_provision_fsm::record::{Generation, Record, Snapshot};
use rustls::pki_types::UnixTime;
use sha2::{Digest, Sha256};

use super::Columns;
use crate::pki::authority::Serial;
use crate::store::{
    AuditSequence, Audited, Ending, Epoch, IssuedCertificate, Item, KnownDevice, LastOutcome, Lease, RunId, ServerName,
    Stamp, StoreError,
};

/// `at` as it is stored.
pub(in crate::store) fn seconds(at: UnixTime) -> i64 {
    i64::try_from(at.as_secs()).unwrap_or(i64::MAX)
}

/// What is stored beside a snapshot, because neither the database nor postcard notices a changed bit.
pub(super) fn checksum(snapshot: &[u8]) -> [u8; 32] {
    Sha256::digest(snapshot).into()
}

pub(super) fn damaged(what: Item, why: impl Display) -> StoreError {
    StoreError::Damaged { what, why: why.to_string() }
}

pub(super) fn unsigned(what: Item, value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| damaged(what, format_args!("expected a positive number, got {value}")))
}

pub(super) fn time(what: Item, value: i64) -> Result<UnixTime, StoreError> {
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(unsigned(what, value)?)))
}

/// Columns `generation`, `snapshot` and `checksum`.
pub(super) fn record(uuid: Uuid, row: &impl Columns) -> Result<(Record, Generation), StoreError> {
    let what = Item::Record(uuid);
    let snapshot = row.bytes("snapshot")?;
    if checksum(snapshot) != row.bytes("checksum")? {
        return Err(damaged(what, "its checksum is wrong"));
    }
    let record = Snapshot::decode(snapshot).map_err(|error| damaged(what, error))?;
    if record.uuid != uuid {
        return Err(damaged(what, format_args!("it is that of device {}", record.uuid)));
    }
    Ok((record, Generation(unsigned(what, row.number("generation")?)?)))
}

/// All columns of `device`.
pub(super) fn known_device(row: &impl Columns) -> Result<KnownDevice, StoreError> {
    let text = row.text("uuid")?;
    let uuid: Uuid =
        text.parse().map_err(|error| damaged(Item::Database, format_args!("a device is called {text:?}: {error}")))?;
    let what = Item::Record(uuid);
    let outcome = match row.optional_text("outcome")? {
        None => None,
        Some(name) => Some(LastOutcome {
            ending: Ending::from_name(name)
                .ok_or_else(|| damaged(what, format_args!("its last run ended as {name:?}, which is no end")))?,
            text: row.text("outcome_text")?.to_owned(),
            at: time(what, row.number("outcome_at")?)?,
        }),
    };
    let mode = match row.optional_number("mode")? {
        None => None,
        Some(code) => Some(
            u32::try_from(code)
                .ok()
                .and_then(ControlMode::from_code)
                .ok_or_else(|| damaged(what, format_args!("it was left in mode {code}, which is none")))?,
        ),
    };
    let removed_at = row.optional_number("removed_at")?;
    Ok(KnownDevice {
        uuid,
        generation: Generation(unsigned(what, row.number("generation")?)?),
        record: record(uuid, row).map(|(record, _)| record),
        changed_at: time(what, row.number("changed_at")?)?,
        mode,
        outcome,
        removed_at: removed_at.map(|at| time(what, at)).transpose()?,
    })
}

/// Columns `serial`, `spki`, `der` and `issued_at`.
pub(super) fn certificate(uuid: Uuid, row: &impl Columns) -> Result<IssuedCertificate, StoreError> {
    let what = Item::Certificate(uuid);
    let serial = <[u8; 16]>::try_from(row.bytes("serial")?);
    let spki = <[u8; 32]>::try_from(row.bytes("spki")?);
    Ok(IssuedCertificate {
        serial: serial.map(Serial::from_random).map_err(|_| damaged(what, "its serial number has not 16 bytes"))?,
        spki: spki.map(SpkiHash::from_bytes).map_err(|_| damaged(what, "its key's hash has not 32 bytes"))?,
        der: row.bytes("der")?.to_vec().into(),
        issued_at: time(what, row.number("issued_at")?)?,
    })
}

/// All columns of `audit`.
pub(super) fn audited(row: &impl Columns) -> Result<Audited, StoreError> {
    let what = Item::Database;
    let run = match row.optional_text("run")? {
        None => None,
        Some(text) => Some(RunId(
            u128::from_str_radix(text, 16)
                .map_err(|_| damaged(what, format_args!("the audit log has {text:?} as a run")))?,
        )),
    };
    Ok(Audited {
        sequence: AuditSequence(unsigned(what, row.number("sequence")?)?),
        stamp: Stamp { at: time(what, row.number("at")?)?, server: server(row)?, run },
        event: row.text("event")?.to_owned(),
    })
}

/// Columns `tenant`, `uuid` and `epoch`.
pub(super) fn lease(row: &impl Columns, ttl: Duration) -> Result<Lease, StoreError> {
    let (tenant, uuid) = (row.text("tenant")?, row.text("uuid")?);
    let unreadable = |error: &dyn Display| {
        damaged(Item::Database, format_args!("a lease is of device {uuid:?} of tenant {tenant:?}: {error}"))
    };
    Ok(Lease {
        tenant: tenant.parse().map_err(|error| unreadable(&error))?,
        uuid: uuid.parse().map_err(|error| unreadable(&error))?,
        epoch: Epoch(row.number("epoch")?),
        ttl,
    })
}

/// Column `server`.
pub(super) fn server(row: &impl Columns) -> Result<ServerName, StoreError> {
    let name = row.text("server")?;
    name.parse().map_err(|error| damaged(Item::Database, format_args!("a server is called {name:?}: {error}")))
}
