//! Two servers, one store, one device: the second takes the device over while the first is still at work.

use core::mem;

use super::machine::{Action, Bench, Down};
use crate::identity::Uuid;
use crate::policy::{Order, Profile};
use crate::request::Class;
use crate::sim::invariants::Violation;
use crate::sim::persona::Persona;

/// Which of the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that began.
    First,
    /// The one that took the device over.
    Second,
}

/// Two servers on one store. Whichever acts has the device and the disk; the other's are out of date.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    acting: Bench,
    waiting: Option<Bench>,
    side: Side,
}

impl Pair {
    /// The first server alone, just told of a device.
    pub fn new(persona: Persona, profile: Profile, order: Order, uuid: Uuid) -> Self {
        Self { acting: Bench::new(persona, profile, order, uuid), waiting: None, side: Side::First }
    }

    /// The first server's lease runs out and another server takes the device over (G13). A lease outlives a
    /// request: what must not be applied twice is not under way any more. False where it is, where the device was
    /// taken over already, and where the first only reads: then it comes to the same as a moment later.
    pub fn take_over(&mut self) -> bool {
        let under_way = |down: &Down| match down {
            Down::Request(.., request) => Some(request.class()),
            Down::Open(..) | Down::Hello(..) | Down::Close(_) => None,
        };
        let classes = || self.acting.down.iter().filter_map(under_way);
        let once = classes().any(|class| matches!(class, Class::Once(_)));
        let changes = self.acting.is_storing() || classes().any(|class| class != Class::Read);
        if self.waiting.is_some() || once || !changes {
            return false;
        }
        let mut second = self.acting.clone();
        second.server.disk.take_over();
        self.waiting = Some(mem::replace(&mut self.acting, second));
        self.side = Side::Second;
        self.acting.act(Action::Crash);
        true
    }

    /// One thing happens at one of the servers.
    pub fn act(&mut self, side: Side, action: Action) {
        self.turn_to(side);
        self.acting.act(action);
        if let Some(other) = self.waiting.as_mut().filter(|_| mem::take(&mut self.acting.restarted)) {
            other.cut();
        }
        self.acting.rebase();
    }

    /// The server of that side, as it last acted; `None` before the second has come.
    pub fn server(&self, side: Side) -> Option<&Bench> {
        if side == self.side { Some(&self.acting) } else { self.waiting.as_ref() }
    }

    /// The first guarantee that did not hold.
    pub fn violation(&self) -> Option<&Violation> {
        self.acting.violation().or(self.waiting.as_ref().and_then(Bench::violation))
    }

    fn turn_to(&mut self, side: Side) {
        if let Some(waiting) = self.waiting.as_mut().filter(|_| side != self.side) {
            mem::swap(&mut self.acting, waiting);
            // There is one device and one disk: they go to whoever acts.
            mem::swap(&mut self.acting.device, &mut waiting.device);
            mem::swap(&mut self.acting.server.disk, &mut waiting.server.disk);
            waiting.device.clone_from(&self.acting.device);
            waiting.server.disk.clone_from(&self.acting.server.disk);
            self.side = side;
        }
    }
}
