//! The one place where secrets go into the database and come out of it, sealed (G1).

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::record::PasswordId;
use rustls::pki_types::UnixTime;

use super::rows::{damaged, seconds};
use super::{Columns, Transaction};
use crate::password::Password;
use crate::pki::authority::DeploymentAuthority;
use crate::sealing::{DataKey, KeyId, Label};
use crate::secret::Secret;
use crate::store::{Account, Item, StoreError, Tenant};

/// Whose password.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) uuid: Uuid,
    pub(super) account: Account,
    pub(super) id: PasswordId,
}

impl Owner<'_> {
    pub(super) const fn item(&self) -> Item {
        Item::Password(self.uuid, self.account, self.id)
    }

    pub(super) fn label(&self) -> Label {
        let (uuid, number) = (self.uuid.to_string(), self.id.0.to_string());
        Label::new(&["password", self.tenant.as_str(), &uuid, self.account.name(), &number])
    }
}

pub(super) fn authority_label() -> Label {
    Label::new(&["authority"])
}

/// What became of a secret that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is kept.
    Kept,
    /// It is not: the keys were rotated meanwhile, and nothing more is sealed under this one.
    KeyRetired,
}

/// Keeps a password.
pub(super) async fn insert_password(
    db: &mut impl Transaction,
    key: &DataKey,
    owner: Owner<'_>,
    password: &Password,
    at: UnixTime,
) -> Result<Kept, StoreError> {
    let sealed = key.cipher.seal(&owner.label(), password.expose().as_bytes())?;
    let inserted = db
        .run(
            "INSERT INTO password (tenant, uuid, account, number, secret, key_id, made_at)
             SELECT $1, $2, $3, $4, $5, id, $7 FROM data_key WHERE id = $6 AND in_use = 1 RETURNING number",
            &[
                owner.tenant.as_str().into(),
                (&owner.uuid.to_string()).into(),
                owner.account.name().into(),
                i64::from(owner.id.0).into(),
                sealed[..].into(),
                (&key.id.to_string()).into(),
                seconds(at).into(),
            ],
        )
        .await?;
    Ok(if inserted.is_empty() { Kept::KeyRetired } else { Kept::Kept })
}

/// Column `key_id`: what the secret of a row is sealed under.
pub(super) fn key_id(what: Item, row: &impl Columns) -> Result<KeyId, StoreError> {
    let text = row
        .optional_text("key_id")?
        .ok_or_else(|| damaged(what, "it is not sealed, and this program keeps none so: who wrote it?"))?;
    text.parse().map_err(|error| damaged(what, error))
}

/// Column `secret`, in which a password is text.
pub(super) fn password(owner: Owner<'_>, key: &DataKey, row: &impl Columns) -> Result<Password, StoreError> {
    let what = owner.item();
    let text = open(what, &owner.label(), key, row.bytes("secret")?)?;
    Password::new(text).map_err(|error| damaged(what, error))
}

/// Keeps the authority, unless there is one: whoever comes second keeps its hands off, and reads the first one's.
pub(super) async fn insert_authority(
    db: &mut impl Transaction,
    key: &DataKey,
    authority: &DeploymentAuthority,
    at: UnixTime,
) -> Result<(), StoreError> {
    let sealed = key.cipher.seal(&authority_label(), authority.to_pem().expose().as_bytes())?;
    db.run(
        "INSERT INTO authority (id, pem, key_id, made_at)
         SELECT 1, $1, id, $3 FROM data_key WHERE id = $2 AND in_use = 1 ON CONFLICT (id) DO NOTHING",
        &[sealed[..].into(), (&key.id.to_string()).into(), seconds(at).into()],
    )
    .await?;
    Ok(())
}

/// Column `pem`.
pub(super) fn authority(key: &DataKey, row: &impl Columns) -> Result<DeploymentAuthority, StoreError> {
    let text = open(Item::Authority, &authority_label(), key, row.bytes("pem")?)?;
    DeploymentAuthority::from_pem(&text).map_err(|error| damaged(Item::Authority, error))
}

fn open(what: Item, label: &Label, key: &DataKey, sealed: &[u8]) -> Result<Secret, StoreError> {
    let bytes = key.cipher.open(label, sealed).map_err(|error| damaged(what, error))?;
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| damaged(what, "it is no text"))?;
    Ok(Secret::from(text.to_owned()))
}
