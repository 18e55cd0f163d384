//! The steps that writing transactions are made of.

use std::collections::BTreeSet;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::{Generation, PasswordState, Record, Snapshot};
use rustls::pki_types::UnixTime;

use super::rows::{checksum, damaged, seconds};
use super::secrets::{Kept, Owner};
use super::{Columns, Transaction, Value, secrets};
use crate::sealing::DataKey;
use crate::store::{Account, AuditEvent, Epoch, Item, PasswordSource, Stamp, StoreError, Tenant};

/// Writes `generation` over the one before it, and over nothing else. A device with a new record is in service.
pub(super) async fn swap(
    db: &mut impl Transaction,
    tenant: &Tenant,
    (epoch, generation): (Epoch, Generation),
    record: &Record,
    at: UnixTime,
) -> Result<(), StoreError> {
    let uuid = record.uuid;
    let snapshot = Snapshot::encode(record).map_err(|error| damaged(Item::Record(uuid), error))?;
    // A number that the database cannot hold follows no number that it holds.
    let number = i64::try_from(generation.0).unwrap_or(-1);
    let write = match generation {
        Generation(1) => {
            "INSERT INTO device (tenant, uuid, generation, snapshot, checksum, changed_at, epoch)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, uuid) DO NOTHING RETURNING uuid"
        }
        _ => {
            "UPDATE device SET generation = $3, snapshot = $4, checksum = $5, changed_at = $6, epoch = $7,
                               removed_at = NULL
             WHERE tenant = $1 AND uuid = $2 AND generation = $3 - 1 RETURNING uuid"
        }
    };
    let uuid_text = uuid.to_string();
    let device = [tenant.as_str().into(), (&uuid_text).into()];
    let sum = checksum(&snapshot);
    let [tenant_name, uuid_value] = device;
    let values = [
        tenant_name,
        uuid_value,
        number.into(),
        snapshot[..].into(),
        sum[..].into(),
        seconds(at).into(),
        epoch.0.into(),
    ];
    if !db.run(write, &values).await?.is_empty() {
        return Ok(());
    }
    let stored = db.run("SELECT generation FROM device WHERE tenant = $1 AND uuid = $2", &device).await?;
    let stored = stored.first().map(|row| row.number("generation")).transpose()?;
    let stored = stored.map(|stored| Generation(stored.unsigned_abs()));
    Err(StoreError::Conflict { uuid, offered: generation, stored })
}

/// Makes the passwords that `record` names and that the store has never seen.
pub(super) async fn make_passwords(
    db: &mut impl Transaction,
    key: Option<&DataKey>,
    tenant: &Tenant,
    record: &Record,
    passwords: &PasswordSource,
    at: UnixTime,
) -> Result<Kept, StoreError> {
    let uuid = record.uuid;
    let rows = db
        .run(
            "SELECT account, number FROM password WHERE tenant = $1 AND uuid = $2",
            &[tenant.as_str().into(), (&uuid.to_string()).into()],
        )
        .await?;
    let seen = rows
        .iter()
        .map(|row| Ok((row.text("account")?, row.number("number")?)))
        .collect::<Result<BTreeSet<(&str, i64)>, StoreError>>()?;
    let admin = record.admin.iter().map(|mark| (Account::Admin, mark));
    let mebx = record.mebx.iter().map(|mark| (Account::Mebx, mark));
    for (account, mark) in admin.chain(mebx) {
        if seen.contains(&(account.name(), i64::from(mark.id.0))) {
            continue;
        }
        if mark.state != PasswordState::Intended {
            return Err(damaged(
                Item::Password(uuid, account, mark.id),
                "the device has taken it, and it was never stored",
            ));
        }
        let Some(key) = key else { return Ok(Kept::KeyRetired) };
        let password = passwords.make(account, mark)?;
        let owner = Owner { tenant, uuid, account, id: mark.id };
        if secrets::insert_password(db, key, owner, &password, at).await? == Kept::KeyRetired {
            return Ok(Kept::KeyRetired);
        }
    }
    Ok(Kept::Kept)
}

/// Appends a line to the audit log.
pub(super) async fn note(
    db: &mut impl Transaction,
    tenant: &Tenant,
    uuid: Uuid,
    stamp: &Stamp,
    event: &AuditEvent,
) -> Result<(), StoreError> {
    let run = stamp.run.map(|run| run.to_string());
    db.run(
        "INSERT INTO audit (tenant, uuid, at, server, run, event) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            tenant.as_str().into(),
            (&uuid.to_string()).into(),
            seconds(stamp.at).into(),
            stamp.server.as_str().into(),
            Value::Text(run.as_deref()),
            (&event.to_string()).into(),
        ],
    )
    .await?;
    Ok(())
}
