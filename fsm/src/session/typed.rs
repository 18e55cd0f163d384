//! The typed session and what every stage of it can do.

use alloc::boxed::Box;

use super::AnySession;
use super::context::{Context, Link};
use super::evidence::Look;
use super::facts::Facts;
use super::want::{Step, Want};
use crate::channel::{Authority, Carries, Channel, Connected, Grant, PinnedChannel, Unconnected};
use crate::edges::{Edge, Next, Place};
use crate::fault::{Disposition, Fault, Operator, Peer};
use crate::firmware::ControlMode;
use crate::policy::{Adopt, Profile};
use crate::record::{Intent, Ledger, PasswordState, Record};
use crate::request::{Ask, DigestRealm, Login, Once, Plainly, Refusal, Request};
use crate::stage::{Failed, Quarantined, Stage};

/// A stage `S` over a channel `C`.
///
/// ```
/// use amt_provision_fsm::channel::Plain;
/// use amt_provision_fsm::request::{Plainly, Request};
/// use amt_provision_fsm::session::Session;
/// use amt_provision_fsm::stage::Tunneling;
///
/// fn read_the_mode(session: &Session<Tunneling, Plain>) -> Option<Request> {
///     Plainly::new(Request::ReadControlMode).map(|ask| session.request(ask))
/// }
/// ```
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Session<S, C> {
    pub(crate) stage: S,
    pub(crate) channel: C,
    pub(crate) context: Box<Context>,
}

impl<S: Stage, C: Channel> Session<S, C> {
    /// Where this session stands.
    pub const PLACE: Place = Place { stage: S::NAME, channel: C::NAME };

    /// What is stored about the device, and what is meant to be.
    pub fn ledger(&self) -> &Ledger {
        &self.context.ledger
    }

    /// The stage's evidence.
    pub const fn stage(&self) -> &S {
        &self.stage
    }

    /// The channel's evidence.
    pub const fn channel(&self) -> &C {
        &self.channel
    }

    pub(crate) fn record(&self) -> &Record {
        self.context.record()
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.context.profile
    }

    /// The only change of stage: along an edge that is declared.
    pub(crate) fn advance<T: Stage, D: Channel>(mut self, to: impl FnOnce(S, C) -> (T, D)) -> Session<T, D>
    where
        Self: Next<T, D>,
    {
        let edge = Edge { from: Self::PLACE, on: <Self as Next<T, D>>::ON, to: Session::<T, D>::PLACE };
        self.context.trail.push(edge);
        let (stage, channel) = to(self.stage, self.channel);
        Session { stage, channel, context: self.context }
    }

    /// As [`Session::advance`], to a stage without a channel: this one's is dropped, with its facts.
    pub(crate) fn disconnect<T: Stage>(mut self, to: impl FnOnce(S) -> T) -> Session<T, Unconnected>
    where
        Self: Next<T, Unconnected>,
    {
        self.context.link = None;
        self.advance(|stage, _| (to(stage), Unconnected))
    }

    pub(crate) fn fail(self, fault: Fault) -> AnySession
    where
        Self: Next<Failed, Unconnected>,
        AnySession: From<Session<Failed, Unconnected>>,
    {
        self.disconnect(|_| Failed { fault }).into()
    }

    /// Ends in quarantine where there is something to protect, and in failure where there is not.
    pub(crate) fn fail_or_quarantine(self, fault: Fault) -> AnySession
    where
        Self: Next<Failed, Unconnected> + Next<Quarantined, Unconnected>,
    {
        if fault.disposition() == Disposition::Quarantine && self.ledger().is_stored() {
            self.disconnect(|_| Quarantined { fault }).into()
        } else {
            self.fail(fault)
        }
    }

    pub(crate) fn wants(self, want: Want) -> Step
    where
        AnySession: From<Self>,
    {
        Step::Wants(self.into(), want)
    }
}

