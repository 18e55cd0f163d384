//! What can be done to a device, and what it can be made to do wrong: for tests.

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::time::{Instant, Millis};

use super::machine::Device;
use crate::http::Request;
use crate::password::Password;
use crate::simulator::config::{SimulatorError, Timings};

impl Device {
    /// Refuses the next method that would change something, with this ReturnValue (wsman.md §2.20); said twice, the
    /// next two.
    pub fn refuse_next_change(&mut self, code: u32) {
        self.firmware.refuse_next_change(code);
    }

    /// Answers the next GetUuid with this one.
    pub const fn claim_uuid_once(&mut self, uuid: Uuid) {
        self.firmware.claim_uuid_once(uuid);
    }

    /// Closes the connection behind its next reply, without saying so in it.
    pub const fn hang_up_behind_next_reply(&mut self) {
        self.hangs_up = true;
    }

    /// Forgets every digest nonce that it gave out: the next request is answered 401, with a fresh one.
    pub fn forget_nonces(&mut self) {
        self.web.forget_nonces();
        self.firmware.forget_sessions();
    }

    /// Keeps what it is asked, as somebody would who plays a device in order to read along.
    pub fn overhear(&mut self) {
        self.overheard = Some(Vec::new());
    }

    /// What it was asked since the last time: the fields that log in and the bodies, out of TLS.
    pub fn take_overheard(&mut self) -> Vec<u8> {
        self.overheard.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn hear(&mut self, request: &Request) {
        let Some(heard) = &mut self.overheard else { return };
        if let Some(authorization) = request.fields.get("Authorization") {
            heard.extend_from_slice(format!("Authorization: {authorization}\r\n").as_bytes());
        }
        heard.extend_from_slice(&request.body);
        heard.push(b'\n');
    }

    /// Does nothing wrong any more.
    pub fn behave(&mut self) {
        self.hangs_up = false;
        self.firmware.behave();
    }

    /// Falls into the half state between pre- and post-provisioning, out of which no commit leads (odca.md §2.4).
    pub fn get_stuck(&mut self) {
        self.firmware.get_stuck();
    }

    /// The management engine restarts by itself, as after a loss of power, and its ports are away for so long: every
    /// connection and every reply on its way is gone, what was applied stays.
    pub fn reset(&mut self, now: Instant, away: Millis) {
        self.handle_timeout(now);
        self.go_away_for(now, away);
    }

    /// Somebody at the machine takes it out of provisioning and restarts it.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn unprovision_locally(&mut self, now: Instant) -> Result<(), SimulatorError> {
        let Timings { away, .. } = self.timings;
        self.handle_timeout(now);
        self.firmware.unprovision()?;
        self.go_away_for(now, away);
        Ok(())
    }

    /// The same, and it does not restart: its connections live on, and new ones find it as it is now.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn unprovision_quietly(&mut self, now: Instant) -> Result<(), SimulatorError> {
        self.handle_timeout(now);
        self.firmware.unprovision()?;
        self.be_what_is_in_force();
        Ok(())
    }

    /// Is as somebody else has left it: in this mode, with their admin password and no certificate but its own.
    ///
    /// # Errors
    /// [`SimulatorError`] if the cryptography library fails.
    pub fn be_found_in(&mut self, mode: ControlMode, admin: &Password) -> Result<(), SimulatorError> {
        self.firmware.be_found_in(mode, admin)?;
        self.be_what_is_in_force();
        Ok(())
    }

    /// A device that is away does so by itself when it comes back.
    fn be_what_is_in_force(&mut self) {
        self.show_what_is_in_force();
        if !self.is_away() {
            self.come_back();
        }
    }
}
