//! Whether device and store agree, asked of both and at the device's own door.

use amt_provision_fsm::firmware::{ControlMode, Port, ProvisioningState};
use amt_provision_fsm::identity::SpkiHash;
use amt_provision_fsm::peer::Expectation;
use amt_provision_fsm::record::{PasswordId, Record};
use amt_provision_fsm::request::{Login, Once, Reply, Request, RequestId};
use amt_provision_fsm::sim::invariants::goal_of;

use super::machine::World;
use crate::server::Vault;
use crate::simulator::device::Output;
use crate::simulator::firmware::Counters;
use crate::store::{Account, StoreError};
use crate::tunnel::channel::{Channel, Event, Remembered, Settings, SystemEntropy, TlsOptions};

/// In what device and store do not agree.
#[derive(Debug, thiserror::Error)]
pub enum Disagreement {
    /// The device is not where the profile wants it.
    #[error("the device is in {mode}, {state:?}, and the profile wants {goal}")]
    Goal {
        /// Its mode.
        mode: ControlMode,
        /// Its provisioning state.
        state: ProvisioningState,
        /// The profile's goal.
        goal: ControlMode,
    },
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store knows nothing of the device.
    #[error("nothing is stored")]
    Unknown,
    /// The device shows another key than the one that is pinned.
    #[error("the device shows {shown:?}, and {pinned:?} is pinned")]
    Key {
        /// What it shows.
        shown: SpkiHash,
        /// What is stored.
        pinned: Option<SpkiHash>,
    },
    /// It is still in doubt whether a request was applied.
    #[error("{0} is still in doubt")]
    Doubt(Once),
    /// No password is confirmed that nobody could have listened to.
    #[error("the stored {0} password is not the device's, or was given away")]
    Password(Account),
    /// The device is in ACM with a clock that nobody has set.
    #[error("nobody has set the device's clock")]
    Clock,
    /// Something was applied, or asked, more often than once.
    #[error("the device counts {0:?}")]
    Counters(Counters),
    /// Nobody can log in as the store says.
    #[error("the login with what is stored came to nothing: {0}")]
    Login(String),
}

impl World {
    /// Asks device and store: the device is in the goal's mode and shows the key that is pinned; the passwords that
    /// are stored are the device's; nothing is in doubt; since it was last in the factory's state nothing was applied twice
    /// that must not be. Then a TLS client
    /// that accepts nothing but the pinned key logs in with the stored password. Returns the mode that it reads.
    ///
    /// # Errors
    /// [`Disagreement`].
    pub fn check(&mut self) -> Result<ControlMode, Disagreement> {
        let truth = self.truth();
        let (_, record) = self.disk.record()?.ok_or(Disagreement::Unknown)?;
        let proven = record.pins.confirmed.is_some_and(|pin| pin.provenance.is_proven());
        // Nobody takes a device down from the ACM that it was found in.
        let goal = match self.found {
            Some(ControlMode::Admin) => ControlMode::Admin,
            _ => goal_of(&self.profile.profile, proven),
        };
        if truth.mode != goal || truth.state != ProvisioningState::Post {
            return Err(Disagreement::Goal { mode: truth.mode, state: truth.state, goal });
        }
        let pinned = record.pins.confirmed.map(|pin| pin.spki);
        if pinned != Some(truth.shown_key) {
            return Err(Disagreement::Key { shown: truth.shown_key, pinned });
        }
        if let Some(once) = record.doubt {
            return Err(Disagreement::Doubt(once));
        }
        let admin = record.admin.confirmed().filter(|mark| !mark.exposed).map(|mark| mark.id);
        let admin = admin.ok_or(Disagreement::Password(Account::Admin))?;
        let counters = truth.counters;
        let (setups, upgrades) = (counters.setups - self.born.setups, counters.upgrades - self.born.upgrades);
        let set_up = u32::from(self.found.is_none());
        let upgraded = u32::from(goal == ControlMode::Admin && self.found != Some(ControlMode::Admin));
        if setups != set_up || upgrades != upgraded || counters.repeated > 0 {
            return Err(Disagreement::Counters(counters));
        }
        if goal == ControlMode::Admin {
            let mebx = record.mebx.and_then(|mark| self.disk.password(Account::Mebx, mark.id));
            // A device that was found in ACM keeps the one that it has, where its key is not trusted with another.
            let kept = record.mebx.is_none() && self.found == Some(ControlMode::Admin);
            if !kept && !mebx.is_some_and(|mebx| truth.mebx_password_is(mebx.expose())) {
                return Err(Disagreement::Password(Account::Mebx));
            }
            if !truth.clock_was_set {
                return Err(Disagreement::Clock);
            }
        }
        let mode = self.log_in(truth.shown_key, &record, admin)?;
        if mode == goal { Ok(mode) } else { Err(Disagreement::Login(format!("it reads {mode}"))) }
    }

