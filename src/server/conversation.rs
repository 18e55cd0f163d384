//! One run of one device, without a socket, a clock or a store.

use std::collections::VecDeque;
use std::sync::Arc;

use amt_provision_fsm::edges::{Edge, Place};
use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::peer::Expectation;
use amt_provision_fsm::policy::{DeviceReport, LocalTls, Order};
use amt_provision_fsm::provisioner::{ChannelId, Input, Outcome, Output, Provisioner, StoreFault};
use amt_provision_fsm::record::{Generation, Ledger, PasswordId, Record};
use amt_provision_fsm::request::{Certificate, KeyPair, Login, Refusal, Reply, Request, RequestId};
use amt_provision_fsm::stage::TlsFault;
use amt_provision_fsm::time::Instant;
use rustls::pki_types::UnixTime;

use super::ServedProfile;
use super::fitness::{self, Fitness};
use super::line::LineEvent;
use super::spoken::Spoken;
use super::vault::Vault;
use crate::password::Password;
use crate::pki::odca::OdcaTrust;
use crate::pki::provisioning::Finding;
use crate::protocol::{self, Component, ComponentResult, StatusReport, ToRelay, ToServer, compact};
use crate::store::Account;
use crate::tunnel::channel::{AskError, Channel, Event, Remembered, Settings, SystemEntropy, TlsOptions};

/// What the conversation wants done, and cannot do itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Make this record durable, with the passwords that it names; then [`Conversation::stored`].
    Persist(Generation, Record),
    /// Issue a certificate over this key and keep it; then [`Conversation::issued`].
    Issue(KeyPair),
    /// Write this edge into the audit log, once the device is stored (G5).
    Audit(Edge),
    /// The run has ended; the last message is queued.
    End(Outcome),
}

/// What a relay may not say, in words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay sent {0}")]
pub struct Misuse(pub &'static str);

/// What went over the line and to the device so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages for the relay.
    pub messages: u64,
    /// Bytes in these.
    pub bytes: u64,
    /// Requests asked of the device.
    pub requests: u64,
    /// Of these, in plain text.
    pub plain_requests: u64,
    /// TLS sessions that came up.
    pub tls_sessions: u64,
}

/// One run of one device.
///
/// The calling contract is the [`Provisioner`]'s: after every call take all messages and all jobs, then wait for
/// the next input, no longer than [`poll_timeout`](Self::poll_timeout) says.
pub struct Conversation {
    run: Provisioner,
    line: Spoken,
    channel: Option<(ChannelId, Channel)>,
    /// The port that is being opened.
    opening: Option<(ChannelId, Port)>,
    remembered: Remembered,
    vault: Vault,
    settings: Settings,
    trust: Arc<OdcaTrust>,
    profile: ServedProfile,
    /// What is to be said about the provisioning certificate for this device.
    findings: Vec<Finding>,
    jobs: VecDeque<Job>,
    traffic: Traffic,
}

impl Conversation {
    /// A run that begins at `now` with what is stored, the passwords that the store has, and what the relay claims.
    pub fn new(
        now: Instant,
        unix: UnixTime,
        report: &protocol::DeviceReport,
        stored: (Ledger, Vault),
        profile: ServedProfile,
        trust: Arc<OdcaTrust>,
    ) -> Self {
        Self::ordered(now, unix, report, stored, (profile, Order::Provision), trust)
    }

    /// The same with an order of the operator's for that device.
    pub fn ordered(
        now: Instant,
        unix: UnixTime,
        report: &protocol::DeviceReport,
        stored: (Ledger, Vault),
        wanted: (ServedProfile, Order),
        trust: Arc<OdcaTrust>,
    ) -> Self {
        Self::over(Spoken::json(report_port(report)), now, unix, report, stored, wanted, trust)
    }

    /// The same with a relay that speaks compact frames.
    pub fn in_frames(
        now: Instant,
        unix: UnixTime,
        report: &protocol::DeviceReport,
        stored: (Ledger, Vault),
        profile: ServedProfile,
        trust: Arc<OdcaTrust>,
    ) -> Self {
        Self::over(Spoken::frames(), now, unix, report, stored, (profile, Order::Provision), trust)
    }

