//! The one place where secrets go into the database and come out of it.

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::PasswordId;
use rustls::pki_types::UnixTime;
use zeroize::Zeroizing;

use super::rows::{damaged, seconds};
use super::{Columns, Transaction};
use crate::password::Password;
use crate::pki::authority::{AuthorityPem, DeploymentAuthority};
use crate::secret::Secret;
use crate::store::{Account, Item, StoreError, Tenant};

/// Keeps a password.
pub(super) async fn insert_password(
    db: &mut impl Transaction,
    tenant: &Tenant,
    uuid: Uuid,
    (account, id): (Account, PasswordId),
    password: &Password,
    at: UnixTime,
) -> Result<(), StoreError> {
    db.run(
        "INSERT INTO password (tenant, uuid, account, number, secret, made_at) VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            tenant.as_str().into(),
            (&uuid.to_string()).into(),
            account.name().into(),
            i64::from(id.0).into(),
            password.expose().as_bytes().into(),
            seconds(at).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Column `secret`, in which a password is text.
pub(super) fn password(
    uuid: Uuid,
    account: Account,
    id: PasswordId,
    row: &impl Columns,
) -> Result<Password, StoreError> {
    let what = Item::Password(uuid, account, id);
    let bytes = Zeroizing::new(row.bytes("secret")?.to_vec());
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(what, "it is no text"))?;
    Password::new(Secret::from(text.to_owned())).map_err(|error| damaged(what, error))
}

/// Keeps the authority, unless there is one: whoever comes second keeps its hands off, and reads the first one's.
pub(super) async fn insert_authority(
    db: &mut impl Transaction,
    authority: &DeploymentAuthority,
    at: UnixTime,
) -> Result<(), StoreError> {
    let pem = authority.to_pem();
    db.run(
        "INSERT INTO authority (id, pem, made_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
        &[pem.expose().as_bytes().into(), seconds(at).into()],
    )
    .await?;
    Ok(())
}

/// Column `pem`.
pub(super) fn authority(row: &impl Columns) -> Result<DeploymentAuthority, StoreError> {
    let bytes = Zeroizing::new(row.bytes("pem")?.to_vec());
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(Item::Authority, "it is no text"))?;
    DeploymentAuthority::from_pem(&AuthorityPem::from(text.to_owned())).map_err(|error| damaged(Item::Authority, error))
}
