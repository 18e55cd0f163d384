//! Whose password a row is, and sealing it anew in its place.

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::PasswordId;

use super::rows::damaged;
use super::secrets::Owner;
use super::{Columns, Transaction, Value};
use crate::sealing::KeyId;
use crate::store::{Account, Item, StoreError, Tenant};

/// Whose password a row is.
pub(super) struct Place {
    tenant: Tenant,
    uuid: Uuid,
    account: Account,
    id: PasswordId,
}

impl Place {
    pub(super) fn read(row: &impl Columns) -> Result<Self, StoreError> {
        let wrong = || damaged(Item::Database, "a password is of a device or an account that there cannot be");
        Ok(Self {
            tenant: row.text("tenant")?.parse().map_err(|_| wrong())?,
            uuid: row.text("uuid")?.parse().map_err(|_| wrong())?,
            account: Account::from_name(row.text("account")?).ok_or_else(wrong)?,
            id: PasswordId(u16::try_from(row.number("number")?).map_err(|_| wrong())?),
        })
    }

    pub(super) const fn owner(&self) -> Owner<'_> {
        Owner { tenant: &self.tenant, uuid: self.uuid, account: self.account, id: self.id }
    }
}

/// `sealed` in the place of what is sealed under `old`, or not at all.
pub(super) async fn update_password(
    db: &mut impl Transaction,
    owner: Owner<'_>,
    sealed: &[u8],
    key: KeyId,
    old: Option<KeyId>,
) -> Result<u64, StoreError> {
    let old = old.map(|old| old.to_string());
    let changed = db
        .run(
            "UPDATE password SET secret = $1, key_id = $2
             WHERE tenant = $3 AND uuid = $4 AND account = $5 AND number = $6 AND key_id IS NOT DISTINCT FROM $7
             RETURNING number",
            &[
                sealed.into(),
                (&key.to_string()).into(),
                owner.tenant.as_str().into(),
                (&owner.uuid.to_string()).into(),
                owner.account.name().into(),
                i64::from(owner.id.0).into(),
                Value::Text(old.as_deref()),
            ],
        )
        .await?;
    Ok(changed.len() as u64)
}
