//! The contract, kept by SQLite.

use std::fmt;
use std::path::Path;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Permit;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Ledger, PasswordId, Record};
use async_trait::async_trait;
use rustls::pki_types::UnixTime;
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::open::{Pools, open};
use super::rows::{self, seconds};
use super::writing::{make_passwords, note, swap};
use crate::password::Password;
use crate::pki::authority::DeploymentAuthority;
use crate::store::device::mode_shown;
use crate::store::{
    Account, AuditEntry, AuditEvent, AuditSequence, Audited, Ending, IssuedCertificate, KnownDevice, PasswordSource,
    Stamp, Store, StoreError, Tenant,
};

/// The embedded store: a file that one server owns. Commands of the same machine may use it at the same time.
pub struct SqliteStore {
    pub(in crate::store) writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the store in the file `path`. It is created, readable for its owner only, if there is none; its folder
    /// must be there.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`] and [`StoreError::TooNew`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let Pools { writer, readers } = open(path).await?;
        Ok(Self { writer, readers })
    }

    /// A writing transaction. It takes the lock at once: one that only read at first could be refused it later.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.writer.connect_options();
        f.debug_struct("SqliteStore").field("path", &path.get_filename()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, tenant: &Tenant, uuid: Uuid) -> Result<Option<Ledger>, StoreError> {
        let row = sqlx::query("SELECT generation, snapshot, checksum FROM device WHERE tenant = ?1 AND uuid = ?2")
            .bind(tenant.as_str())
            .bind(uuid.to_string())
            .fetch_optional(&self.readers)
            .await?;
        let stored = row.map(|row| rows::record(uuid, &row)).transpose()?;
        Ok(stored.map(|(record, generation)| Ledger::stored(record, generation)))
    }

    async fn persist(
        &self,
        tenant: &Tenant,
        generation: Generation,
        record: &Record,
        passwords: &PasswordSource,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        swap(&mut transaction, tenant, generation, record, at).await?;
        make_passwords(&mut transaction, tenant, record, passwords, at).await?;
        Ok(transaction.commit().await?)
    }

    async fn password(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        account: Account,
        id: PasswordId,
    ) -> Result<Password, StoreError> {
        sqlx::query("SELECT secret FROM password WHERE tenant = ?1 AND uuid = ?2 AND account = ?3 AND number = ?4")
            .bind(tenant.as_str())
            .bind(uuid.to_string())
            .bind(account.name())
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await?
            .map_or(Err(StoreError::UnknownPassword { uuid, account, id }), |row| {
                rows::password(uuid, account, id, &row)
            })
    }

    async fn authority(&self, at: UnixTime) -> Result<DeploymentAuthority, StoreError> {
        let select = "SELECT pem FROM authority";
        if let Some(row) = sqlx::query(select).fetch_optional(&self.readers).await? {
            return rows::authority(&row);
        }
        let made = DeploymentAuthority::generate().map_err(StoreError::Authority)?;
        let mut transaction = self.begin().await?;
        // Whoever comes second keeps its hands off, and reads the first one's.
        sqlx::query("INSERT INTO authority (id, pem, made_at) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING")
            .bind(made.to_pem().expose().as_bytes())
            .bind(seconds(at))
            .execute(&mut *transaction)
            .await?;
        let row = sqlx::query(select).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        rows::authority(&row)
    }

    async fn add_certificate(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        certificate: &IssuedCertificate,
    ) -> Result<(), StoreError> {
        let added = sqlx::query(
            "INSERT INTO certificate (serial, tenant, uuid, spki, der, issued_at)
             SELECT ?1, tenant, uuid, ?4, ?5, ?6 FROM device WHERE tenant = ?2 AND uuid = ?3",
        )
        .bind(&certificate.serial.as_bytes()[..])
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(&certificate.spki.as_bytes()[..])
        .bind(&certificate.der[..])
        .bind(seconds(certificate.issued_at))
        .execute(&self.writer)
        .await?;
        if added.rows_affected() == 1 { Ok(()) } else { Err(StoreError::UnknownDevice(uuid)) }
    }

    async fn certificates(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        at_most: u32,
    ) -> Result<Vec<IssuedCertificate>, StoreError> {
        let rows = sqlx::query(
            "SELECT serial, spki, der, issued_at FROM certificate WHERE tenant = ?1 AND uuid = ?2
             ORDER BY issued_at DESC, rowid DESC LIMIT ?3",
        )
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(at_most)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| rows::certificate(uuid, row)).collect()
    }

    async fn record_outcome(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        outcome: &Outcome,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        let written = sqlx::query(
            "UPDATE device SET outcome = ?3, outcome_text = ?4, outcome_at = ?5, mode = coalesce(?6, mode)
             WHERE tenant = ?1 AND uuid = ?2",
        )
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(Ending::of(outcome).name())
        .bind(outcome.to_string())
        .bind(seconds(at))
        .bind(mode_shown(outcome).map(|mode| mode.code()))
        .execute(&self.writer)
        .await?;
        if written.rows_affected() == 1 { Ok(()) } else { Err(StoreError::UnknownDevice(uuid)) }
    }

    async fn append_audit(&self, tenant: &Tenant, uuid: Uuid, entries: &[AuditEntry]) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for entry in entries {
            note(&mut transaction, tenant, uuid, &entry.stamp, &entry.event).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn audit(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        after: Option<AuditSequence>,
        at_most: u32,
    ) -> Result<Vec<Audited>, StoreError> {
        let after = after.map_or(0, |after| i64::try_from(after.0).unwrap_or(i64::MAX));
        let rows = sqlx::query(
            "SELECT * FROM audit WHERE tenant = ?1 AND uuid = ?2 AND sequence > ?3 ORDER BY sequence LIMIT ?4",
        )
        .bind(tenant.as_str())
        .bind(uuid.to_string())
        .bind(after)
        .bind(at_most)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(rows::audited).collect()
    }

    async fn device(&self, tenant: &Tenant, uuid: Uuid) -> Result<Option<KnownDevice>, StoreError> {
        let row = sqlx::query("SELECT * FROM device WHERE tenant = ?1 AND uuid = ?2")
            .bind(tenant.as_str())
            .bind(uuid.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(rows::known_device).transpose()
    }

    async fn devices(
        &self,
        tenant: &Tenant,
        after: Option<Uuid>,
        at_most: u32,
    ) -> Result<Vec<KnownDevice>, StoreError> {
        let rows = sqlx::query("SELECT * FROM device WHERE tenant = ?1 AND uuid > ?2 ORDER BY uuid LIMIT ?3")
            .bind(tenant.as_str())
            .bind(after.map(|after| after.to_string()).unwrap_or_default())
            .bind(at_most)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(rows::known_device).collect()
    }

    async fn permit(&self, tenant: &Tenant, uuid: Uuid, permit: Permit, stamp: &Stamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query("SELECT generation, snapshot, checksum FROM device WHERE tenant = ?1 AND uuid = ?2")
            .bind(tenant.as_str())
            .bind(uuid.to_string())
            .fetch_optional(&mut *transaction)
            .await?
            .ok_or(StoreError::UnknownDevice(uuid))?;
        let (mut record, generation) = rows::record(uuid, &row)?;
        record.permit = Some(permit);
        swap(&mut transaction, tenant, generation.next(), &record, stamp.at).await?;
        note(&mut transaction, tenant, uuid, stamp, &AuditEvent::Permitted(permit)).await?;
        Ok(transaction.commit().await?)
    }

    async fn remove(&self, tenant: &Tenant, uuid: Uuid, stamp: &Stamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let removed =
            sqlx::query("UPDATE device SET removed_at = coalesce(removed_at, ?3) WHERE tenant = ?1 AND uuid = ?2")
                .bind(tenant.as_str())
                .bind(uuid.to_string())
                .bind(seconds(stamp.at))
                .execute(&mut *transaction)
                .await?;
        if removed.rows_affected() == 0 {
            return Err(StoreError::UnknownDevice(uuid));
        }
        note(&mut transaction, tenant, uuid, stamp, &AuditEvent::Removed).await?;
        Ok(transaction.commit().await?)
    }

    async fn forget(&self, tenant: &Tenant, uuid: Uuid, stamp: &Stamp) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let removed: Option<bool> =
            sqlx::query_scalar("SELECT removed_at IS NOT NULL FROM device WHERE tenant = ?1 AND uuid = ?2")
                .bind(tenant.as_str())
                .bind(uuid.to_string())
                .fetch_optional(&mut *transaction)
                .await?;
        match removed {
            None => return Err(StoreError::UnknownDevice(uuid)),
            Some(false) => return Err(StoreError::InService(uuid)),
            Some(true) => {}
        }
        for delete in [
            "DELETE FROM password WHERE tenant = ?1 AND uuid = ?2",
            "DELETE FROM certificate WHERE tenant = ?1 AND uuid = ?2",
            "DELETE FROM device WHERE tenant = ?1 AND uuid = ?2",
        ] {
            sqlx::query(delete).bind(tenant.as_str()).bind(uuid.to_string()).execute(&mut *transaction).await?;
        }
        note(&mut transaction, tenant, uuid, stamp, &AuditEvent::Forgotten).await?;
        Ok(transaction.commit().await?)
    }
}
