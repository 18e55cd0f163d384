//! What goes wrong.

use alloc::format;

use super::machine::World;
use crate::provisioner::Input;
use crate::sim::faults::Fault;
use crate::time::Millis;

impl World {
    pub(super) fn inject(&mut self, fault: Fault) {
        self.log(|| format!("*** {fault:?}"));
        match fault {
            Fault::CutTcp => self.break_tcp(),
            Fault::CutLine => self.cut_line(),
            Fault::CrashServer => {
                self.server.run = None;
                self.server_epoch += 1;
                self.cut_line();
            }
            Fault::CrashRelay => {
                self.relay = None;
                self.cut_tcp();
                self.line += 1;
                self.server_input(Input::LineLost);
                self.begin_again(Millis(3000));
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
            Fault::Sleep(length) => self.now = self.now + length,
            armed => self.armed.push(armed),
        }
    }

    pub(super) fn disarm(&mut self, fault: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.armed.iter().position(fault)?;
        Some(self.armed.remove(at))
    }
}
