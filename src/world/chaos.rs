//! What goes wrong, done.

use amt_provision_fsm::time::Millis;

use super::fault::{Fault, Moment};
use super::machine::World;
use super::parts::Way;
use super::trace::Party;

impl World {
    /// `fault` happens now; or at its next occasion, where it needs one.
    pub(super) fn inject(&mut self, moment: Option<Moment>, fault: Fault) {
        self.tell(Party::Fault, || fault.to_string());
        self.course.disturbed.get_or_insert(self.now);
        self.injected += 1;
        match fault {
            Fault::CrashServer => self.kill_server(),
            Fault::CrashServerAfter => self.doom_server(),
            Fault::CutLine => self.cut_line(),
            Fault::CrashRelay => self.kill_relay(),
            Fault::CutTcp => self.cut_tcp(),
            Fault::LoseReply if matches!(moment, Some(Moment::Change(_))) => self.cut_tcp(),
            Fault::RebootDevice(away) => self.reset_device(away),
            Fault::RebootMachine(away) => {
                self.kill_relay();
                self.reset_device(away);
            }
            Fault::StallDevice(length) => self.deaf_until = self.deaf_until.max(self.now + length),
            Fault::StallLine(length) => self.stall_line(length),
            Fault::Sleep(length) => self.now = self.now + length,
            Fault::LoseLease => self.lose_lease(),
            Fault::Unprovision => self.unprovisioned(|device, now| device.unprovision_locally(now)),
            Fault::UnprovisionQuietly => self.unprovisioned(|device, now| device.unprovision_quietly(now)),
            Fault::StrangeUuid => self.device.claim_uuid_once(self.strangers.uuid()),
            Fault::Refuse(code) => self.device.refuse_next_change(code),
            Fault::Unauthorized => self.device.forget_nonces(),
            Fault::HangUp => self.device.hang_up_behind_next_reply(),
            Fault::LoseRequest
            | Fault::LoseReply
            | Fault::SlowReply(_)
            | Fault::FailStore
            | Fault::Impostor
            | Fault::OtherDevice
            | Fault::ClaimMode(_)
            | Fault::ClaimNoTls
            | Fault::Garble => self.armed.push(fault),
        }
    }

    /// The occasion of an armed fault has come.
    pub(super) fn disarm(&mut self, fault: Fault) -> bool {
        self.disarm_one(|armed| (*armed == fault).then_some(())).is_some()
    }

    /// The same for faults that say more than what they are.
    pub(super) fn disarm_one<T>(&mut self, what: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let at = self.armed.iter().position(|armed| what(armed).is_some())?;
        what(&self.armed.remove(at))
    }

    /// Nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        self.tell(Party::Fault, || "healed".to_owned());
        self.script.heal();
        self.armed.clear();
        self.device.behave();
    }

    fn stall_line(&mut self, length: Millis) {
        self.line_stalls_until = self.line_stalls_until.max(self.now + length);
        if let Some(last) = self.last.get_mut(Way::ToServer as usize) {
            *last = self.line_stalls_until.max(*last);
        }
    }

    fn lose_lease(&mut self) {
        self.lease_lost = true;
        if let Err(error) = self.disk.take_over(&self.profile.passwords) {
            self.violated("another server can write", error.to_string());
        }
    }
}
