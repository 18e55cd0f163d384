//! One relay's session: the WebSocket, the clock and the store around a [`Conversation`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use amt_provision_fsm::fault::{Fault, Ours};
use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::identity::{CertificateHash, Uuid};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Ledger, PasswordId, Record};
use amt_provision_fsm::request::{Certificate, KeyPair};
use amt_provision_fsm::time::{Instant as RunInstant, Timestamp};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{self, Message};
use rustls::pki_types::UnixTime;
use sha2::{Digest, Sha256};
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};
use smol::stream::StreamExt;

use super::conversation::{Conversation, Job, Misuse};
use super::deployment::{Deployment, ServedProfile};
use super::gate::{Pass, TooOften};
use super::leases::Driving;
use super::road::{Heard, Road};
use super::sessions::MAX_PARKED;
use super::stopping::Stopping;
use super::vault::Vault;
use crate::access::Identity;
use crate::config::ProfileRefusal;
use crate::password::Password;
use crate::pki::authority::{AuthorityError, DeviceKey, DeviceKeyError, Serial};
use crate::protocol::compact::{CompactError, Full};
use crate::protocol::{self, Command, Hello, ParseError, ToRelay, ToServer, TooLong};
use crate::store::{Account, AuditEntry, AuditEvent, IssuedCertificate, NameError, RunId, Stamp, StoreError, Tenant};
use crate::tunnel::channel::{Entropy, SystemEntropy};
use crate::websocket::Encoding;

