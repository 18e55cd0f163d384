//! The data keys of a store: made, opened once, rotated.
//!
//! A secret is sealed under the key that is in use, and a transaction that keeps it makes sure that it still is. A
//! rotation puts a new key into use first; from then on nothing more is sealed under the old one, which opens what was,
//! until that is sealed anew piece by piece. A server meets a key that it has not seen in a row, and opens it then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use amt_provision_fsm::record::PasswordId;
use rustls::pki_types::UnixTime;
use smol::unblock;

use super::rows::{self, damaged, seconds};
use super::secrets::{self, Owner};
use super::{Columns, Database, SqlStore, Transaction, Value};
use crate::sealing::{DataKey, KeyId, KeySources, Label, WrappedKey, WrapperId};
use crate::store::{Account, Item, Rotation, StoreError, StoredKey, Tenant};

/// How many secrets are sealed anew in one transaction: servers wait no longer than for these.
const BATCH: i64 = 100;

/// How often a rotation looks again for secrets that servers kept under the old key while it began.
const PASSES: u32 = 5;

/// The keys that this process has opened, and where the keys to them are.
#[derive(Debug, Default)]
pub(in crate::store) struct Keyring {
    sources: Arc<KeySources>,
    opened: Mutex<BTreeMap<KeyId, Arc<DataKey>>>,
}

impl Keyring {
    pub(in crate::store) fn new(sources: KeySources) -> Self {
        Self { sources: Arc::new(sources), opened: Mutex::default() }
    }

    fn find(&self, id: KeyId) -> Option<Arc<DataKey>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn keep(&self, key: DataKey) -> Arc<DataKey> {
        let key = Arc::new(key);
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(key.id, Arc::clone(&key));
        key
    }

    async fn open(&self, wrapped: WrappedKey) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.find(wrapped.id) {
            return Ok(key);
        }
        let sources = Arc::clone(&self.sources);
        Ok(self.keep(unblock(move || sources.open(&wrapped)).await?))
    }

    async fn make(&self) -> Result<(Arc<DataKey>, WrappedKey), StoreError> {
        let sources = Arc::clone(&self.sources);
        let (key, wrapped) = unblock(move || sources.make()).await?;
        Ok((self.keep(key), wrapped))
    }
}

impl<D: Database> SqlStore<D> {
    /// The key of that name.
    pub(super) async fn key(&self, id: KeyId) -> Result<Arc<DataKey>, StoreError> {
        if let Some(key) = self.keys.find(id) {
            return Ok(key);
        }
        let select = "SELECT id, wrapped, wrapped_by FROM data_key WHERE id = $1";
        let found = self.database.read(select, &[(&id.to_string()).into()]).await?;
        let row =
            found.first().ok_or_else(|| damaged(Item::DataKey(id), "it is gone, and a secret is sealed under it"))?;
        self.keys.open(wrapped(row)?).await
    }

    /// The key that is in use, made if there is none; then whatever is not sealed yet is.
    pub(super) async fn key_in_use(&self, at: UnixTime) -> Result<Arc<DataKey>, StoreError> {
        match self.find_in_use().await? {
            Some(key) => Ok(key),
            None => self.first_key(at).await,
        }
    }

    async fn find_in_use(&self) -> Result<Option<Arc<DataKey>>, StoreError> {
        let select = "SELECT id, wrapped, wrapped_by FROM data_key WHERE in_use = 1";
        match self.database.read(select, &[]).await?.first() {
            Some(row) => Ok(Some(self.keys.open(wrapped(row)?).await?)),
            None => Ok(None),
        }
    }

    /// In one transaction, so that a store in which nothing is sealed becomes one in which everything is.
    async fn first_key(&self, at: UnixTime) -> Result<Arc<DataKey>, StoreError> {
        let (key, wrapped) = self.keys.make().await?;
        let mut transaction = self.database.begin().await?;
        if insert_key(&mut transaction, &wrapped, at).await?.is_empty() {
            drop(transaction);
            return self.find_in_use().await?.ok_or_else(|| damaged(Item::Database, "no data key is in use"));
        }
        let plain = seal_what_is_plain(&mut transaction, &key).await?;
        transaction.commit().await?;
        if plain > 0 {
            self.database.overwrite_what_was().await?;
        }
        Ok(key)
    }

