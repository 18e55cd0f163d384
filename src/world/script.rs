//! A script: orders one after the other, each until it is carried out, whatever goes wrong meanwhile.

use std::collections::BTreeSet;

use amt_provision_fsm::edges::Edge;
use amt_provision_fsm::fault::{Fault, Operator};
use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::SpkiHash;
use amt_provision_fsm::policy::{FlowB, Order, Permit};
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::sim::{Case, When};
use amt_provision_fsm::time::{Instant, Millis};

use super::cast::THEIRS;
use super::machine::{Violation, World, WorldError};
use super::site::Site;
use super::trace::Party;

/// How often a relay begins an order again before the world is healed, and how often after that.
const ATTEMPTS: u32 = 16;
const HEALED_ATTEMPTS: u32 = 6;
/// How long a relay waits before it begins again.
const PAUSE: Millis = Millis::from_secs(5);

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Report {
    /// The first rule that was broken.
    pub violation: Option<Violation>,
    /// Every edge that was taken.
    pub edges: BTreeSet<Edge>,
    /// How many events there were.
    pub events: u32,
    /// How many faults were injected.
    pub faults: u32,
    /// How many runs began.
    pub runs: u32,
    /// The virtual time that it took.
    pub took: Millis,
    /// What happened.
    pub trace: String,
}

/// Runs a case of the core's world with every byte in it.
///
/// # Errors
/// [`WorldError`]: this machine's cryptography is to blame.
pub fn run(site: &Site, case: &Case) -> Result<Report, WorldError> {
    let mut world = World::of(site, case)?;
    let violation = world.live(&case.orders).err();
    Ok(Report {
        violation,
        edges: std::mem::take(&mut world.edges),
        events: world.events,
        faults: world.injected,
        runs: world.runs,
        took: world.now.since(Instant::ZERO),
        trace: world.trace().to_owned(),
    })
}

impl World {
    fn live(&mut self, orders: &[(Order, Option<When>)]) -> Result<(), Violation> {
        for (order, patience) in orders {
            self.tell(Party::Fault, || format!("order: {order:?}"));
            self.order = *order;
            self.taken_back = false;
            self.patience = patience.map(|when| (when, self.events));
            self.carry_out_order(*order)?;
        }
        // What is kept by now was on the tape, perhaps, before it was.
        self.tape.rewind();
        self.search_for_secrets();
        self.violation.take().map_or(Ok(()), Err)
    }

    fn carry_out_order(&mut self, order: Order) -> Result<(), Violation> {
        let before = self.pin();
        let mut last = None;
        for attempt in 0..ATTEMPTS + HEALED_ATTEMPTS {
            if attempt == ATTEMPTS {
                self.heal();
            }
            self.changed_unseen = false;
            let attempt = self.meet([])?;
            if self.taken_back {
                return Ok(());
            }
            if self.is_done(order, before, attempt.outcome.as_ref()) {
                self.patience = None;
                return self.judge(order);
            }
            if let Some(Outcome::Quarantined(_)) = attempt.outcome {
                self.permit();
            }
            last = attempt.outcome.or(last);
            self.now = self.now + PAUSE;
        }
        let seen = format!(
            "{order:?} was not carried out by {} attempts; the last ended with {last:?}",
            ATTEMPTS + HEALED_ATTEMPTS
        );
        Err(Violation { rule: "G7: every order is carried out", seen })
    }

    fn pin(&self) -> Option<SpkiHash> {
        let record = self.disk.record().ok().flatten();
        record.and_then(|(_, record)| record.pins.confirmed).map(|pin| pin.spki)
    }

    fn is_done(&self, order: Order, before: Option<SpkiHash>, outcome: Option<&Outcome>) -> bool {
        match (outcome, order) {
            (Some(Outcome::Configured { .. }), Order::Provision) => !self.changed_unseen,
            (Some(Outcome::Configured { .. }), Order::Rotate) => self.pin() != before && !self.changed_unseen,
            (Some(Outcome::Unprovisioned), Order::Deactivate) => true,
            (Some(Outcome::Failed(Fault::Operator(Operator::NothingToDo))), Order::Deactivate) => {
                self.disk.snapshot().is_empty() || self.truth().admin_password_is(THEIRS)
            }
            _ => false,
        }
    }

    /// The operator looks after what was quarantined: somebody did reset that device.
    fn permit(&mut self) {
        self.tell(Party::Fault, || "the operator permits it to start over".to_owned());
        let permit = Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None };
        if let Err(error) = self.disk.permit(permit, &self.profile.passwords) {
            self.violated("an operator's permit can be written", error.to_string());
        }
    }

    /// Whether the device is what the order was to make of it.
    fn judge(&mut self, order: Order) -> Result<(), Violation> {
        self.device.behave();
        let broken = match order {
            Order::Provision | Order::Rotate => self.check().err().map(|disagreement| disagreement.to_string()),
            Order::Deactivate => {
                let mode = self.truth().mode;
                let ours = mode != ControlMode::PreProvisioning && !self.truth().admin_password_is(THEIRS);
                ours.then(|| format!("the device is in {mode}"))
            }
        };
        broken.map_or(Ok(()), |seen| Err(Violation { rule: "G7: device and store agree", seen }))
    }
}
