//! Leases: who may drive a device, and for how long (G13).

use std::time::Duration;

use amt_provision_fsm::identity::Uuid;
use rustls::pki_types::UnixTime;

use super::{Columns, Transaction, Value, rows};
use crate::store::{Epoch, Holder, Lease, StoreError, Tenant};

/// A clock that counts whole seconds may be that much behind when a lease begins.
const WHOLE_SECOND: Duration = Duration::from_secs(1);

fn ends(now: i64, ttl: Duration) -> i64 {
    let lasts = i64::try_from((ttl + WHOLE_SECOND).as_millis()).unwrap_or(i64::MAX);
    now.saturating_add(lasts)
}

/// A new lease with an epoch that no lease ever had, if there is none whose time is not over.
pub(super) async fn acquire(
    db: &mut impl Transaction,
    tenant: &Tenant,
    uuid: Uuid,
    holder: &Holder,
    ttl: Duration,
    at: UnixTime,
) -> Result<Lease, StoreError> {
    let now = db.clock(at).await?;
    let uuid_text = uuid.to_string();
    let [tenant_name, uuid_value]: [Value<'_>; 2] = [tenant.as_str().into(), (&uuid_text).into()];
    db.run("DELETE FROM lease WHERE tenant = $1 AND uuid = $2 AND until <= $3", &[tenant_name, uuid_value, now.into()])
        .await?;
    let made = db
        .run(
            "INSERT INTO lease (tenant, uuid, server, process, until) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, uuid) DO NOTHING RETURNING epoch",
            &[
                tenant_name,
                uuid_value,
                holder.server.as_str().into(),
                (&holder.process_text()).into(),
                ends(now, ttl).into(),
            ],
        )
        .await?;
    if let Some(row) = made.first() {
        return Ok(Lease { tenant: tenant.clone(), uuid, epoch: Epoch(row.number("epoch")?), ttl });
    }
    let held =
        db.run("SELECT server, until FROM lease WHERE tenant = $1 AND uuid = $2", &[tenant_name, uuid_value]).await?;
    let (by, left) = match held.first() {
        Some(row) => (Some(rows::server(row)?), row.number("until")?.saturating_sub(now)),
        // It ended in this very moment.
        None => (None, 0),
    };
    Err(StoreError::Busy { uuid, by, left: Duration::from_millis(left.try_into().unwrap_or(0)) })
}

/// Has the lease last for its whole time from now on, if nobody else has had one since. Until the transaction ends
/// nobody gets another.
pub(super) async fn extend(db: &mut impl Transaction, lease: &Lease, at: UnixTime) -> Result<(), StoreError> {
    let until = ends(db.clock(at).await?, lease.ttl);
    let rows = db
        .run(
            "UPDATE lease SET until = $4 WHERE tenant = $1 AND uuid = $2 AND epoch = $3 RETURNING epoch",
            &[lease.tenant.as_str().into(), (&lease.uuid.to_string()).into(), lease.epoch.0.into(), until.into()],
        )
        .await?;
    if rows.is_empty() { Err(StoreError::LeaseLost(lease.uuid)) } else { Ok(()) }
}

/// Has every lease of a holder last for its whole time from now on.
pub(super) async fn extend_all(
    db: &mut impl Transaction,
    holder: &Holder,
    ttl: Duration,
    at: UnixTime,
) -> Result<Vec<Lease>, StoreError> {
    let until = ends(db.clock(at).await?, ttl);
    let rows = db
        .run(
            "UPDATE lease SET until = $2 WHERE process = $1 RETURNING tenant, uuid, epoch",
            &[(&holder.process_text()).into(), until.into()],
        )
        .await?;
    rows.iter().map(|row| rows::lease(row, ttl)).collect()
}

/// Ends the lease now. One that is lost is left to whoever has it.
pub(super) async fn release(db: &mut impl Transaction, lease: &Lease) -> Result<(), StoreError> {
    db.run(
        "DELETE FROM lease WHERE tenant = $1 AND uuid = $2 AND epoch = $3",
        &[lease.tenant.as_str().into(), (&lease.uuid.to_string()).into(), lease.epoch.0.into()],
    )
    .await?;
    Ok(())
}
