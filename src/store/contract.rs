//! What a store promises.

use std::path::Path;
use std::time::Duration;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Permit;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Ledger, PasswordId, Record};
use async_trait::async_trait;
use rustls::pki_types::UnixTime;

use super::{
    Account, AuditEntry, AuditSequence, Audited, Holder, IssuedCertificate, KnownDevice, Lease, PasswordSource,
    Rotation, Stamp, StoreError, StoredKey, Tenant,
};
use crate::password::Password;
use crate::pki::authority::DeploymentAuthority;

/// A durable store.
///
/// It is object-safe, because the configuration chooses the database when the server starts and because a test puts
/// a store that fails between the server and the real one; a boxed future costs nothing beside an `fsync`.
///
/// Every method that writes does so in one transaction that is on the disk when `Ok` is returned, and a future that is
/// dropped has done all of it or nothing. Every method fails with [`StoreError::Unavailable`] when the store cannot be
/// reached and with [`StoreError::Damaged`] when what is there cannot be read; the other errors are named.
#[async_trait]
pub trait Store: Send + Sync {
    /// Opens the key of the secrets, so that one which is missing or wrong is told before anything else happens. In a
    /// store without one it is made, and whatever an older version kept in the plain is sealed, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Key`].
    async fn unlock(&self, at: UnixTime) -> Result<(), StoreError>;

    /// The keys that secrets are sealed under, the oldest first. None of them is opened.
    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Puts a new key into use and seals every secret under it, a few in each transaction, while servers run. What it
    /// was interrupted in, the next one finishes.
    ///
    /// # Errors
    /// [`StoreError::Key`], with nothing changed.
    async fn rotate_keys(&self, at: UnixTime) -> Result<Rotation, StoreError>;

    /// Writes a copy of the store, as it is at one moment, into the new file `to`, while servers run. Its secrets are as
    /// they are here: sealed.
    ///
    /// # Errors
    /// [`StoreError::NoAccess`] for a database that has tools of its own for that.
    async fn back_up(&self, to: &Path) -> Result<(), StoreError>;

    /// The ledger that a run begins with; `None` for a device that is not known. A removed device is known.
    async fn load(&self, tenant: &Tenant, uuid: Uuid) -> Result<Option<Ledger>, StoreError>;

    /// The right to drive a device for `ttl`, if nobody has it (G13). The device need not be known. Whose clock says when
    /// the time is over: the database's where servers share one, and `at` where there is one machine.
    ///
    /// # Errors
    /// [`StoreError::Busy`].
    async fn acquire(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        holder: &Holder,
        ttl: Duration,
        at: UnixTime,
    ) -> Result<Lease, StoreError>;

    /// Has every lease of `holder` last for `ttl` from now on; those that it still has. One whose time is over, and
    /// that nobody took, is good again.
    async fn renew(&self, holder: &Holder, ttl: Duration, at: UnixTime) -> Result<Vec<Lease>, StoreError>;

    /// Gives a lease back before its time is over. One that is lost stays with whoever has it.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Makes `record`, which is that of the lease's device, durable as `generation`, if the lease is not lost and the
    /// store has the generation before it (none before the first, which is 1), together with every password whose
    /// number it names and the store has never seen (G2). The lease is renewed. A removed device is in service again.
    /// Passwords are never deleted by it, also when the record no longer names them.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`]; [`StoreError::Conflict`]; [`StoreError::Password`]; [`StoreError::Damaged`] if the device is said to have taken
    /// a password that the store has never seen: what is made up now is not what the device has.
    async fn persist(
        &self,
        lease: &Lease,
        generation: Generation,
        record: &Record,
        passwords: &PasswordSource,
        at: UnixTime,
    ) -> Result<(), StoreError>;

    /// A password that a durable record named.
    ///
    /// # Errors
    /// [`StoreError::UnknownPassword`].
    async fn password(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        account: Account,
        id: PasswordId,
    ) -> Result<Password, StoreError>;

    /// The deployment's certificate authority, made now if there is none. When several servers start at once, all of
    /// them get the same.
    ///
    /// # Errors
    /// [`StoreError::Authority`].
    async fn authority(&self, at: UnixTime) -> Result<DeploymentAuthority, StoreError>;

    /// Keeps a certificate that was issued for a device.
    ///
    /// # Errors
    /// [`StoreError::UnknownDevice`]; [`StoreError::Rejected`] if there is one with this serial number.
    async fn add_certificate(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        certificate: &IssuedCertificate,
    ) -> Result<(), StoreError>;

    /// The newest certificates of a device, the newest first.
    async fn certificates(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        at_most: u32,
    ) -> Result<Vec<IssuedCertificate>, StoreError>;

    /// Keeps how a device's run ended. The mode stays what it was where the outcome shows none.
    ///
    /// # Errors
    /// [`StoreError::UnknownDevice`]: nothing is kept of a claim that no device ever proved (G5);
    /// [`StoreError::LeaseLost`]: how it ended is now another server's to say.
    async fn record_outcome(&self, lease: &Lease, outcome: &Outcome, at: UnixTime) -> Result<(), StoreError>;

    /// Appends to a device's audit log. The log takes any device: the driver holds back what it has to say about a
    /// device until that has proven its UUID (G5), and then writes it at once.
    async fn append_audit(&self, tenant: &Tenant, uuid: Uuid, entries: &[AuditEntry]) -> Result<(), StoreError>;

    /// The lines of a device's audit log behind `after`, the oldest first. They outlive the device.
    async fn audit(
        &self,
        tenant: &Tenant,
        uuid: Uuid,
        after: Option<AuditSequence>,
        at_most: u32,
    ) -> Result<Vec<Audited>, StoreError>;

    /// What is kept of a device; `None` if it is not known.
    async fn device(&self, tenant: &Tenant, uuid: Uuid) -> Result<Option<KnownDevice>, StoreError>;

    /// A tenant's devices behind `after`, ordered by UUID, the removed ones among them.
    async fn devices(&self, tenant: &Tenant, after: Option<Uuid>, at_most: u32)
    -> Result<Vec<KnownDevice>, StoreError>;

    /// Puts an operator's permit into a device's record, as a generation of its own, and into the audit log. A run
    /// that is going on loses its lease by that; the permit takes effect in the next one. A removed device is in service
    /// again.
    ///
    /// # Errors
    /// [`StoreError::UnknownDevice`].
    async fn permit(&self, tenant: &Tenant, uuid: Uuid, permit: Permit, stamp: &Stamp) -> Result<(), StoreError>;

    /// Takes a device out of service: it stays as a tombstone, with its record, its passwords and its certificates
    /// (G7).
    ///
    /// # Errors
    /// [`StoreError::UnknownDevice`].
    async fn remove(&self, tenant: &Tenant, uuid: Uuid, stamp: &Stamp) -> Result<(), StoreError>;

    /// Destroys the tombstone of a removed device. Only its audit log is left: should the device come back, it is one
    /// that was never seen, and if it still has a password of ours nobody knows it.
    ///
    /// # Errors
    /// [`StoreError::UnknownDevice`]; [`StoreError::InService`].
    async fn forget(&self, tenant: &Tenant, uuid: Uuid, stamp: &Stamp) -> Result<(), StoreError>;
}