impl<S: Stage, C: Connected> Session<S, C> {
    /// The request that `ask` stands for: only where this channel may carry what it gives away.
    pub fn request<A: Ask>(&self, ask: A) -> Request
    where
        C: Carries<A::Gives>,
    {
        ask.erase()
    }

    /// A request that gives authority away, by the right that was granted for this channel.
    pub fn request_granted<A: Ask<Gives = Authority>>(&self, ask: A, _right: &Grant<C>) -> Request
    where
        C: PinnedChannel,
    {
        ask.erase()
    }

    pub(crate) fn ask(&self, request: Request) -> Want {
        match Plainly::new(request) {
            Some(ask) => Want::Ask(self.request(ask)),
            // Only requests without a secret come this way; one that has one waits for ever, and its
            // deadline says so.
            None => Want::Input,
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        static NOTHING: Facts = Facts::NOTHING;
        self.context.link.as_ref().map_or(&NOTHING, |link: &Link| &link.facts)
    }

    /// Reads what every decision rests on, and settles what was in doubt: that it is the device that was
    /// announced, and both of its modes.
    pub(crate) fn look(&self) -> Result<Look, Want> {
        self.login()?;
        self.heed_blindness()?;
        match self.facts().uuid {
            None => return Err(self.ask(Request::ReadUuid)),
            Some(answered) if answered != self.record().uuid => {
                return Err(Want::Fail(Peer::UuidMismatch { claimed: self.record().uuid, answered }.into()));
            }
            Some(_) => {}
        }
        if !self.facts().mode_is_read() {
            return Err(self.ask(Request::ReadControlMode));
        }
        let look = self.facts().look().ok_or_else(|| self.ask(Request::ReadProvisioningState))?;
        self.remember(look)?;
        self.heed_refusal(look)?;
        Ok(look)
    }

    pub(crate) fn realm(&self) -> Result<DigestRealm, Want> {
        self.facts().realm.ok_or_else(|| self.ask(Request::ReadGeneralSettings))
    }

    /// There is a login to use.
    fn login(&self) -> Result<(), Want> {
        match self.context.login() {
            // Before the operator's password is used: no pin that this profile takes would come of it.
            Some(Login::Given) => self.strong_enough(),
            Some(_) => Ok(()),
            None if self.profile().adopt == Adopt::Allowed => Err(Want::Fail(Operator::WrongGivenPassword.into())),
            None if self.record().admin.is_empty() && self.context.report.mode == ControlMode::PreProvisioning => {
                Err(Want::Fail(Peer::LocalAccountRefused.into()))
            }
            None if self.record().admin.is_empty() => {
                Err(Want::Fail(Operator::ForeignDevice(self.context.report.mode).into()))
            }
            None => Err(Want::Fail(Peer::LockedOut.into())),
        }
    }

    /// Writes down what this look has shown: the silicon, the password, the end of a doubt.
    fn remember(&self, look: Look) -> Result<(), Want> {
        let record = self.record();
        if let Some(rom_ca) = self.channel.rom_ca().filter(|rom_ca| record.rom_ca != Some(*rom_ca)) {
            return Err(Want::Intend(Intent::EnrolRomCa(rom_ca)));
        }
        let proven = match self.facts().proven {
            Some(Login::Admin(id)) => record.admin.get(id),
            _ => None,
        };
        if let Some(password) = proven.filter(|password| password.state != PasswordState::Confirmed) {
            return Err(Want::Intend(Intent::ConfirmPassword(password.id)));
        }
        match record.doubt {
            Some(once) if self.facts().armed != Some(once) => {
                let applied = match once {
                    Once::Setup => look.mode() != ControlMode::PreProvisioning,
                    Once::Upgrade => look.mode() == ControlMode::Admin,
                    Once::Unprovision => look.mode() == ControlMode::PreProvisioning,
                };
                // "Not applied" counts only over a channel that the request was not sent on (G6).
                match self.facts().sent {
                    Some(sent) if sent == once && !applied => Err(Want::Reopen),
                    // One change: between two, a loss would leave a pin without the doubt that explains
                    // why the device no longer shows it.
                    _ if once == Once::Unprovision && applied => Err(Want::Intend(Intent::Reset)),
                    _ => Err(Want::Intend(Intent::Settle)),
                }
            }
            _ => Ok(()),
        }
    }

    /// The device refused to say what it is. It is asked over a new channel, and not for ever (G8).
    fn heed_blindness(&self) -> Result<(), Want> {
        const LOOKS: [Request; 4] =
            [Request::ReadGeneralSettings, Request::ReadUuid, Request::ReadControlMode, Request::ReadProvisioningState];
        match self.facts().refusal {
            Some((request, refusal)) if LOOKS.iter().any(|look| look.name() == request) => {
                Err(self.again_or_never(request, refusal))
            }
            _ => Ok(()),
        }
    }

    fn again_or_never(&self, request: &'static str, refusal: Refusal) -> Want {
        if refusal.is_passing() && self.context.refusals < Context::REFUSALS {
            Want::Reopen
        } else {
            Want::Fail(Fault::refused(request, refusal))
        }
    }

    /// The device refused something and is still what it was.
    fn heed_refusal(&self, look: Look) -> Result<(), Want> {
        let Some((request, refusal)) = self.facts().refusal else { return Ok(()) };
        if refusal == Refusal::FLASH_WRITE_LIMIT {
            return Err(Want::Fail(Operator::FlashWear.into()));
        }
        if refusal == Refusal::AlreadyExists && self.context.refusals < Context::REFUSALS {
            // Somebody else made it since it was looked for: what is there is looked at again (G6).
            return Err(Want::Reopen);
        }
        let admin_call_before_commit = look.mode() == ControlMode::Client
            && self.record().pins.confirmed.is_none()
            && !self.record().activation_committed;
        if admin_call_before_commit && request != Request::CommitChanges.name() {
            // Once: a refusal that outlives its commit is one, also where nobody heard the commit's reply.
            let committed = self.committed_before(look.mode());
            return Err(if committed { Want::Intend(Intent::CommitActivation) } else { self.commit_activation() });
        }
        Err(self.again_or_never(request, refusal))
    }

    /// A commit was sent in this mode and not refused. A device that drops every reply to a commit has committed
    /// all the same, and what it is now has been looked at since (odca.md §2.4).
    pub(crate) fn committed_before(&self, mode: ControlMode) -> bool {
        self.context.commit_sent_in == Some(mode)
    }

    /// The commit after `Setup`, written down once it was answered, and then a fresh look: it may end
    /// this session (odca.md §2.4). One more would not help.
    pub(crate) fn commit_activation(&self) -> Want {
        match (self.facts().committed, self.record().activation_committed) {
            (true, true) => Want::Reopen,
            (true, false) => Want::Intend(Intent::CommitActivation),
            (false, _) if self.context.commit_answered || self.context.sent.exhausts(&Request::CommitChanges) => {
                Want::Fail(Operator::HalfProvisioned.into())
            }
            (false, _) => self.ask(Request::CommitChanges),
        }
    }

    /// Marks `once` in the store, unless this run has sent it as often as it may.
    pub(crate) fn mark(&self, once: Once, intent: Intent) -> Want {
        self.may_send(once).map_or_else(|want| want, |()| Want::Intend(intent))
    }

    /// This run has not sent `once` as often as it may, nor been told a firm no.
    pub(crate) fn may_send(&self, once: Once) -> Result<(), Want> {
        match self.context.firm_no {
            Some((refused, refusal)) if refused == once => {
                Err(Want::Fail(Fault::refused(once.request_name(), refusal)))
            }
            _ if self.context.sent.reaches(Once::BUDGET, once.request_name()) => {
                Err(Want::Fail(Peer::NeverApplied(once.request_name()).into()))
            }
            _ => Ok(()),
        }
    }
}