    fn log_in(&mut self, pin: SpkiHash, record: &Record, admin: PasswordId) -> Result<ControlMode, Disagreement> {
        let failed = |why: &dyn std::fmt::Display| Disagreement::Login(why.to_string());
        let mut vault = Vault::default();
        for (account, id, password) in self.disk.named(record) {
            vault.insert(account, id, password);
        }
        // A port that restarts comes back first.
        while let Some(at) = self.device.poll_timeout() {
            self.now = self.now.max(at);
            self.devices_are_due();
        }
        let settings = Settings {
            device: record.uuid,
            suite: self.truth().version.suite(),
            remote_tls: self.profile.remote_tls.clone(),
            entropy: std::sync::Arc::new(SystemEntropy),
            provisioning: None,
        };
        let options = TlsOptions {
            expectation: Expectation { pins: vec![pin], ..Expectation::default() },
            trust: self.trust.clone(),
            max_version: self.profile.max_tls,
        };
        let channel = Channel::tls(settings, Remembered::default(), options, self.unix());
        self.ask_for_the_mode(channel.map_err(|error| failed(&error))?, &vault, admin)
    }

    fn ask_for_the_mode(
        &mut self,
        mut channel: Channel,
        vault: &Vault,
        admin: PasswordId,
    ) -> Result<ControlMode, Disagreement> {
        let failed = |why: &dyn std::fmt::Display| Disagreement::Login(why.to_string());
        let mut id = self.device.connect(self.now, Port::Tls);
        loop {
            let bytes = channel.take_output();
            let mut silent = bytes.is_empty();
            self.device.receive(self.now, id, &bytes);
            while let Some(output) = self.device.poll_output() {
                silent = false;
                match output {
                    Output::Send(to, bytes) if to == id => channel.feed(&bytes, self.unix()),
                    Output::Close(to) if to == id => channel.end_of_stream(self.unix()),
                    _ => {}
                }
            }
            match channel.poll_event() {
                Some(Event::TlsUp(_)) => channel
                    .ask(RequestId(0), Login::Admin(admin), Request::ReadControlMode, vault)
                    .map_err(|error| failed(&error))?,
                Some(Event::TlsFailed(_, why)) => return Err(failed(&why)),
                Some(Event::Reply(_, Reply::ControlMode(mode, _))) => {
                    self.device.disconnected(self.now, id);
                    return Ok(mode);
                }
                Some(Event::Reply(_, other)) => return Err(failed(&format!("{other:?}"))),
                Some(Event::Lost(why)) => return Err(failed(&why)),
                // A device may close with its challenge, and answer over the next connection.
                Some(Event::Reopen) => {
                    id = self.device.connect(self.now, Port::Tls);
                    channel.reopened(self.unix());
                }
                Some(Event::Reopened) => {}
                None if !silent => {}
                None => {
                    let at = self.device.poll_timeout().ok_or_else(|| failed(&"the device is silent"))?;
                    self.now = self.now.max(at);
                    self.device.handle_timeout(at);
                }
            }
        }
    }
}
