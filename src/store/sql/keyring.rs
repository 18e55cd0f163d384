//! The data keys of a store: made, and opened once.
//!
//! A secret is sealed under the key that is in use, and a transaction that keeps it makes sure that it still is. A server
//! meets a key that it has not seen in a row, and opens it then.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::UnixTime;
use smol::unblock;

use super::place::{Place, update_password};
use super::rows::{self, damaged, seconds};
use super::{Columns, Database, SqlStore, Transaction, secrets};
use crate::sealing::{DataKey, KeyId, KeySources, WrappedKey, WrapperId};
use crate::store::{Item, StoreError, StoredKey};

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

    pub(super) async fn make(&self) -> Result<(Arc<DataKey>, WrappedKey), StoreError> {
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
}

pub(super) fn id(row: &impl Columns) -> Result<KeyId, StoreError> {
    row.text("id")?.parse().map_err(|error| damaged(Item::Database, error))
}

/// Columns `id`, `wrapped` and `wrapped_by`.
fn wrapped(row: &impl Columns) -> Result<WrappedKey, StoreError> {
    let by = WrapperId::from_stored(row.text("wrapped_by")?);
    Ok(WrappedKey { id: id(row)?, by, bytes: row.bytes("wrapped")?.to_vec() })
}

/// Puts a key into use, if none is.
pub(super) async fn insert_key<T: Transaction>(
    db: &mut T,
    key: &WrappedKey,
    at: UnixTime,
) -> Result<Vec<T::Row>, StoreError> {
    db.run(
        "INSERT INTO data_key (id, wrapped, wrapped_by, in_use, made_at) VALUES ($1, $2, $3, 1, $4)
         ON CONFLICT (in_use) DO NOTHING RETURNING id",
        &[(&key.id.to_string()).into(), key.bytes[..].into(), key.by.as_str().into(), seconds(at).into()],
    )
    .await
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
