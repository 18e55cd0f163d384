//! Acm: in ACM, seen on a pinned session. What is left is the commit, the MEBx password and the rest of
//! the profile.

use super::{CertStaged, Configured};
use crate::channel::{Carries, Grants, PinnedChannel, Real};
use crate::edges::Next;
use crate::firmware::ControlMode;
use crate::policy::Order;
use crate::record::{Intent, PasswordState, PinDurable};
use crate::request::{Mebx, Request};
use crate::session::{AcmSeen, AnySession, Session, Step, Want};

/// In ACM: CurrentControlMode and ProvisioningState were read back on a pinned session.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Acm {
    pub(super) acm: AcmSeen,
}

impl<C: PinnedChannel + Grants + Carries<Real>> Session<Acm, C>
where
    Self: Next<CertStaged, C> + Next<Configured, C>,
    AnySession: From<Self> + From<Session<CertStaged, C>> + From<Session<Configured, C>>,
{
    pub(crate) fn step(self) -> Step {
        match self.plan() {
            Ok(Some(pin)) => Step::Moved(self.advance(|_, channel| (CertStaged { pin }, channel)).into()),
            Ok(None) => {
                let end = Configured { mode: ControlMode::Admin, pin: self.channel.pin(), short_of: None };
                Step::Moved(self.advance(|_, channel| (end, channel)).into())
            }
            Err(want) => self.wants(want),
        }
    }

    fn plan(&self) -> Result<Option<PinDurable>, Want> {
        match self.look()?.mode() {
            ControlMode::PreProvisioning => return Err(self.left_provisioning()),
            ControlMode::Client => return Err(Want::Reopen),
            ControlMode::Admin => {}
        }
        if self.context.order == Order::Deactivate {
            return Err(self.unprovision());
        }
        self.password_kept()?;
        // Before the commit: some firmware wants it so (wsman.md §2.3, ReturnValue 2057), and the commit may end the
        // session that would carry it.
        self.mebx_set()?;
        self.committed()?;
        // Last, because its commit is one that firmware may refuse for want of a MEBx password.
        if self.rotates() { self.keyed().map(Some) } else { Ok(None) }
    }

    /// The commit that follows the upgrade.
    fn committed(&self) -> Result<(), Want> {
        if self.record().admin_committed {
            return Ok(());
        }
        if self.facts().committed || self.committed_before(ControlMode::Admin) {
            return Err(Want::Intend(Intent::CommitAdmin));
        }
        Err(self.ask(Request::CommitChanges))
    }

    /// The MEBx password cannot be read back: the same value is repeated until it was answered (G6).
    fn mebx_set(&self) -> Result<(), Want> {
        let Some(right) = self.channel.authority(self.profile().first_use) else { return Ok(()) };
        match self.record().mebx {
            None => Err(Want::Intend(Intent::SetMebx)),
            Some(mebx) => match mebx.state {
                PasswordState::Retired => Err(Want::Intend(Intent::SetMebx)),
                PasswordState::Confirmed => Ok(()),
                PasswordState::Intended if self.facts().mebx_set => Err(Want::Intend(Intent::ConfirmMebx)),
                PasswordState::Intended => Err(Want::Ask(self.request_granted(Mebx::new(mebx.id), &right))),
            },
        }
    }
}