    /// Whether each key of the store opens; the first is made if there is none.
    pub(super) async fn open_keys(&self, at: UnixTime) -> Result<(), StoreError> {
        let rows = self.database.read("SELECT id, wrapped, wrapped_by FROM data_key ORDER BY made_at, id", &[]).await?;
        for row in &rows {
            self.keys.open(wrapped(row)?).await?;
        }
        self.key_in_use(at).await.map(drop)
    }

    pub(super) async fn list_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let rows = self
            .database
            .read(
                "SELECT id, wrapped, wrapped_by, made_at, retired_at,
                        (SELECT count(*) FROM password WHERE key_id = data_key.id)
                        + (SELECT count(*) FROM authority WHERE key_id = data_key.id) AS secrets
                 FROM data_key ORDER BY made_at, id",
                &[],
            )
            .await?;
        let read = |row: &D::Row| {
            let WrappedKey { id, by, .. } = wrapped(row)?;
            let what = Item::DataKey(id);
            Ok(StoredKey {
                id,
                by,
                made_at: rows::time(what, row.number("made_at")?)?,
                retired_at: row.optional_number("retired_at")?.map(|at| rows::time(what, at)).transpose()?,
                secrets: rows::unsigned(what, row.number("secrets")?)?,
            })
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn rotate(&self, at: UnixTime) -> Result<Rotation, StoreError> {
        // Nothing is changed before it is certain that everything can be opened.
        self.open_keys(at).await?;
        let (key, wrapped) = self.keys.make().await?;
        let mut transaction = self.database.begin().await?;
        let retire = "UPDATE data_key SET in_use = NULL, retired_at = $1 WHERE in_use = 1 RETURNING id";
        transaction.run(retire, &[seconds(at).into()]).await?;
        if insert_key(&mut transaction, &wrapped, at).await?.is_empty() {
            return Err(StoreError::Unavailable {
                cause: "somebody else rotates the keys".into(),
                advice: "try again",
            });
        }
        transaction.commit().await?;
        let (mut sealed, mut dropped) = (0, Vec::new());
        for _ in 0..PASSES {
            sealed += self.seal_anew(&key).await?;
            let mut transaction = self.database.begin().await?;
            let gone = transaction
                .run(
                    "DELETE FROM data_key WHERE in_use IS NULL
                     AND NOT EXISTS (SELECT 1 FROM password WHERE key_id = data_key.id)
                     AND NOT EXISTS (SELECT 1 FROM authority WHERE key_id = data_key.id) RETURNING id",
                    &[],
                )
                .await?;
            for row in &gone {
                dropped.push(id(row)?);
            }
            transaction.commit().await?;
            if self.database.read("SELECT id FROM data_key WHERE in_use IS NULL", &[]).await?.is_empty() {
                break;
            }
        }
        self.database.overwrite_what_was().await?;
        Ok(Rotation { key: key.id, sealed, dropped })
    }

    /// Seals under `key` what is sealed under another, a few at a time.
    async fn seal_anew(&self, key: &DataKey) -> Result<u64, StoreError> {
        let mut sealed = self.seal_authority_anew(key).await?;
        let mut after = (String::new(), String::new(), String::new(), -1);
        loop {
            let rows = self
                .database
                .read(
                    "SELECT tenant, uuid, account, number, secret, key_id FROM password
                     WHERE (tenant, uuid, account, number) > ($1, $2, $3, $4)
                     ORDER BY tenant, uuid, account, number LIMIT $5",
                    &[(&after.0).into(), (&after.1).into(), (&after.2).into(), after.3.into(), BATCH.into()],
                )
                .await?;
            let Some(last) = rows.last() else { return Ok(sealed) };
            after = (
                last.text("tenant")?.to_owned(),
                last.text("uuid")?.to_owned(),
                last.text("account")?.to_owned(),
                last.number("number")?,
            );
            let mut anew = Vec::new();
            for row in &rows {
                let place = Place::read(row)?;
                let (what, label) = (place.owner().item(), place.owner().label());
                let old = secrets::key_id(what, row)?;
                if old != key.id {
                    let secret = self.reseal(what, &label, old, key, row.bytes("secret")?).await?;
                    anew.push((place, old, secret));
                }
            }
            if anew.is_empty() {
                continue;
            }
            let mut transaction = self.database.begin().await?;
            for (place, old, secret) in &anew {
                sealed += update_password(&mut transaction, place.owner(), secret, key.id, Some(*old)).await?;
            }
            transaction.commit().await?;
        }
    }

    async fn seal_authority_anew(&self, key: &DataKey) -> Result<u64, StoreError> {
        let rows = self.database.read("SELECT pem, key_id FROM authority", &[]).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        let old = secrets::key_id(Item::Authority, row)?;
        if old == key.id {
            return Ok(0);
        }
        let pem = self.reseal(Item::Authority, &secrets::authority_label(), old, key, row.bytes("pem")?).await?;
        let mut transaction = self.database.begin().await?;
        let update = "UPDATE authority SET pem = $1, key_id = $2 WHERE key_id = $3 RETURNING id";
        let (new, old) = (key.id.to_string(), old.to_string());
        let values = [pem[..].into(), (&new).into(), (&old).into()];
        let changed = transaction.run(update, &values).await?.len() as u64;
        transaction.commit().await?;
        Ok(changed)
    }

    async fn reseal(
        &self,
        what: Item,
        label: &Label,
        old: KeyId,
        key: &DataKey,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let old = self.key(old).await?;
        let secret = old.cipher.open(label, sealed).map_err(|error| damaged(what, error))?;
        Ok(key.cipher.seal(label, secret.expose())?)
    }
}

/// Whose password a row is.
struct Place {
    tenant: Tenant,
    uuid: amt_provision_fsm::identity::Uuid,
    account: Account,
    id: PasswordId,
}

impl Place {
    fn read(row: &impl Columns) -> Result<Self, StoreError> {
        let wrong = || damaged(Item::Database, "a password is of a device or an account that there cannot be");
        Ok(Self {
            tenant: row.text("tenant")?.parse().map_err(|_| wrong())?,
            uuid: row.text("uuid")?.parse().map_err(|_| wrong())?,
            account: Account::from_name(row.text("account")?).ok_or_else(wrong)?,
            id: PasswordId(u16::try_from(row.number("number")?).map_err(|_| wrong())?),
        })
    }