/// Why a session ended before its run did, by who is to blame.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The relay's message is none.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
    /// The relay said what it may not say there.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The relay's line broke.
    #[error("the relay's line is gone: {0}")]
    Line(#[from] Box<tungstenite::Error>),
    /// The relay said nothing.
    #[error("the relay sent no first message within {0:?}")]
    Silent(Duration),
    /// The relay does not read.
    #[error("the relay did not take a message within {0:?}")]
    Deaf(Duration),
    /// The relay left.
    #[error("the relay left before the run had ended")]
    Left,
    /// The relay asked for what this server does not do.
    #[error("this server does not take the command `{0}`: it activates")]
    Command(&'static str),
    /// The relay's operator named a profile that is not there for it.
    #[error(transparent)]
    NoProfile(#[from] ProfileRefusal),
    /// The relay's operator named a tenant that cannot be one.
    #[error("not a tenant: {0}")]
    Tenant(#[from] NameError),
    /// The relay's operator named a tenant that its proof is not for.
    #[error("{0} is not for tenant `{1}`: ask the operator of the server")]
    OtherTenant(Identity, Tenant),
    /// Our store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the relay sent is no compact frame, or none that fits.
    #[error("the relay sent {0}")]
    Compact(#[from] CompactError),
    /// The relay acknowledges nothing.
    #[error("the relay takes frames and leaves {0}")]
    Unacknowledged(#[from] Full),
    /// The relay's line was lost, and it did not come back with another.
    #[error("the relay did not come back within {0:?}")]
    NotBack(Duration),
    /// The relay's line was lost, and too many others wait for theirs already.
    #[error("the relay's line is gone, and {MAX_PARKED} sessions wait for theirs already")]
    NoRoom,
    /// While the relay was away, another one came with the same device.
    #[error("the relay was away, and another one has brought its device")]
    Displaced,
    /// While there were things to be said to the relay, the lease was lost.
    #[error("another server drives the device by now")]
    TakenOver,
    /// Our message is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The relay brings its device too often.
    #[error(transparent)]
    TooOften(#[from] TooOften),
    /// The server is being stopped, and the run has not begun.
    #[error("this server is being stopped: start again, the run goes on where the device is")]
    Stopping,
    /// The server is being stopped, and what was asked has not been answered in the time that there was.
    #[error(
        "this server is being stopped, and no answer came within {0:?}: start again, the run goes on where the device is"
    )]
    Unheard(Duration),
}

impl SessionError {
    /// What the relay is told, where there is somebody to tell.
    pub(super) fn last_words(&self) -> Option<ToRelay> {
        match self {
            Self::Unreadable(error) => Some(ToRelay::refusal(error)),
            Self::Line(_) | Self::Left | Self::Deaf(_) | Self::NotBack(_) | Self::NoRoom => None,
            Self::Displaced | Self::TakenOver | Self::Unacknowledged(_) => None,
            Self::Store(busy @ StoreError::Busy { .. }) => {
                Some(ToRelay::Error(protocol::Outcome::status(busy.to_string())))
            }
            // What is wrong with our store is for our log.
            Self::Store(_) | Self::TooLong(_) => Some(ToRelay::Error(protocol::Outcome::status(
                "the server failed: nothing was changed by it; try again later",
            ))),
            told => Some(ToRelay::Error(protocol::Outcome::status(told.to_string()))),
        }
    }
}

/// A relay that was let in.
pub(super) struct Visit {
    /// Who it is.
    pub(super) who: Identity,
    /// What it is counted by.
    pub(super) pass: Pass,
    /// What ends it.
    pub(super) stopping: Stopping,
}

/// Serves one relay to its end.
pub(super) async fn serve_relay<S>(
    deployment: Arc<Deployment>,
    mut socket: WebSocketStream<S>,
    visit: Visit,
) -> Result<Outcome, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = converse(&deployment, &mut socket, &visit).await;
    if matches!(ended, Err(SessionError::Unheard(_))) {
        visit.pass.is_unheard();
    }
    let goodbye_deadline = deployment.deadlines.goodbye;
    if let Some(words) = ended.as_ref().err().and_then(SessionError::last_words) {
        send(&mut socket, &words, goodbye_deadline).await.ok();
    }
    let goodbye = async {
        socket.close(farewell(&ended)).await.map_err(Box::new)?;
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
        Ok(())
    };
    goodbye.or(after(goodbye_deadline, SessionError::Left)).await.ok();
    ended
}

/// A relay whose run was stopped may come back at once, and can tell that without reading words.
pub(super) fn farewell(ended: &Result<Outcome, SessionError>) -> Option<CloseFrame> {
    match ended {
        Err(SessionError::Stopping | SessionError::Unheard(_)) | Ok(Outcome::Failed(Fault::Ours(Ours::Stopping))) => {
            Some(CloseFrame { code: CloseCode::Restart, reason: "this server is being stopped".into() })
        }
        _ => None,
    }
}

async fn converse<S>(
    deployment: &Arc<Deployment>,
    socket: &mut WebSocketStream<S>,
    visit: &Visit,
) -> Result<Outcome, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deployment.deadlines.hello;
    // The clock comes first, here and below: a relay that never stops talking does not outlive a deadline.
    let first = after(deadline, SessionError::Silent(deadline)).or(stopped(&visit.stopping)).or(receive(socket));
    let ToServer::Hello(hello) = first.await? else {
        return Err(Misuse("something else than `activate` first").into());
    };
    // A server that is being stopped ends it before its first word, and not while it asks for the lease: the store would
    // have that, and nobody would give it back.
    Session::begin(deployment, *hello, visit, Encoding::Json).await?.run(socket).await
}

pub(super) async fn stopped<T>(stopping: &Stopping) -> Result<T, SessionError> {
    stopping.told().await;
    Err(SessionError::Stopping)
}

/// What a session waits for.
enum Woken {
    Heard(Heard),
    Late,
    LeaseLost,
    Stopping,
}

/// One run and what it needs of the world.
pub(super) struct Session {
    deployment: Arc<Deployment>,
    conversation: Conversation,
    profile: ServedProfile,
    tenant: Tenant,
    uuid: Uuid,
    suite: KeySuite,
    run: RunId,
    /// Edges that wait until the device has proven its UUID (G5).
    edges: Vec<AuditEntry>,
    /// Whether the store knows the device.
    known: bool,
    clock: Instant,
    driving: Driving,
    stopping: Stopping,
    /// When it is over, whatever is still awaited, once the server was told to stop.
    ends: Option<Instant>,
}

impl Session {
    pub(super) async fn begin(
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
            Encoding::Json => Conversation::new,
            Encoding::Compact => Conversation::in_frames,
        };
        let mut conversation =
            begin(RunInstant::ZERO, UnixTime::now(), &hello.report, (ledger, vault), profile.clone(), trust);
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
    pub(super) fn device(&self) -> (Tenant, Uuid) {
        (self.tenant.clone(), self.uuid)
    }

    pub(super) async fn run(mut self, road: &mut impl Road) -> Result<Outcome, SessionError> {
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
            let ended = self.carry_out().await?;
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

    fn now(&self) -> RunInstant {
        RunInstant::from_millis(u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Does all that the conversation wants done; the outcome, if it has ended.
    async fn carry_out(&mut self) -> Result<Option<Outcome>, SessionError> {
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
                    return Ok(Some(outcome));
                }
            }
        }
        Ok(None)
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
    async fn write_edges(&mut self) -> Result<(), StoreError> {
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

/// Every password that a record names.
fn named(record: &Record) -> impl Iterator<Item = (Account, PasswordId)> {
    let admin = record.admin.iter().map(|password| (Account::Admin, password.id));
    admin.chain(record.mebx.iter().map(|password| (Account::Mebx, password.id)))
}

pub(super) async fn receive<S>(socket: &mut WebSocketStream<S>) -> Result<ToServer, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(ToServer::parse(text.as_str())?),
            Some(Ok(Message::Binary(_))) => return Err(Misuse("a binary frame").into()),
            Some(Ok(Message::Close(_))) | None => return Err(SessionError::Left),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return Err(Box::new(error).into()),
        }
    }
}

/// Sends a message, for no longer than `deadline`; the bytes of its text.
pub(super) async fn send<S>(
    socket: &mut WebSocketStream<S>,
    message: &ToRelay,
    deadline: Duration,
) -> Result<usize, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let text = message.encode()?;
    let bytes = text.len();
    let sent = async { Ok(socket.send(Message::text(text)).await.map_err(Box::new)?) };
    sent.or(after(deadline, SessionError::Deaf(deadline))).await?;
    Ok(bytes)
}

pub(super) async fn after<T>(deadline: Duration, error: SessionError) -> Result<T, SessionError> {
    smol::Timer::after(deadline).await;
    Err(error)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use async_tungstenite::tungstenite::protocol::Role;

    use super::*;

    /// The line of a relay that neither says nor takes anything.
    struct Deaf;

    impl AsyncRead for Deaf {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Deaf {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn g8_a_relay_that_takes_no_message_is_given_up_at_the_deadline() {
        smol::block_on(async {
            let mut socket = WebSocketStream::from_raw_socket(Deaf, Role::Server, None).await;
            let sent = send(&mut socket, &ToRelay::HeartbeatRequest, Duration::from_millis(10)).await;
            assert!(matches!(sent, Err(SessionError::Deaf(after)) if after == Duration::from_millis(10)), "{sent:?}");
        });
    }
}