    fn over(
        line: Spoken,
        now: Instant,
        unix: UnixTime,
        report: &protocol::DeviceReport,
        (ledger, vault): (Ledger, Vault),
        (mut profile, order): (ServedProfile, Order),
        trust: Arc<OdcaTrust>,
    ) -> Self {
        let Fitness { goal, findings } = fitness::judge(&profile, report, unix);
        for finding in &findings {
            tracing::warn!(device = %report.uuid, %finding, "the provisioning certificate");
        }
        profile.profile.goal = goal;
        let local_tls = if report.tls_enforced { LocalTls::On } else { LocalTls::Off };
        let claim = DeviceReport { uuid: report.uuid, version: report.version, mode: report.control_mode, local_tls };
        let settings = Settings {
            device: report.uuid,
            suite: report.version.suite(),
            remote_tls: profile.remote_tls.clone(),
            entropy: Arc::new(SystemEntropy),
            provisioning: profile.provisioning.clone(),
        };
        let run = Provisioner::new(now, ledger, profile.profile.clone(), order, claim);
        let mut conversation = Self {
            run,
            line,
            channel: None,
            opening: None,
            remembered: Remembered::default(),
            vault,
            settings,
            trust,
            profile,
            findings,
            jobs: VecDeque::new(),
            traffic: Traffic::default(),
        };
        conversation.go_on(now, unix);
        conversation
    }

    /// The relay may have looked at the device before somebody else changed it: that it is in another mode by now is no
    /// lie.
    pub fn disregard_claimed_mode(&mut self) {
        self.run.disregard_claimed_mode();
    }

    /// Takes in what the relay said.
    ///
    /// # Errors
    /// [`Misuse`]: the line is to be closed with these words; the run is as it was.
    pub fn receive(&mut self, now: Instant, unix: UnixTime, message: ToServer) -> Result<(), Misuse> {
        let event = self.line.receive(now, message);
        self.on_heard(now, unix, event)
    }

    /// Takes in what a relay said that speaks compact frames.
    ///
    /// # Errors
    /// [`Misuse`], as [`receive`](Self::receive).
    pub fn receive_frame(&mut self, now: Instant, unix: UnixTime, frame: compact::ToServer) -> Result<(), Misuse> {
        let event = self.line.receive_frame(frame);
        self.on_heard(now, unix, event)
    }

    fn on_heard(&mut self, now: Instant, unix: UnixTime, event: Option<LineEvent>) -> Result<(), Misuse> {
        match event {
            Some(LineEvent::Misused(what)) => return Err(Misuse(what)),
            Some(event) => self.on_line(now, unix, event),
            None => {}
        }
        self.go_on(now, unix);
        Ok(())
    }

    /// The record is durable, and these are the passwords that it named for the first time; or it is not durable.
    pub fn stored(
        &mut self,
        now: Instant,
        unix: UnixTime,
        generation: Generation,
        stored: Result<Vec<(Account, PasswordId, Password)>, StoreFault>,
    ) {
        match stored {
            Ok(passwords) => {
                for (account, id, password) in passwords {
                    self.vault.insert(account, id, password);
                }
                self.run.handle(now, Input::Persisted(generation));
            }
            Err(fault) => self.run.handle(now, Input::PersistFailed(generation, fault)),
        }
        self.go_on(now, unix);
    }

    /// Another server drives the device now: the run ends, and nothing more goes to the device (G13).
    pub fn lease_lost(&mut self, now: Instant, unix: UnixTime) {
        self.run.handle(now, Input::LeaseLost);
        self.go_on(now, unix);
    }

    /// The server is being stopped: what was asked is heard to its end, and nothing new begins.
    pub fn stop(&mut self, now: Instant, unix: UnixTime) {
        self.run.handle(now, Input::Stopping);
        self.go_on(now, unix);
    }

    /// The certificate was issued and kept, or not.
    pub fn issued(&mut self, now: Instant, unix: UnixTime, certificate: Option<Certificate>) {
        self.run.handle(now, certificate.map_or(Input::NotIssued, Input::Issued));
        self.go_on(now, unix);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant, unix: UnixTime) {
        if self.nudge_at().is_some_and(|at| at <= now) {
            self.line.nudge(now);
        }
        self.run.handle_timeout(now);
        self.go_on(now, unix);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do; `None` once the run has ended.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (run, _) = self.run.poll_timeout()?;
        Some(self.nudge_at().map_or(run, |at| at.min(run)))
    }

    /// When the relay is to look for a word of the device's.
    fn nudge_at(&self) -> Option<Instant> {
        let (_, channel) = self.channel.as_ref()?;
        if channel.awaits_device() { self.line.nudge_at() } else { None }
    }

    /// The next message for the relay.
    pub fn poll_message(&mut self) -> Option<ToRelay> {
        self.line.poll_message()
    }

    /// The next frame for a relay that speaks them.
    pub fn poll_frame(&mut self) -> Option<compact::ToRelay> {
        self.line.poll_frame()
    }

    /// A message of so many bytes has been sent.
    pub const fn sent(&mut self, bytes: usize) {
        self.traffic.messages += 1;
        self.traffic.bytes += bytes as u64;
    }

