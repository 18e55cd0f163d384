//! The contract, kept by a database that speaks SQL.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Permit;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Ledger, PasswordId, PasswordState, Record};
use async_trait::async_trait;
use rustls::pki_types::UnixTime;

use super::rows::{self, seconds};
use super::secrets::{Kept, Owner};
use super::writing::{make_passwords, note, swap};
use super::{Columns, Database, Keyring, Transaction, Value, lease, secrets};
use crate::password::Password;
use crate::pki::authority::DeploymentAuthority;
use crate::sealing::KeySources;
use crate::store::device::mode_shown;
use crate::store::{
    Account, AuditEntry, AuditEvent, AuditSequence, Audited, Ending, Epoch, Holder, IssuedCertificate, Item,
    KnownDevice, Lease, PasswordSource, Rotation, Stamp, Store, StoreError, StoredKey, Tenant,
};

/// How often a write begins anew because the keys were rotated meanwhile.
const ROTATIONS: u32 = 3;

/// A store in a database that speaks SQL.
pub struct SqlStore<D> {
    pub(in crate::store) database: D,
    pub(super) keys: Keyring,
}

impl<D> SqlStore<D> {
    pub(in crate::store) fn new(database: D, keys: KeySources) -> Self {
        Self { database, keys: Keyring::new(keys) }
    }

    /// The same store, the keys to whose secrets are there.
    pub fn with_keys(self, keys: KeySources) -> Self {
        Self::new(self.database, keys)
    }
}

impl<D: fmt::Debug> fmt::Debug for SqlStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.database.fmt(f)
    }
}

#[async_trait]
impl<D: Database> Store for SqlStore<D> {
    async fn unlock(&self, at: UnixTime) -> Result<(), StoreError> {
        self.open_keys(at).await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.list_keys().await
    }

    async fn rotate_keys(&self, at: UnixTime) -> Result<Rotation, StoreError> {
        self.rotate(at).await
    }

