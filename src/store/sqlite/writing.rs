//! The steps that writing transactions are made of.

use std::collections::BTreeSet;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::{Generation, PasswordId, PasswordState, Record, Snapshot};
use rustls::pki_types::UnixTime;
use sqlx::{Row, SqliteConnection};

use super::rows::{checksum, seconds};
use crate::store::{Account, AuditEvent, Item, PasswordSource, Stamp, StoreError, Tenant};

/// Writes `generation` over the one before it, and over nothing else. A device with a new record is in service.
pub(super) async fn swap(
    db: &mut SqliteConnection,
    tenant: &Tenant,
    generation: Generation,
    record: &Record,
    at: UnixTime,
) -> Result<(), StoreError> {
    let uuid = record.uuid;
    let snapshot = Snapshot::encode(record)
        .map_err(|error| StoreError::Damaged { what: Item::Record(uuid), why: error.to_string() })?;
    // A number that the database cannot hold follows no number that it holds.
    let number = i64::try_from(generation.0).unwrap_or(-1);
    let write = match generation {
        Generation(1) => sqlx::query(
            "INSERT INTO device (tenant, uuid, generation, snapshot, checksum, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        ),
        _ => sqlx::query(
            "UPDATE device SET generation = ?3, snapshot = ?4, checksum = ?5, changed_at = ?6, removed_at = NULL
             WHERE tenant = ?1 AND uuid = ?2 AND generation = ?3 - 1",
        ),
    };
    let sum = checksum(&snapshot);
    let written = write
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(number)
        .bind(snapshot)
        .bind(&sum[..])
        .bind(seconds(at))
        .execute(&mut *db)
        .await?;
    if written.rows_affected() == 1 {
        return Ok(());
    }
    let stored: Option<i64> = sqlx::query_scalar("SELECT generation FROM device WHERE tenant = ?1 AND uuid = ?2")
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .fetch_optional(db)
        .await?;
    let stored = stored.map(|stored| Generation(stored.unsigned_abs()));
    Err(StoreError::Conflict { uuid, offered: generation, stored })
}

/// Makes the passwords that `record` names and that the store has never seen.
pub(super) async fn make_passwords(
    db: &mut SqliteConnection,
    tenant: &Tenant,
    record: &Record,
    passwords: &PasswordSource,
    at: UnixTime,
) -> Result<(), StoreError> {
    let uuid = record.uuid;
    let seen = sqlx::query("SELECT account, number FROM password WHERE tenant = ?1 AND uuid = ?2")
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .fetch_all(&mut *db)
        .await?;
    let seen = seen
        .iter()
        .map(|row| Ok((row.try_get("account")?, PasswordId(row.try_get("number")?))))
        .collect::<Result<BTreeSet<(&str, PasswordId)>, sqlx::Error>>()?;
    let admin = record.admin.iter().map(|mark| (Account::Admin, mark));
    let mebx = record.mebx.iter().map(|mark| (Account::Mebx, mark));
    for (account, mark) in admin.chain(mebx).filter(|(account, mark)| !seen.contains(&(account.name(), mark.id))) {
        if mark.state != PasswordState::Intended {
            return Err(StoreError::Damaged {
                what: Item::Password(uuid, account, mark.id),
                why: "the device has taken it, and it was never stored".to_owned(),
            });
        }
        let password = passwords.make(account, mark)?;
        sqlx::query(
            "INSERT INTO password (tenant, uuid, account, number, secret, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(account.name())
        .bind(mark.id.0)
        .bind(password.expose().as_bytes())
        .bind(seconds(at))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// Appends a line to the audit log.
pub(super) async fn note(
    db: &mut SqliteConnection,
    tenant: &Tenant,
    uuid: Uuid,
    stamp: &Stamp,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO audit (tenant, uuid, at, server, run, event) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(seconds(stamp.at))
        .bind(stamp.server.as_str())
        .bind(stamp.run.map(|run| run.to_string()))
        .bind(event.to_string())
        .execute(db)
        .await?;
    Ok(())
}
