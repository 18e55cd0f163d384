//! Tunneling: requests can be answered, and a look decides what the device is.

use super::{Acm, Activated, CertReplaced};
use crate::channel::{
    Connected, FirstUse, Interim, Odca, PasswordKind, PasswordRef, Pinned, PinnedChannel, Plain, Proven, Provisional,
    Unpinned,
};
use crate::edges::Next;
use crate::fault::{Operator, Peer};
use crate::firmware::{ControlMode, ProvisioningState};
use crate::policy::{ActivationCommit, Order};
use crate::record::{Intent, Origin, Provenance};
use crate::request::{Login, NewPassword, Once, Setup};
use crate::session::{AcmSeen, AnySession, CcmSeen, Look, ModeSeen, Session, Step, Want};

/// Requests can be answered. The evidence is the channel's.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Tunneling {
    _arrived: (),
}

impl Tunneling {
    pub(crate) const fn new() -> Self {
        Self { _arrived: () }
    }
}

/// What a channel makes of a device that has just been reached over it.
pub(crate) trait Arrives: Connected + Sized {
    fn step(session: Session<Tunneling, Self>) -> Step;
}

impl Arrives for Plain {
    fn step(session: Session<Tunneling, Self>) -> Step {
        session.unpinned()
    }
}
impl Arrives for Odca {
    fn step(session: Session<Tunneling, Self>) -> Step {
        session.unpinned()
    }
}
impl Arrives for Interim {
    fn step(session: Session<Tunneling, Self>) -> Step {
        session.unpinned()
    }
}
impl Arrives for Provisional {
    fn step(session: Session<Tunneling, Self>) -> Step {
        session.unpinned()
    }
}
impl Arrives for Pinned<Proven> {
    fn step(session: Session<Tunneling, Self>) -> Step {
        session.pinned()
    }
}
impl Arrives for Pinned<FirstUse> {
    fn step(session: Session<Tunneling, Self>) -> Step {
        session.pinned()
    }
}

impl<C: Unpinned> Session<Tunneling, C>
where
    Self: Next<Activated, C>,
    AnySession: From<Self> + From<Session<Activated, C>>,
{
    fn unpinned(self) -> Step {
        match self.look().and_then(|look| self.activate(look)) {
            Ok(seen) => Step::Moved(self.advance(|_, channel| (Activated { seen }, channel)).into()),
            Err(want) => self.wants(want),
        }
    }

    fn activate(&self, look: Look) -> Result<ModeSeen, Want> {
        match (look.mode(), self.record().origin) {
            (ControlMode::PreProvisioning, _) => Err(self.set_up()),
            _ if self.context.login() == Some(Login::Given) => Err(self.adopt()),
            (ControlMode::Client, _) if !self.record().admin.is_empty() => self.in_service(look),
            (ControlMode::Admin, Origin::Adopted) => self.in_service(look),
            (mode, _) => Err(Want::Fail(Operator::ForeignDevice(mode).into())),
        }
    }

    /// The operator's password let us in: it is replaced before anything else, by one that nobody but us and
    /// whoever listens here knows.
    fn adopt(&self) -> Want {
        let exposed = self.is_one_off();
        if self.context.order == Order::Deactivate {
            return Want::Fail(Operator::NothingToDo.into());
        }
        match (self.realm(), self.record().admin.intended().and_then(PasswordRef::<C::Password>::of)) {
            (Err(want), _) => want,
            (Ok(realm), Some(password)) => Want::Ask(self.request(NewPassword::new(password, realm))),
            (Ok(_), None) => Want::Intend(Intent::Adopt { exposed }),
        }
    }

    /// The first password is one that is given away: here, or over the next channel, where the profile lets the way go on
    /// over a key that nobody vouches for. The first pinned session replaces it.
    fn is_one_off(&self) -> bool {
        <C::Password as PasswordKind>::EXPOSES || self.profile().takes_unvouched()
    }

    /// Into CCM. Whatever may end an ODCA session is preceded by reading the key that the device would
    /// show afterwards (design.md §3).
    fn set_up(&self) -> Want {
        if self.context.order == Order::Deactivate {
            return self.left_provisioning();
        }
        let exposed = self.is_one_off();
        let doubt = self.ledger().doubt_durable(Once::Setup);
        let password = self.record().admin.intended().and_then(PasswordRef::<C::Password>::of);
        self.strong_enough().and_then(|()| self.interim_listed()).and_then(|()| self.realm()).map_or_else(
            |want| want,
            |realm| match (doubt, password) {
                (Some(doubt), Some(password)) => match Setup::new(password, realm, &doubt) {
                    Some(setup) => Want::Ask(self.request(setup)),
                    None => self.mark(Once::Setup, Intent::Activate { exposed }),
                },
                _ => self.mark(Once::Setup, Intent::Activate { exposed }),
            },
        )
    }

    fn in_service(&self, look: Look) -> Result<ModeSeen, Want> {
        self.interim_listed()?;
        let owed = self.profile().activation_commit == ActivationCommit::Always && !self.record().activation_committed;
        let post = look.state() == ProvisioningState::Post;
        if owed && post && self.committed_before(look.mode()) {
            return Err(Want::Intend(Intent::CommitActivation));
        }
        if owed || self.facts().committed {
            return Err(self.commit_activation());
        }
        look.in_service().ok_or_else(|| self.commit_activation())
    }
}

