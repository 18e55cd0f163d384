//! What a firmware can be made to do wrong, and what somebody can have done to it before.

use std::collections::VecDeque;

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};
use amt_provision_fsm::identity::Uuid;

use super::refusal::ReturnValue;
use super::{ADMIN, Firmware};
use crate::http::digest::Ha1;
use crate::password::Password;
use crate::simulator::config::SimulatorError;

/// What it does wrong the next time.
#[derive(Debug, Default)]
pub(super) struct Mischief {
    /// What the next methods that would change something are refused with.
    pub(super) refusals: VecDeque<ReturnValue>,
    /// What it says to the next question for its UUID.
    pub(super) uuid: Option<Uuid>,
}

impl Firmware {
    /// Refuses the next method that would change something, with this ReturnValue (wsman.md §2.20); said twice, the
    /// next two.
    pub fn refuse_next_change(&mut self, code: u32) {
        self.mischief.refusals.push_back(ReturnValue(code));
    }

    /// Answers the next GetUuid with this one. Over MEI it goes on saying its own.
    pub const fn claim_uuid_once(&mut self, uuid: Uuid) {
        self.mischief.uuid = Some(uuid);
    }

    /// Does nothing wrong any more.
    pub fn behave(&mut self) {
        self.mischief = Mischief::default();
    }

    /// Falls into the half state between pre- and post-provisioning, out of which no commit leads (odca.md §2.4).
    pub fn get_stuck(&mut self) {
        self.stuck = true;
        self.state = ProvisioningState::In;
    }

    /// Is as somebody else has left it: in this mode, with their admin password and no certificate but its own. It shows
    /// that one where its local ports have TLS.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn be_found_in(&mut self, mode: ControlMode, admin: &Password) -> Result<(), SimulatorError> {
        self.mode = mode;
        self.state = ProvisioningState::Post;
        self.accounts.admin = Some(Ha1::new(ADMIN, &self.accounts.realm, admin.expose()));
        self.shown = self.factory.chosen_by(self.store.bound())?;
        Ok(())
    }
}
