//! Changing the data key, while servers run.
//!
//! A rotation puts a new key into use first; from then on nothing more is sealed under the old one, which opens what was,
//! until that is sealed anew piece by piece.

use rustls::pki_types::UnixTime;

use super::keyring::{id, insert_key};
use super::place::{Place, update_password};
use super::rows::{damaged, seconds};
use super::secrets;
use super::{Columns, Database, SqlStore, Transaction};
use crate::sealing::{DataKey, KeyId, Label};
use crate::store::{Item, Rotation, StoreError};

/// How many secrets are sealed anew in one transaction: servers wait no longer than for these.
const BATCH: i64 = 100;

/// How often a rotation looks again for secrets that servers kept under the old key while it began.
const PASSES: u32 = 5;

impl<D: Database> SqlStore<D> {
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
