//! What must hold after every event, as far as bytes show it.

use amt_provision_fsm::edges::{Edge, Place};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::sim::invariants::{Check, edges_are_contiguous, no_downgrade, no_fault_is_our_own};

use super::far::Far;
use super::machine::World;
use super::parts::Server;
use crate::simulator::firmware::{Counters, Shown};

impl World {
    fn held(&mut self, check: Check) {
        if let Err(violation) = check {
            self.violated(violation.guarantee, violation.seen);
        }
    }

    /// The run begins there.
    pub(super) const fn begins_at(&mut self, place: Place) {
        self.place = Some(place);
    }

    /// The run takes an edge: a declared one, and from where it is.
    pub(super) fn takes(&mut self, edge: Edge) {
        self.held(edges_are_contiguous(self.place.unwrap_or(edge.from), edge));
        self.place = Some(edge.to);
        self.edges.insert(edge);
    }

    pub(super) fn ends_with(&mut self, outcome: &Outcome) {
        self.held(no_fault_is_our_own(outcome));
    }

    /// The device has applied something: what must not be applied twice was not (G6), and the key that it shows because
    /// of us is stored (G3).
    pub(super) fn device_has_changed(&mut self, before: Counters) {
        let counters = self.device.counters();
        if counters.unprovisions > before.unprovisions {
            (self.born, self.found) = (counters, None);
        }
        let (setups, upgrades) = (counters.setups - self.born.setups, counters.upgrades - self.born.upgrades);
        if counters.repeated > before.repeated || setups > 1 || upgrades > 1 {
            self.violated("G6: what must not be repeated is asked once", format!("the device counts {counters:?}"));
        }
        let truth = self.truth();
        if truth.shown == Shown::Own {
            let pins = self.disk.record().ok().flatten().map(|(_, record)| record.pins).unwrap_or_default();
            let stored = [pins.confirmed, pins.intended].into_iter().flatten().any(|pin| pin.spki == truth.shown_key);
            if !stored {
                self.violated(
                    "G3: a key is pinned before it is shown",
                    format!("{:?} is not in {pins:?}", truth.shown_key),
                );
            }
        }
    }

    /// The run has asked something at that place: a device that is held to a key is asked nowhere else (G5). A server that
    /// has lost its lease knows an older record.
    pub(super) fn asks_at(&mut self, place: Place) {
        let record = self.disk.record().ok().flatten().filter(|_| !self.lease_lost);
        self.held(no_downgrade(place, record.as_ref().map(|(_, record)| record)));
    }

    /// Another genuine device is left as it is (G5), and a run that has not ended has a deadline (G8).
    pub(super) fn look_around(&mut self) {
        if self.server.as_ref().is_some_and(Server::waits_for_ever) {
            self.violated("G8: everything ends", "a run has no deadline".to_owned());
        }
        if let Some(counters) = self.strangers.get(Far::Other).map(|other| other.counters())
            && counters != Counters::default()
        {
            self.violated("G5: another device is left alone", format!("it counts {counters:?}"));
        }
    }
}
