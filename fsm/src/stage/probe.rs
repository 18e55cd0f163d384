//! Probe: the relay's report is awaited, and decides the way.

use super::TcpOpen;
use crate::channel::Unconnected;
use crate::fault::{Fault, Operator, Peer};
use crate::firmware::ControlMode;
use crate::policy::{self, DeviceReport, Goal, Order, Route};
use crate::record::Intent;
use crate::session::{Session, Step, Want};

/// A report is awaited, or has come and is being judged. It proves nothing.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Probe {
    pub(crate) report: Option<DeviceReport>,
}

impl Session<Probe, Unconnected> {
    pub(crate) fn step(self) -> Step {
        match self.plan() {
            Ok((report, route)) => Step::Moved(self.accept(report, route).into()),
            Err(Want::Fail(fault)) => Step::Moved(self.fail_or_quarantine(fault)),
            Err(want) => self.wants(want),
        }
    }

    fn plan(&self) -> Result<(DeviceReport, Route), Want> {
        let report = self.stage.report.ok_or(Want::Input)?;
        self.judge(&report).map_err(Want::Fail)?;
        if self.record().permit.is_some() {
            return Err(Want::Intend(Intent::UsePermit));
        }
        let route = policy::route(&report, self.record(), self.profile(), self.context.order).map_err(Want::Fail)?;
        Ok((report, route))
    }

    fn judge(&self, report: &DeviceReport) -> Result<(), Fault> {
        if report.uuid != self.record().uuid {
            return Err(Peer::UuidMismatch { claimed: self.record().uuid, answered: report.uuid }.into());
        }
        match (self.context.order, self.profile().goal) {
            (Order::Rotate | Order::Deactivate, _) if !self.ledger().is_stored() => Err(Operator::NothingToDo.into()),
            (Order::Provision | Order::Rotate, Goal::Barred(flaw)) if report.mode != ControlMode::Admin => {
                Err(Operator::ProvisioningChain(flaw).into())
            }
            (Order::Provision | Order::Rotate | Order::Deactivate, _) => Ok(()),
        }
    }

    fn accept(mut self, report: DeviceReport, route: Route) -> Session<TcpOpen, Unconnected> {
        self.context.report = report;
        self.context.likely_mode = report.mode;
        self.context.claimed_mode = self.record().doubt.is_none().then_some(report.mode);
        self.context.route = route;
        self.advance(|_, none| (TcpOpen::new(), none))
    }
}
