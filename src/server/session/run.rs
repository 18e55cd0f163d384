//! One run of one device: whatever comes first is handed to the conversation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Order;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Ledger, Record};
use amt_provision_fsm::time::{Instant as RunInstant, Timestamp};
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;

use super::carry_out::named;
use super::{SessionError, Visit};
use crate::protocol::{Command, Hello};
use crate::server::conversation::{Beginning, Conversation};
use crate::server::deployment::{Deployment, ServedProfile};
use crate::server::leases::Driving;
use crate::server::road::{Heard, Road};
use crate::server::stopping::Stopping;
use crate::server::vault::Vault;
use crate::store::{AuditEntry, RunId, StoreError, Tenant};
use crate::tunnel::channel::{Entropy, SystemEntropy};
use crate::websocket::Encoding;

/// What a session waits for.
enum Woken {
    Heard(Heard),
    Late,
    LeaseLost,
    Stopping,
}

/// One run and what it needs of the world.
pub(in crate::server) struct Session {
    pub(super) deployment: Arc<Deployment>,
    pub(super) conversation: Conversation,
    pub(super) profile: ServedProfile,
    pub(super) tenant: Tenant,
    pub(super) uuid: Uuid,
    pub(super) suite: KeySuite,
    pub(super) run: RunId,
    /// Edges that wait until the device has proven its UUID (G5).
    pub(super) edges: Vec<AuditEntry>,
    /// Whether the store knows the device.
    pub(super) known: bool,
    pub(super) clock: Instant,
    pub(super) driving: Driving,
    pub(super) stopping: Stopping,
    /// When it is over, whatever is still awaited, once the server was told to stop.
    pub(super) ends: Option<Instant>,
}

impl Session {
    pub(in crate::server) async fn begin(
        deployment: &Arc<Deployment>,
        hello: Hello,
        visit: &Visit,
        encoding: Encoding,
    ) -> Result<Self, SessionError> {
        let tenant: Tenant = hello.tenant.parse()?;
        if !visit.who.may_serve(&tenant) {
            return Err(SessionError::OtherTenant(visit.who.clone(), tenant));
        }
        let profile = match &hello.command {
            Command::Activate { profile } => profile,
            Command::Deactivate { .. } => return Err(SessionError::Command("deactivate")),
            Command::Maintenance { .. } => return Err(SessionError::Command("maintenance")),
        };
        let profile = deployment.profiles.profile(&tenant, profile)?;
        let uuid = hello.report.uuid;
        visit.pass.run(&tenant, uuid)?;
        let driving = {
            let _asking = deployment.sessions.ask(&tenant, uuid);
            deployment.leases.acquire(&tenant, uuid).await?
        };

        let stored = deployment.store.load(&tenant, uuid).await?;
        let known = stored.is_some();
        let ledger = stored.map_or_else(|| Ledger::unknown(Record::new(uuid)), let_go_of_what_ran_out);
        let mut vault = Vault::reported(&hello.report);
        vault.give(profile.adoption.as_ref().and_then(|passwords| passwords.of(uuid)).cloned());
        for (account, id) in named(ledger.record()) {
            vault.insert(account, id, deployment.store.password(&tenant, uuid, account, id).await?);
        }
        let trust = deployment.trust_now().await;
        let begin = match encoding {
            Encoding::Json => Conversation::in_messages,
            Encoding::Compact => Conversation::in_frames,
        };
        let (report, order) = (&hello.report, Order::Provision);
        let beginning = Beginning { report, ledger, vault, profile: profile.clone(), order, trust };
        let mut conversation = begin(RunInstant::ZERO, UnixTime::now(), beginning);
        if driving.waited {
            conversation.disregard_claimed_mode();
        }
        let mut run = [0; 16];
        SystemEntropy.fill(&mut run).map_err(|_| StoreError::Rejected("the random source failed".into()))?;
        Ok(Self {
            deployment: Arc::clone(deployment),
            conversation,
            profile,
            tenant,
            uuid,
            suite: hello.report.version.suite(),
            run: RunId(u128::from_be_bytes(run)),
            edges: Vec::new(),
            known,
            clock: Instant::now(),
            driving,
            stopping: visit.stopping.clone(),
            ends: None,
        })
    }

