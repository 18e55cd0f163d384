//! What survives a crash of the server.

use std::collections::BTreeMap;

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Permit;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Ledger, PasswordId, Record, Snapshot};
use rustls::pki_types::CertificateDer;

use crate::config::AdoptionPasswords;
use crate::password::Password;
use crate::protocol::DeviceReport;
use crate::server::Vault;
use crate::store::{Account, Ending, Item, PasswordSource, StoreError};

/// A store in memory for one device, with what a [`Store`](crate::store::Store) promises: a generation is written only
/// over the one before it, and the passwords that it names for the first time are made with it or not at all.
#[derive(Debug)]
pub struct Disk {
    uuid: Uuid,
    snapshot: Option<(Generation, Vec<u8>)>,
    passwords: BTreeMap<(Account, PasswordId), Password>,
    certificates: Vec<CertificateDer<'static>>,
    outcome: Option<Ending>,
}

impl Disk {
    pub(super) const fn new(uuid: Uuid) -> Self {
        Self { uuid, snapshot: None, passwords: BTreeMap::new(), certificates: Vec::new(), outcome: None }
    }

    /// The device's record; `None` for a device that is not known.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if what was written cannot be read.
    pub fn record(&self) -> Result<Option<(Generation, Record)>, StoreError> {
        let Some((generation, snapshot)) = &self.snapshot else { return Ok(None) };
        let record = Snapshot::decode(snapshot).map_err(|error| self.damaged(error.to_string()))?;
        Ok(Some((*generation, record)))
    }

    /// A password that a record named.
    pub fn password(&self, account: Account, id: PasswordId) -> Option<&Password> {
        self.passwords.get(&(account, id))
    }

    /// How the last run ended whose outcome was kept.
    pub const fn outcome(&self) -> Option<Ending> {
        self.outcome
    }

    /// The certificates that were issued for the device, the oldest first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }

    /// What a run begins with.
    pub(super) fn begin(
        &self,
        report: &DeviceReport,
        given: Option<&AdoptionPasswords>,
    ) -> Result<(Ledger, Vault), StoreError> {
        let ledger = match self.record()? {
            Some((generation, record)) => Ledger::stored(record, generation),
            None => Ledger::unknown(Record::new(self.uuid)),
        };
        let mut vault = Vault::reported(report);
        vault.give(given.and_then(|passwords| passwords.of(self.uuid)).cloned());
        for (account, id, password) in self.named(ledger.record()) {
            vault.insert(account, id, password);
        }
        Ok((ledger, vault))
    }

    /// The passwords that a record names.
    pub(super) fn named(&self, record: &Record) -> Vec<(Account, PasswordId, Password)> {
        let admin = record.admin.iter().map(|mark| (Account::Admin, mark.id));
        let named = admin.chain(record.mebx.iter().map(|mark| (Account::Mebx, mark.id)));
        named.filter_map(|(account, id)| Some((account, id, self.password(account, id)?.clone()))).collect()
    }

    pub(super) fn persist(
        &mut self,
        generation: Generation,
        record: &Record,
        source: &PasswordSource,
    ) -> Result<(), StoreError> {
        let stored = self.snapshot.as_ref().map(|(generation, _)| *generation);
        if stored.unwrap_or(Generation(0)).next() != generation {
            return Err(StoreError::Conflict { uuid: self.uuid, offered: generation, stored });
        }
        let snapshot = Snapshot::encode(record).map_err(|error| self.damaged(error.to_string()))?;
        let mut made = Vec::new();
        let admin = record.admin.iter().map(|mark| (Account::Admin, mark));
        for (account, mark) in admin.chain(record.mebx.iter().map(|mark| (Account::Mebx, mark))) {
            if !self.passwords.contains_key(&(account, mark.id)) {
                made.push(((account, mark.id), source.make(account, mark)?));
            }
        }
        self.passwords.extend(made);
        self.snapshot = Some((generation, snapshot));
        Ok(())
    }

    /// Another server takes the device over, and writes the record as it finds it (G13).
    pub(super) fn take_over(&mut self, source: &PasswordSource) -> Result<(), StoreError> {
        self.rewrite(source, |_| {})
    }

    /// An operator permits the device to start over, if anything is known of it.
    pub(super) fn permit(&mut self, permit: Permit, source: &PasswordSource) -> Result<(), StoreError> {
        if self.snapshot.is_none() {
            return Ok(());
        }
        self.rewrite(source, |record| record.permit = Some(permit))
    }

    fn rewrite(&mut self, source: &PasswordSource, change: impl FnOnce(&mut Record)) -> Result<(), StoreError> {
        let (generation, mut record) = self.record()?.unwrap_or((Generation(0), Record::new(self.uuid)));
        change(&mut record);
        self.persist(generation.next(), &record, source)
    }

    /// What is stored, as it is stored.
    pub(super) fn snapshot(&self) -> &[u8] {
        self.snapshot.as_ref().map_or(&[], |(_, snapshot)| snapshot)
    }

    pub(super) fn keep_certificate(&mut self, der: CertificateDer<'static>) {
        self.certificates.push(der);
    }

    pub(super) fn keep_outcome(&mut self, outcome: &Outcome) {
        if self.snapshot.is_some() {
            self.outcome = Some(Ending::of(outcome));
        }
    }

    fn damaged(&self, why: String) -> StoreError {
        StoreError::Damaged { what: Item::Record(self.uuid), why }
    }
}
