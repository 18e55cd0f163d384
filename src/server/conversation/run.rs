//! What goes into a run, and what comes out of it.

use std::collections::VecDeque;
use std::sync::Arc;

use amt_provision_fsm::edges::Place;
use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::policy::{DeviceReport, LocalTls};
use amt_provision_fsm::provisioner::{ChannelId, Input, Outcome, Provisioner, StoreFault};
use amt_provision_fsm::record::{Generation, PasswordId};
use amt_provision_fsm::request::Certificate;
use amt_provision_fsm::time::Instant;
use rustls::pki_types::UnixTime;

use super::beginning::Beginning;
use super::job::{Job, Misuse, Traffic};
use crate::password::Password;
use crate::pki::odca::OdcaTrust;
use crate::pki::provisioning::Finding;
use crate::protocol::{ToRelay, ToServer, compact};
use crate::server::ServedProfile;
use crate::server::fitness::{self, Fitness};
use crate::server::line::LineEvent;
use crate::server::spoken::Spoken;
use crate::server::vault::Vault;
use crate::store::Account;
use crate::tunnel::channel::{Channel, Remembered, Settings, SystemEntropy};

/// One run of one device.
///
/// The calling contract is the [`Provisioner`]'s: after every call take all messages and all jobs, then wait for
/// the next input, no longer than [`poll_timeout`](Self::poll_timeout) says.
pub struct Conversation {
    pub(super) run: Provisioner,
    pub(super) line: Spoken,
    pub(super) channel: Option<(ChannelId, Channel)>,
    /// The port that is being opened.
    pub(super) opening: Option<(ChannelId, Port)>,
    pub(super) remembered: Remembered,
    pub(super) vault: Vault,
    pub(super) settings: Settings,
    pub(super) trust: Arc<OdcaTrust>,
    pub(super) profile: ServedProfile,
    /// What is to be said about the provisioning certificate for this device.
    pub(super) findings: Vec<Finding>,
    pub(super) jobs: VecDeque<Job>,
    pub(super) traffic: Traffic,
}

impl Conversation {
    /// A run that begins at `now`, with a relay that speaks JSON messages.
    pub fn in_messages(now: Instant, unix: UnixTime, beginning: Beginning<'_>) -> Self {
        let dialled = if beginning.report.tls_enforced { Port::Tls } else { Port::Plain };
        Self::over(Spoken::json(dialled), now, unix, beginning)
    }

    /// The same with a relay that speaks compact frames.
    pub fn in_frames(now: Instant, unix: UnixTime, beginning: Beginning<'_>) -> Self {
        Self::over(Spoken::frames(), now, unix, beginning)
    }

    fn over(line: Spoken, now: Instant, unix: UnixTime, beginning: Beginning<'_>) -> Self {
        let Beginning { report, ledger, vault, mut profile, order, trust } = beginning;
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
        let mut conversation = Self {
            run: Provisioner::new(now, ledger, profile.profile.clone(), order, claim),
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
}