    /// Whose device it is, and which.
    pub(in crate::server) fn device(&self) -> (Tenant, Uuid) {
        (self.tenant.clone(), self.uuid)
    }

    pub(in crate::server) async fn run(mut self, road: &mut impl Road) -> Result<Outcome, SessionError> {
        let ended = self.drive(road).await;
        if ended.is_err() {
            // How far it came is worth a line also where nobody knows how it goes on.
            if let Err(why) = self.write_edges().await {
                tracing::error!(device = %self.uuid, %why, "the edges of a run were not stored");
            }
        }
        ended
    }

    async fn drive(&mut self, road: &mut impl Road) -> Result<Outcome, SessionError> {
        loop {
            let ended = self.carry_out().await;
            if ended.is_none() && self.driving.is_lost() {
                self.lose_lease(road)?;
                continue;
            }
            road.say(&mut self.conversation, self.deployment.deadlines.take).await?;
            if let Some(outcome) = ended {
                self.deployment.observer.ended(self.uuid, &outcome, self.conversation.traffic());
                return Ok(outcome);
            }
            let due = self.conversation.poll_timeout().unwrap_or(RunInstant::ZERO);
            let wait = Duration::from_millis(due.since(self.now()).0);
            let heard = async { road.hear().await.map(Woken::Heard) };
            let late = async {
                smol::Timer::after(wait).await;
                Ok(Woken::Late)
            };
            let lost = async {
                self.driving.lost().await;
                Ok(Woken::LeaseLost)
            };
            let stopping = async {
                match self.ends {
                    None => self.stopping.told().await,
                    Some(ends) => {
                        smol::Timer::at(ends).await;
                        return Err(SessionError::Unheard(self.deployment.deadlines.shutdown));
                    }
                }
                Ok(Woken::Stopping)
            };
            match lost.or(stopping).or(late).or(heard).await? {
                Woken::Heard(Heard::Message(message)) => {
                    self.conversation.receive(self.now(), UnixTime::now(), message)?;
                }
                Woken::Heard(Heard::Frame(frame)) => {
                    self.conversation.receive_frame(self.now(), UnixTime::now(), frame)?;
                }
                Woken::Heard(Heard::Nothing) => {}
                Woken::Late => self.conversation.handle_timeout(self.now(), UnixTime::now()),
                Woken::LeaseLost => self.lose_lease(road)?,
                Woken::Stopping => {
                    self.ends = Some(Instant::now() + self.deployment.deadlines.shutdown);
                    self.conversation.stop(self.now(), UnixTime::now());
                }
            }
        }
    }

    fn lose_lease(&mut self, road: &mut impl Road) -> Result<(), SessionError> {
        tracing::warn!(device = %self.uuid, "the lease is lost");
        // What waits to be sent was meant under it.
        if !road.repeat_nothing() {
            return Err(SessionError::TakenOver);
        }
        while self.conversation.poll_message().is_some() || self.conversation.poll_frame().is_some() {}
        self.conversation.lease_lost(self.now(), UnixTime::now());
        Ok(())
    }

    pub(super) fn now(&self) -> RunInstant {
        RunInstant::from_millis(u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// A permit that has run out is no permit; the record loses it with the next generation.
fn let_go_of_what_ran_out(ledger: Ledger) -> Ledger {
    let mut record = ledger.record().clone();
    match record.expire(Timestamp(UnixTime::now().as_secs())) {
        None => ledger,
        Some(_) => {
            tracing::info!(device = %record.uuid, "the operator's permit has run out unused");
            Ledger::stored(record, ledger.generation())
        }
    }
}