    async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        self.database.back_up(to).await
    }

    async fn load(&self, tenant: &Tenant, uuid: Uuid) -> Result<Option<Ledger>, StoreError> {
        let select = "SELECT generation, snapshot, checksum FROM device WHERE tenant = $1 AND uuid = $2";
        let found = self.database.read(select, &[tenant.as_str().into(), (&uuid.to_string()).into()]).await?;
        let stored = found.first().map(|row| rows::record(uuid, row)).transpose()?;
        Ok(stored.map(|(record, generation)| Ledger::stored(record, generation)))
    }

    async fn acquire(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        holder: &Holder,
        ttl: Duration,
        at: UnixTime,
    ) -> Result<Lease, StoreError> {
        let mut transaction = self.database.begin().await?;
        let lease = lease::acquire(&mut transaction, tenant, uuid, holder, ttl, at).await?;
        transaction.commit().await?;
        Ok(lease)
    }

    async fn renew(&self, holder: &Holder, ttl: Duration, at: UnixTime) -> Result<Vec<Lease>, StoreError> {
        let mut transaction = self.database.begin().await?;
        let held = lease::extend_all(&mut transaction, holder, ttl, at).await?;
        transaction.commit().await?;
        Ok(held)
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        lease::release(&mut transaction, lease).await?;
        transaction.commit().await
    }

    async fn persist(
        &self,
        lease: &Lease,
        generation: Generation,
        record: &Record,
        passwords: &PasswordSource,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        if record.uuid != lease.uuid {
            return Err(StoreError::LeaseLost(record.uuid));
        }
        for _ in 0..ROTATIONS {
            let key = if may_order(record) { Some(self.key_in_use(at).await?) } else { None };
            let mut transaction = self.database.begin().await?;
            lease::extend(&mut transaction, lease, at).await?;
            swap(&mut transaction, &lease.tenant, (lease.epoch, generation), record, at).await?;
            match make_passwords(&mut transaction, key.as_deref(), &lease.tenant, record, passwords, at).await? {
                Kept::Kept => return transaction.commit().await,
                Kept::KeyRetired => {}
            }
        }
        Err(rotated_again_and_again())
    }

    async fn password(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        account: Account,
        id: PasswordId,
    ) -> Result<Password, StoreError> {
        let owner = Owner { tenant, uuid, account, id };
        let found = self
            .database
            .read(
                "SELECT secret, key_id FROM password WHERE tenant = $1 AND uuid = $2 AND account = $3 AND number = $4",
                &[tenant.as_str().into(), (&uuid.to_string()).into(), account.name().into(), i64::from(id.0).into()],
            )
            .await?;
        let row = found.first().ok_or(StoreError::UnknownPassword { uuid, account, id })?;
        let key = self.key(secrets::key_id(owner.item(), row)?).await?;
        secrets::password(owner, &key, row)
    }

    async fn authority(&self, at: UnixTime) -> Result<DeploymentAuthority, StoreError> {
        let select = "SELECT pem, key_id FROM authority";
        for _ in 0..ROTATIONS {
            if let Some(row) = self.database.read(select, &[]).await?.first() {
                let key = self.key(secrets::key_id(Item::Authority, row)?).await?;
                return secrets::authority(&key, row);
            }
            let key = self.key_in_use(at).await?;
            let made = DeploymentAuthority::generate().map_err(StoreError::Authority)?;
            let mut transaction = self.database.begin().await?;
            secrets::insert_authority(&mut transaction, &key, &made, at).await?;
            transaction.commit().await?;
        }
        Err(rotated_again_and_again())
    }

    async fn add_certificate(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        certificate: &IssuedCertificate,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        let added = transaction
            .run(
                "INSERT INTO certificate (serial, tenant, uuid, spki, der, issued_at)
                 SELECT $1, tenant, uuid, $4, $5, $6 FROM device WHERE tenant = $2 AND uuid = $3 RETURNING uuid",
                &[
                    certificate.serial.as_bytes()[..].into(),
                    tenant.as_str().into(),
                    (&uuid.to_string()).into(),
                    certificate.spki.as_bytes()[..].into(),
                    certificate.der[..].into(),
                    seconds(certificate.issued_at).into(),
                ],
            )
            .await?;
        known(uuid, &added)?;
        transaction.commit().await
    }

    async fn certificates(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        at_most: u32,
    ) -> Result<Vec<IssuedCertificate>, StoreError> {
        let found = self
            .database
            .read(
                "SELECT serial, spki, der, issued_at FROM certificate WHERE tenant = $1 AND uuid = $2
                 ORDER BY issued_at DESC, rowid DESC LIMIT $3",
                &[tenant.as_str().into(), (&uuid.to_string()).into(), i64::from(at_most).into()],
            )
            .await?;
        found.iter().map(|row| rows::certificate(uuid, row)).collect()
    }

    async fn record_outcome(&self, lease: &Lease, outcome: &Outcome, at: UnixTime) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        lease::extend(&mut transaction, lease, at).await?;
        let written = transaction
            .run(
                "UPDATE device SET outcome = $3, outcome_text = $4, outcome_at = $5, mode = coalesce($6, mode)
                 WHERE tenant = $1 AND uuid = $2 RETURNING uuid",
                &[
                    lease.tenant.as_str().into(),
                    (&lease.uuid.to_string()).into(),
                    Ending::of(outcome).name().into(),
                    (&outcome.to_string()).into(),
                    seconds(at).into(),
                    Value::Number(mode_shown(outcome).map(|mode| i64::from(mode.code()))),
                ],
            )
            .await?;
        known(lease.uuid, &written)?;
        transaction.commit().await
    }

    async fn append_audit(&self, tenant: &Tenant, uuid: Uuid, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        for entry in entries {
            note(&mut transaction, tenant, uuid, &entry.stamp, &entry.event).await?;
        }
        transaction.commit().await
    }

    async fn audit(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        after: Option<AuditSequence>,
        at_most: u32,
    ) -> Result<Vec<Audited>, StoreError> {
        let after = after.map_or(0, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
        let found = self
            .database
            .read(
                "SELECT * FROM audit WHERE tenant = $1 AND uuid = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
                &[tenant.as_str().into(), (&uuid.to_string()).into(), after.into(), i64::from(at_most).into()],
            )
            .await?;
        found.iter().map(rows::audited).collect()
    }

    async fn device(&self, tenant: &Tenant, uuid: Uuid) -> Result<Option<KnownDevice>, StoreError> {
        let select = "SELECT * FROM device WHERE tenant = $1 AND uuid = $2";
        let found = self.database.read(select, &[tenant.as_str().into(), (&uuid.to_string()).into()]).await?;
        found.first().map(rows::known_device).transpose()
    }

    async fn devices(
        &self,
        tenant: &Tenant,
        after: Option<Uuid>,
        at_most: u32,
    ) -> Result<Vec<KnownDevice>, StoreError> {
        let after = after.map(|after| after.to_string()).unwrap_or_default();
        let found = self
            .database
            .read(
                "SELECT * FROM device WHERE tenant = $1 AND uuid > $2 ORDER BY uuid LIMIT $3",
                &[tenant.as_str().into(), (&after).into(), i64::from(at_most).into()],
            )
            .await?;
        found.iter().map(rows::known_device).collect()
    }

    async fn permit(&self, tenant: &Tenant, uuid: Uuid, permit: Permit, stamp: &Stamp) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        // Reading by writing keeps a run from writing in between.
        let found = transaction
            .run(
                "UPDATE device SET removed_at = NULL WHERE tenant = $1 AND uuid = $2
                 RETURNING epoch, generation, snapshot, checksum",
                &[tenant.as_str().into(), (&uuid.to_string()).into()],
            )
            .await?;
        let row = known(uuid, &found)?;
        let (mut record, generation) = rows::record(uuid, row)?;
        record.permit = Some(permit);
        let next = (Epoch(row.number("epoch")?), generation.next());
        swap(&mut transaction, tenant, next, &record, stamp.at).await?;
        note(&mut transaction, tenant, uuid, stamp, &AuditEvent::Permitted(permit)).await?;
        transaction.commit().await
    }

    async fn remove(&self, tenant: &Tenant, uuid: Uuid, stamp: &Stamp) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        let removed = transaction
            .run(
                "UPDATE device SET removed_at = coalesce(removed_at, $3) WHERE tenant = $1 AND uuid = $2
                 RETURNING uuid",
                &[tenant.as_str().into(), (&uuid.to_string()).into(), seconds(stamp.at).into()],
            )
            .await?;
        known(uuid, &removed)?;
        note(&mut transaction, tenant, uuid, stamp, &AuditEvent::Removed).await?;
        transaction.commit().await
    }

    async fn forget(&self, tenant: &Tenant, uuid: Uuid, stamp: &Stamp) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        let uuid_text = uuid.to_string();
        let device = [tenant.as_str().into(), (&uuid_text).into()];
        // Reading by writing keeps a run from putting it into service in between.
        let found = transaction
            .run(
                "UPDATE device SET removed_at = removed_at WHERE tenant = $1 AND uuid = $2 RETURNING removed_at",
                &device,
            )
            .await?;
        if known(uuid, &found)?.optional_number("removed_at")?.is_none() {
            return Err(StoreError::InService(uuid));
        }
        for delete in [
            "DELETE FROM password WHERE tenant = $1 AND uuid = $2",
            "DELETE FROM certificate WHERE tenant = $1 AND uuid = $2",
            "DELETE FROM device WHERE tenant = $1 AND uuid = $2",
        ] {
            transaction.run(delete, &device).await?;
        }
        note(&mut transaction, tenant, uuid, stamp, &AuditEvent::Forgotten).await?;
        transaction.commit().await
    }
}

/// Whether the record may name a password that has never been made: each is only intended at first.
fn may_order(record: &Record) -> bool {
    record.admin.iter().chain(&record.mebx).any(|mark| mark.state == PasswordState::Intended)
}

fn rotated_again_and_again() -> StoreError {
    StoreError::Unavailable { cause: "the keys were rotated again and again".to_owned(), advice: "try again" }
}

/// The device's row, if a statement found it.
fn known<R>(uuid: Uuid, rows: &[R]) -> Result<&R, StoreError> {
    rows.first().ok_or(StoreError::UnknownDevice(uuid))
}
