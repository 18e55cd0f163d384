//! Activated: provisioned, with a certificate that is not ours yet: in CCM by our own `Setup`, or in the mode
//! in which an adopted device was found.

use super::CertStaged;
use crate::channel::Unpinned;
use crate::edges::Next;
use crate::fault::Operator;
use crate::firmware::ControlMode;
use crate::policy::Order;
use crate::record::PinDurable;
use crate::session::{AnySession, ModeSeen, Session, Step, Want};

/// Provisioned: CurrentControlMode and ProvisioningState were read back.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Activated {
    pub(super) seen: ModeSeen,
}

impl<C: Unpinned> Session<Activated, C>
where
    Self: Next<CertStaged, C>,
    AnySession: From<Self> + From<Session<CertStaged, C>>,
{
    pub(crate) fn step(self) -> Step {
        match self.plan() {
            Ok(pin) => Step::Moved(self.advance(|_, channel| (CertStaged { pin }, channel)).into()),
            Err(want) => self.wants(want),
        }
    }

    fn plan(&self) -> Result<PinDurable, Want> {
        match (self.look()?.mode(), &self.stage.seen) {
            (ControlMode::Client, ModeSeen::Ccm(_)) | (ControlMode::Admin, ModeSeen::Acm(_)) => {}
            (ControlMode::PreProvisioning, _) => return Err(self.left_provisioning()),
            (mode, _) => return Err(Want::Fail(Operator::ForeignDevice(mode).into())),
        }
        if self.context.order == Order::Deactivate {
            return Err(self.unprovision());
        }
        self.keyed()
    }
}