impl<C: Connected> Session<Tunneling, C> {
    /// Stores the hash of the default key, where this session proves that the list is the device's own.
    fn interim_listed(&self) -> Result<(), Want> {
        if self.channel.rom_ca().is_none() {
            return Ok(());
        }
        let context = self.credential_context()?;
        let certificates = self.certificates()?;
        let bound = context.and_then(|handle| certificates.iter().find(|certificate| certificate.handle == *handle));
        match bound.map(|certificate| certificate.spki) {
            Some(spki) if self.record().pins.interim != Some(spki) && !self.is_ours(spki) => {
                Err(Want::Intend(Intent::EnrolInterim(spki)))
            }
            _ => Ok(()),
        }
    }
}

impl<C: PinnedChannel> Session<Tunneling, C>
where
    Self: Next<CertReplaced, C> + Next<Acm, C>,
    AnySession: From<Self> + From<Session<CertReplaced, C>> + From<Session<Acm, C>>,
{
    fn pinned(self) -> Step {
        match self.look().and_then(|look| self.recognise(look)) {
            Ok(Found::Ccm(ccm)) => Step::Moved(self.advance(|_, channel| (CertReplaced { ccm }, channel)).into()),
            Ok(Found::Acm(acm)) => Step::Moved(self.advance(|_, channel| (Acm { acm }, channel)).into()),
            Err(want) => self.wants(want),
        }
    }

    fn recognise(&self, look: Look) -> Result<Found, Want> {
        if look.mode() == ControlMode::PreProvisioning {
            return Err(self.left_provisioning());
        }
        let pin = self.channel.pin();
        if self.record().pins.confirmed != Some(pin) {
            return Err(Want::Intend(Intent::ConfirmPin(pin)));
        }
        if self.record().pins.binding().is_none() {
            return Err(Want::Intend(Intent::Hold));
        }
        if let Some(claimed) = self.context.claimed_mode.filter(|claimed| *claimed != look.mode()) {
            return Err(Want::Fail(Peer::ModeMismatch { claimed, answered: look.mode() }.into()));
        }
        match (look.ccm(), look.acm()) {
            (Some(ccm), _) => Ok(Found::Ccm(ccm)),
            (_, Some(acm)) => Ok(Found::Acm(acm)),
            (None, None) => Err(self.commit_activation()),
        }
    }
}

enum Found {
    Ccm(CcmSeen),
    Acm(AcmSeen),
}

impl<S: super::Stage, C: Connected> Session<S, C> {
    /// How well a key is known that is made over this channel on this device.
    pub(super) fn learnt(&self) -> Provenance {
        let adopted = self.record().origin == Origin::Adopted || self.context.login() == Some(Login::Given);
        match self.channel.provenance() {
            Provenance::Provisional if adopted => Provenance::Adopted,
            provenance => provenance,
        }
    }

    /// The channel is good enough for a key to be made over it.
    pub(crate) fn strong_enough(&self) -> Result<(), Want> {
        let minimum: Provenance = self.profile().minimum;
        let offered = self.learnt();
        if offered < minimum {
            Err(Want::Fail(Operator::ProvenanceTooWeak { minimum, offered }.into()))
        } else {
            Ok(())
        }
    }
}