    /// The next thing to be done.
    pub fn poll_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// How the run ended; `None` while it goes on.
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.run.outcome()
    }

    /// How far the run is, and over what.
    pub fn place(&self) -> Place {
        self.run.place()
    }

    /// What went over the line and to the device so far.
    pub const fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The passwords that are at hand.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Core and channel take turns until both wait; then what the channel wrote leaves as one piece. All that the
    /// channel has to say comes first: nothing is asked over one whose end is known already. Nothing leaves while the
    /// next word is ours: the end of a handshake waits for the first request, also when the store has to be heard
    /// before that.
    fn go_on(&mut self, now: Instant, unix: UnixTime) {
        loop {
            if let Some((id, event)) = self.channel_event() {
                self.on_channel(now, unix, id, event);
            } else if let Some(output) = self.run.poll_output() {
                self.carry_out(now, unix, output);
            } else {
                break;
            }
        }
        if self.channel.as_ref().is_some_and(|(_, channel)| !channel.is_idle()) {
            self.flush(now);
        }
    }

    fn flush(&mut self, now: Instant) {
        if let Some((id, channel)) = &mut self.channel {
            let bytes = channel.take_output();
            self.line.send(now, *id, &bytes);
        }
    }

    fn channel_event(&mut self) -> Option<(ChannelId, Event)> {
        let (id, channel) = self.channel.as_mut()?;
        channel.poll_event().map(|event| (*id, event))
    }

    fn carry_out(&mut self, now: Instant, unix: UnixTime, output: Output) {
        match output {
            Output::Open(id, port) => {
                self.drop_channel();
                self.opening = Some((id, port));
                if let Some(event) = self.line.open(id, port) {
                    self.on_line(now, unix, event);
                }
            }
            Output::StartTls(id, expected) => self.start_tls(now, unix, id, expected),
            Output::Request { id, login, request, .. } => self.ask(now, id, login, request),
            Output::Close(id) => {
                if self.channel.as_ref().is_some_and(|(open, _)| *open == id) {
                    self.drop_channel();
                }
                self.line.close();
            }
            Output::Persist(generation, record) => self.jobs.push_back(Job::Persist(generation, record)),
            Output::Issue(key) => self.jobs.push_back(Job::Issue(key)),
            Output::Moved(edge) => self.jobs.push_back(Job::Audit(edge)),
            Output::Done(outcome) => {
                self.line.finish(last_words(&outcome, &self.findings));
                self.jobs.push_back(Job::End(outcome));
            }
        }
    }

    fn start_tls(&mut self, now: Instant, unix: UnixTime, id: ChannelId, expectation: Expectation) {
        let options = TlsOptions { expectation, trust: Arc::clone(&self.trust), max_version: self.profile.max_tls };
        match Channel::tls(self.settings.clone(), std::mem::take(&mut self.remembered), options, unix) {
            Ok(channel) => self.channel = Some((id, channel)),
            Err(error) => {
                tracing::error!(%error, "no TLS client could be made");
                self.run.handle(now, Input::TlsFailed(id, TlsFault::Broken));
            }
        }
    }

    fn ask(&mut self, now: Instant, id: RequestId, login: Login, request: Request) {
        let Some((_, channel)) = &mut self.channel else { return };
        self.traffic.requests += 1;
        self.traffic.plain_requests += u64::from(channel.tls_client().is_none());
        let name = request.name();
        if let Err(error) = channel.ask(id, login, request, &self.vault) {
            let refusal = match error {
                // A login that nobody has the password of: the next one is tried.
                AskError::NoPassword(_) | AskError::NoLocalSystem | AskError::NoGivenPassword => Refusal::Unauthorized,
                error => {
                    tracing::error!(%error, request = name, "a request could not be made");
                    Refusal::Unintelligible
                }
            };
            self.run.handle(now, Input::Reply(id, Reply::Refused(refusal)));
        }
    }

    fn on_channel(&mut self, now: Instant, unix: UnixTime, id: ChannelId, event: Event) {
        let input = match event {
            Event::Reopen => return self.reopen(now, unix, id),
            Event::Reopened => {
                self.traffic.tls_sessions += 1;
                return self.log_tls();
            }
            Event::TlsUp(peer) => {
                self.traffic.tls_sessions += 1;
                self.log_tls();
                Input::TlsUp(id, peer)
            }
            Event::TlsFailed(fault, why) => {
                match fault {
                    // The relay is told no more than that; what can be done is for the operator of the server.
                    TlsFault::Revoked => tracing::warn!(device = %self.settings.device, %why, "a device is refused"),
                    _ => tracing::info!(%why, "the TLS handshake with the device failed"),
                }
                self.flush(now);
                Input::TlsFailed(id, fault)
            }
            Event::Reply(request, reply) => {
                self.log_refusal(&reply);
                Input::Reply(request, reply)
            }
            Event::Lost(why) => {
                tracing::debug!(%why, "the connection to the device is over");
                self.flush(now);
                self.drop_channel();
                Input::ChannelLost(id)
            }
        };
        self.run.handle(now, input);
    }

    /// The same channel over a new connection: nothing of it is the core's business, whose deadline for the reply goes
    /// on.
    fn reopen(&mut self, now: Instant, unix: UnixTime, id: ChannelId) {
        let Some((_, channel)) = &self.channel else { return };
        if let Some(event) = self.line.reopen(id, channel.port()) {
            self.on_line(now, unix, event);
        }
    }

    fn log_tls(&self) {
        let client = self.channel.as_ref().and_then(|(_, channel)| channel.tls_client());
        if let Some(negotiated) = client.and_then(|client| client.negotiated()) {
            tracing::info!(?negotiated, "TLS with the device is up");
        }
    }

    fn log_refusal(&self, reply: &Reply) {
        let why = self.channel.as_ref().and_then(|(_, channel)| channel.explanation());
        if let (Reply::Refused(refusal), Some(why)) = (reply, why) {
            tracing::info!(%refusal, %why, "the device refused");
        }
    }

    fn on_line(&mut self, now: Instant, unix: UnixTime, event: LineEvent) {
        match event {
            LineEvent::Opened(id) if self.channel_of(id).is_some() => {
                if let Some(channel) = self.channel_of(id) {
                    channel.reopened(unix);
                }
            }
            LineEvent::OpenFailed(id, fault) if self.channel_of(id).is_some() => {
                tracing::debug!(?fault, "the connection to the device does not come back");
                self.drop_channel();
                self.run.handle(now, Input::ChannelLost(id));
            }
            LineEvent::Opened(id) => {
                if self.opening == Some((id, Port::Plain)) {
                    let remembered = std::mem::take(&mut self.remembered);
                    let channel = Channel::plain(self.settings.clone(), remembered, self.line.carriage());
                    self.channel = Some((id, channel));
                }
                self.opening = None;
                self.run.handle(now, Input::Opened(id));
            }
            LineEvent::OpenFailed(id, fault) => {
                self.opening = None;
                self.run.handle(now, Input::OpenFailed(id, fault));
            }
            LineEvent::Bytes(id, bytes) => {
                if let Some(channel) = self.channel_of(id) {
                    channel.feed(&bytes, unix);
                }
            }
            LineEvent::Lost(id) => match self.channel_of(id) {
                // The channel says what that means for the request that was under way.
                Some(channel) => channel.end_of_stream(unix),
                None => self.run.handle(now, Input::ChannelLost(id)),
            },
            LineEvent::Misused(_) => {}
        }
    }

    fn channel_of(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channel.as_mut().filter(|(open, _)| *open == id).map(|(_, channel)| channel)
    }

    /// The channel is over; its digest session goes into the next one.
    fn drop_channel(&mut self) {
        if let Some((_, channel)) = self.channel.take() {
            self.remembered = channel.into_remembered();
        }
    }
}

