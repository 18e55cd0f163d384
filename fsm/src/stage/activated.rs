//! Activated: in CCM, with a certificate that is not ours yet.

use super::CertStaged;
use crate::channel::Unpinned;
use crate::edges::Next;
use crate::fault::Operator;
use crate::firmware::ControlMode;
use crate::policy::Order;
use crate::record::PinDurable;
use crate::session::{AnySession, CcmSeen, Session, Step, Want};

/// In CCM: CurrentControlMode and ProvisioningState were read back.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Activated {
    pub(super) ccm: CcmSeen,
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
        match self.look()?.mode() {
            ControlMode::Client => {}
            ControlMode::PreProvisioning => return Err(self.left_provisioning()),
            ControlMode::Admin => return Err(Want::Fail(Operator::ForeignDevice(ControlMode::Admin).into())),
        }
        if self.context.order == Order::Deactivate {
            return Err(self.unprovision());
        }
        self.keyed()
    }
}
