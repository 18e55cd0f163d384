//! CertReplaced: in CCM, on a session that shows the key whose hash we stored. From here on secrets may
//! travel, and the profile is applied.

use super::{Acm, CertStaged, Configured, ShortOf, Stage};
use crate::channel::{Carries, Connected, Grants, PinnedChannel, Real};
use crate::edges::Next;
use crate::fault::{Fault, Operator};
use crate::firmware::ControlMode;
use crate::policy::{Goal, Order, WithoutAcm};
use crate::record::{Intent, PinDurable};
use crate::request::{ChainLength, Once, Upgrade};
use crate::session::{AcmSeen, AnySession, CcmSeen, Look, Session, Step, Want};

/// A TLS session showed the key whose hash we stored, and CCM was read back over it.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct CertReplaced {
    pub(super) ccm: CcmSeen,
}

enum Onward {
    Acm(AcmSeen),
    Rotation(PinDurable),
    Configured(Option<ShortOf>),
}

impl<C: PinnedChannel + Grants + Carries<Real>> Session<CertReplaced, C>
where
    Self: Next<Acm, C> + Next<CertStaged, C> + Next<Configured, C>,
    AnySession: From<Self> + From<Session<Acm, C>> + From<Session<CertStaged, C>> + From<Session<Configured, C>>,
{
    pub(crate) fn step(self) -> Step {
        match self.plan() {
            Ok(Onward::Acm(acm)) => Step::Moved(self.advance(|_, channel| (Acm { acm }, channel)).into()),
            Ok(Onward::Rotation(pin)) => Step::Moved(self.advance(|_, channel| (CertStaged { pin }, channel)).into()),
            Ok(Onward::Configured(short_of)) => {
                let pin = self.channel.pin();
                let end = Configured { mode: ControlMode::Client, pin, short_of };
                Step::Moved(self.advance(|_, channel| (end, channel)).into())
            }
            Err(Want::Fail(fault)) if self.is_given_back_for(&fault) => self.wants(Want::GiveBack(fault)),
            Err(want) => self.wants(want),
        }
    }

    /// The device refused ACM, and the profile has no use for one in CCM.
    fn is_given_back_for(&self, fault: &Fault) -> bool {
        self.profile().without_acm == WithoutAcm::Unprovision
            && self.context.order != Order::Deactivate
            && fault.refuses_acm()
    }

    fn plan(&self) -> Result<Onward, Want> {
        let look = self.look()?;
        match look.mode() {
            ControlMode::PreProvisioning => return Err(self.left_provisioning()),
            ControlMode::Admin => return look.acm().map(Onward::Acm).ok_or(Want::Reopen),
            ControlMode::Client => {}
        }
        if self.context.order == Order::Deactivate {
            return Err(self.unprovision());
        }
        self.password_kept()?;
        if self.rotates() {
            return self.keyed().map(Onward::Rotation);
        }
        match self.profile().goal {
            Goal::Client => Ok(Onward::Configured(None)),
            Goal::Admin(chain) => self.upgrade(look, chain),
            // The relay had claimed ACM.
            Goal::Barred(flaw) => Err(Want::Fail(Operator::ProvisioningChain(flaw).into())),
        }
    }

    /// ACM: the chain, then the signature over the nonce of this very digest session, once.
    fn upgrade(&self, look: Look, chain: ChainLength) -> Result<Onward, Want> {
        let Some(right) = self.channel.authority(self.profile().first_use) else {
            return Ok(Onward::Configured(Some(ShortOf::FirstUseNotTrusted)));
        };
        self.clock_set()?;
        let sent = self.facts().chain;
        if sent < chain.count() {
            self.may_send(Once::Upgrade)?;
            return Err(Want::Ask(self.request_granted(Upgrade::chain_certificate(sent), &right)));
        }
        // Last: whoever has lost the lease finds out at this write, and not behind the signature (G13).
        let Some(doubt) = self.ledger().doubt_durable(Once::Upgrade) else {
            return Err(self.mark(Once::Upgrade, Intent::Doubt(Once::Upgrade)));
        };
        match Upgrade::signature(look.nonce(), &doubt) {
            Some(signature) => Err(Want::Ask(self.request_granted(signature, &right))),
            None => Err(Want::Reopen),
        }
    }
}

impl<S: Stage, C: Connected> Session<S, C> {
    /// Whether a new key is wanted: the operator asked for it, or a rotation was begun and the device
    /// still shows the key before.
    pub(super) fn rotates(&self) -> bool {
        self.context.order == Order::Rotate || self.record().pins.intended.is_some()
    }
}