/// The port that a relay dials by itself.
const fn report_port(report: &protocol::DeviceReport) -> Port {
    if report.tls_enforced { Port::Tls } else { Port::Plain }
}

/// How it ended, in the words that the relay shows to a person; what was found about the provisioning certificate is
/// among the details.
fn last_words(outcome: &Outcome, findings: &[Finding]) -> ToRelay {
    let (result, mode, remark) = match outcome {
        Outcome::Configured { mode, short_of, .. } => {
            (ComponentResult::Success, Some(mode.to_string()), short_of.map(|short_of| short_of.to_string()))
        }
        Outcome::Unprovisioned => (ComponentResult::Success, None, None),
        Outcome::Quarantined(fault) | Outcome::Failed(fault) => {
            (ComponentResult::Failure, None, Some(fault.to_string()))
        }
    };
    let details: Vec<String> = remark.into_iter().chain(findings.iter().map(Finding::to_string)).collect();
    let details = (!details.is_empty()).then(|| details.join("; "));
    let components = [("Activation".to_owned(), Component { result, mode, details })].into();
    let status = Some(outcome.to_string());
    let report = protocol::Outcome::Report(StatusReport { status, components, ..StatusReport::default() });
    match result {
        ComponentResult::Failure => ToRelay::Error(report),
        ComponentResult::Success | ComponentResult::NotApplicable => ToRelay::Success(report),
    }
}