    const fn owner(&self) -> Owner<'_> {
        Owner { tenant: &self.tenant, uuid: self.uuid, account: self.account, id: self.id }
    }
}

fn id(row: &impl Columns) -> Result<KeyId, StoreError> {
    row.text("id")?.parse().map_err(|error| damaged(Item::Database, error))
}

/// Columns `id`, `wrapped` and `wrapped_by`.
fn wrapped(row: &impl Columns) -> Result<WrappedKey, StoreError> {
    let by = WrapperId::from_stored(row.text("wrapped_by")?);
    Ok(WrappedKey { id: id(row)?, by, bytes: row.bytes("wrapped")?.to_vec() })
}

/// Puts a key into use, if none is.
async fn insert_key<T: Transaction>(db: &mut T, key: &WrappedKey, at: UnixTime) -> Result<Vec<T::Row>, StoreError> {
    db.run(
        "INSERT INTO data_key (id, wrapped, wrapped_by, in_use, made_at) VALUES ($1, $2, $3, 1, $4)
         ON CONFLICT (in_use) DO NOTHING RETURNING id",
        &[(&key.id.to_string()).into(), key.bytes[..].into(), key.by.as_str().into(), seconds(at).into()],
    )
    .await
}

/// `sealed` in the place of what is sealed under `old`, or not at all.
async fn update_password(
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

/// Seals what a version of before kept in the plain.
async fn seal_what_is_plain(db: &mut impl Transaction, key: &DataKey) -> Result<u64, StoreError> {
    let rows = db.run("SELECT tenant, uuid, account, number, secret FROM password WHERE key_id IS NULL", &[]).await?;
    let mut sealed = 0;
    for row in &rows {
        let place = Place::read(row)?;
        let secret = key.cipher.seal(&place.owner().label(), row.bytes("secret")?)?;
        sealed += update_password(db, place.owner(), &secret, key.id, None).await?;
    }
    let rows = db.run("SELECT pem FROM authority WHERE key_id IS NULL", &[]).await?;
    if let Some(row) = rows.first() {
        let pem = key.cipher.seal(&secrets::authority_label(), row.bytes("pem")?)?;
        let update = "UPDATE authority SET pem = $1, key_id = $2 WHERE key_id IS NULL RETURNING id";
        sealed += db.run(update, &[pem[..].into(), (&key.id.to_string()).into()]).await?.len() as u64;
    }
    Ok(sealed)
}
