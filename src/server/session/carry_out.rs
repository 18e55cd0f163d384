//! What a conversation wants done: records and certificates kept, edges and the end written down.

use amt_provision_fsm::identity::CertificateHash;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, PasswordId, Record};
use amt_provision_fsm::request::{Certificate, KeyPair};
use rustls::pki_types::UnixTime;
use sha2::{Digest, Sha256};

use super::Session;
use crate::password::Password;
use crate::pki::authority::{AuthorityError, DeviceKey, DeviceKeyError, Serial};
use crate::server::conversation::Job;
use crate::server::deployment::Deployment;
use crate::store::{Account, AuditEntry, AuditEvent, IssuedCertificate, Stamp, StoreError};
use crate::tunnel::channel::{Entropy, SystemEntropy};

impl Session {
    /// Does all that the conversation wants done; the outcome, if it has ended.
    pub(super) async fn carry_out(&mut self) -> Option<Outcome> {
        while let Some(job) = self.conversation.poll_job() {
            match job {
                Job::Persist(generation, record) => self.persist(generation, &record).await,
                Job::Issue(key) => {
                    let certificate = self.issue(&key).await;
                    if let Err(why) = &certificate {
                        tracing::error!(device = %self.uuid, %why, "no certificate was issued");
                    }
                    self.conversation.issued(self.now(), UnixTime::now(), certificate.ok());
                }
                Job::Audit(edge) => {
                    tracing::info!(device = %self.uuid, %edge, "moved");
                    self.deployment.observer.moved(self.uuid, &edge);
                    let stamp =
                        Stamp { at: UnixTime::now(), server: self.deployment.server.clone(), run: Some(self.run) };
                    self.edges.push(AuditEntry { stamp, event: AuditEvent::Moved(edge) });
                }
                Job::End(outcome) => {
                    self.end(&outcome).await;
                    return Some(outcome);
                }
            }
        }
        None
    }

    async fn persist(&mut self, generation: Generation, record: &Record) {
        let stored = self.try_persist(generation, record).await;
        if let Err(why) = &stored {
            tracing::error!(device = %self.uuid, %why, "the record was not stored");
        }
        let stored = stored.map_err(|why| why.fault());
        self.known |= stored.is_ok();
        self.conversation.stored(self.now(), UnixTime::now(), generation, stored);
    }

    async fn try_persist(
        &mut self,
        generation: Generation,
        record: &Record,
    ) -> Result<Vec<(Account, PasswordId, Password)>, StoreError> {
        let Deployment { store, .. } = &*self.deployment;
        store.persist(self.driving.lease(), generation, record, &self.profile.passwords, UnixTime::now()).await?;
        let mut new = Vec::new();
        for (account, id) in named(record) {
            if !self.conversation.vault().has(account, id) {
                new.push((account, id, store.password(&self.tenant, self.uuid, account, id).await?));
            }
        }
        Ok(new)
    }

    async fn issue(&mut self, key: &KeyPair) -> Result<Certificate, IssueError> {
        let device_key = DeviceKey::from_der_key(self.suite, &key.public_key)?;
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random).map_err(|_| IssueError::Random)?;
        let serial = Serial::from_random(random);
        let der = self.deployment.authority.issue(self.uuid, &device_key, serial)?;
        let spki = device_key.spki_hash();
        let kept = IssuedCertificate { serial, spki, der: der.clone(), issued_at: UnixTime::now() };
        self.deployment.store.add_certificate(&self.tenant, self.uuid, &kept).await?;
        let hash = CertificateHash::from_bytes(Sha256::digest(&der).into());
        Ok(Certificate { der: der.to_vec(), hash, spki })
    }

    /// Nothing is said about a device that has not proven who it is (G5).
    pub(super) async fn write_edges(&mut self) -> Result<(), StoreError> {
        let edges = std::mem::take(&mut self.edges);
        if !self.known || edges.is_empty() {
            return Ok(());
        }
        self.deployment.store.append_audit(&self.tenant, self.uuid, &edges).await
    }

    /// What the run did is done and durable, whether or not there is room to note it: the relay is told the truth.
    async fn end(&mut self, outcome: &Outcome) {
        tracing::info!(device = %self.uuid, %outcome, "ended");
        if !self.known {
            return;
        }
        let edges = self.write_edges().await;
        let store = &self.deployment.store;
        for noted in [edges, store.record_outcome(self.driving.lease(), outcome, UnixTime::now()).await] {
            match noted {
                // How the device's run ends is now for another server to say.
                Ok(()) | Err(StoreError::LeaseLost(_)) => {}
                Err(why) => tracing::error!(device = %self.uuid, %why, "how the run ended was not noted"),
            }
        }
    }
}

/// Why no certificate was issued.
#[derive(Debug, thiserror::Error)]
enum IssueError {
    #[error(transparent)]
    Key(#[from] DeviceKeyError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the random source failed")]
    Random,
}

/// Every password that a record names.
pub(super) fn named(record: &Record) -> impl Iterator<Item = (Account, PasswordId)> {
    let admin = record.admin.iter().map(|password| (Account::Admin, password.id));
    admin.chain(record.mebx.iter().map(|password| (Account::Mebx, password.id)))
}
