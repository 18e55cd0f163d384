//! What goes wrong.

use alloc::format;

use super::machine::World;
use super::pipes::{TO_DEVICE, UP};
use super::trace::Party;
use crate::provisioner::Input;
use crate::sim::faults::Fault;
use crate::time::Millis;

impl World {
    pub(super) fn inject(&mut self, fault: Fault) {
        self.log(Party::Fate, || format!("{fault:?}"));
        match fault {
            Fault::CutTcp => self.break_tcp(),
            Fault::CutLine => self.cut_line(),
            Fault::CrashServer => self.crash_server(),
            Fault::CrashRelay => self.crash_relay(),
            Fault::RebootMachine(away) => {
                self.ports_back = self.now + away;
                self.crash_relay();
            }
            Fault::RebootDevice(away) => {
                self.ports_back = self.now + away;
                self.break_tcp();
            }
            Fault::Unprovision => {
                self.device.unprovision();
                self.changed_unseen = true;
                self.break_tcp();
            }
            Fault::UnprovisionQuietly => {
                self.device.unprovision();
                self.changed_unseen = true;
            }
            Fault::LoseLease => self.server.disk.take_over(),
            Fault::StallLine(length) => self.stall(UP, length),
            Fault::StallDevice(length) => self.stall(TO_DEVICE, length),
            Fault::Sleep(length) => self.now = self.now + length,
            armed => self.armed.push(armed),
        }
    }

    pub(super) fn crash_server(&mut self) {
        self.server.run = None;
        self.server_epoch += 1;
        self.cut_line();
    }

    fn crash_relay(&mut self) {
        self.relay = None;
        self.cut_tcp();
        self.line += 1;
        self.server_input(Input::LineLost);
        self.begin_again(Millis(3000));
    }

    /// The pipe takes nothing for so long; what is put into it waits, in its order.
    fn stall(&mut self, pipe: usize, length: Millis) {
        self.last[pipe] = self.last[pipe].max(self.now + length);
    }

    pub(super) fn disarm(&mut self, fault: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.armed.iter().position(fault)?;
        Some(self.armed.remove(at))
    }
}
