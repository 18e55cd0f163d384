//! What every stage shares: what is wanted, what is stored, what is claimed, and the channel at hand.

use alloc::vec::Vec;

use super::facts::Facts;
use super::sent::Sent;
use crate::edges::Edge;
use crate::fault::Fault;
use crate::firmware::{ControlMode, Port};
use crate::peer::Expectation;
use crate::policy::{self, Adopt, DeviceReport, Order, Profile, Route};
use crate::provisioner::ChannelId;
use crate::record::{Intent, Ledger, Record};
use crate::request::{Class, Login, Once, Refusal, Reply, Request};
use crate::stage::Tries;

/// The channel at hand and what was learnt over it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    pub(crate) id: ChannelId,
    /// A password that is used over it is given away.
    pub(crate) exposes: bool,
    pub(crate) facts: Facts,
}

/// What every stage shares.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Context {
    pub(crate) profile: Profile,
    pub(crate) order: Order,
    pub(crate) ledger: Ledger,
    pub(crate) report: DeviceReport,
    pub(crate) route: Route,
    pub(crate) link: Option<Link>,
    /// The mode that the device is likely in: it only orders the logins.
    pub(crate) likely_mode: ControlMode,
    /// The mode that the relay claims, until the device itself has been asked; `None` as well where something
    /// of ours may have changed it on the way.
    pub(crate) claimed_mode: Option<ControlMode>,
    pub(crate) sent: Sent,
    /// The mode in which the last commit was sent that was not refused.
    pub(crate) commit_sent_in: Option<ControlMode>,
    /// Whether one was answered since the last `Setup` of this run.
    pub(crate) commit_answered: bool,
    /// How often the device refused what it must not.
    pub(crate) refusals: u8,
    /// A firm no to a once-per-observation request: it is not sent again in this run.
    pub(crate) firm_no: Option<(Once, Refusal)>,
    /// Why the device is being taken out of service, where that is not what was ordered.
    pub(crate) given_back: Option<Fault>,
    /// Whether the port stack may be restarting because of us (odca.md §2.4).
    pub(crate) restarting: bool,
    /// The tries that led to the channel at hand, until the device has said something over it: a port that is
    /// opened and lost without a word still restarts (odca.md §3).
    pub(crate) unheard: Option<Tries>,
    /// Edges taken and not yet reported.
    pub(crate) trail: Vec<Edge>,
}

impl Context {
    /// How often a device may refuse what it must take, before that is a fault.
    pub(crate) const REFUSALS: u8 = 3;

    pub(crate) const fn record(&self) -> &Record {
        self.ledger.record()
    }

    pub(crate) fn intend(&mut self, intent: Intent) {
        let armed = match &intent {
            Intent::Activate { .. } => Some(Once::Setup),
            Intent::Doubt(once) => Some(*once),
            _ => None,
        };
        if let (Some(once), Some(link)) = (armed, &mut self.link) {
            link.facts.armed = Some(once);
        }
        if let (Order::Rotate, Intent::ConfirmPin(_)) = (self.order, &intent) {
            // The new key was shown: the rotation is done, and the rest of the profile follows.
            self.order = Order::Provision;
        }
        self.ledger.intend(intent);
    }

    /// From here on the device is taken out of service, and `fault` is what the run ends with.
    pub(crate) fn give_back(&mut self, fault: Fault) {
        self.order = Order::Deactivate;
        self.given_back = Some(fault);
        if let Some(link) = &mut self.link {
            link.facts.refusal = None;
        }
    }

    /// A request leaves: what follows from that whether or not it is ever answered.
    pub(crate) fn sending(&mut self, request: &Request) {
        if let Some(link) = &mut self.link {
            link.facts.sending(request);
        }
        if let Class::Once(_) = request.class() {
            self.claimed_mode = None;
        }
        self.sent.add(request);
        match request {
            Request::Setup { .. } => {
                self.likely_mode = ControlMode::Client;
                self.commit_answered = false;
                self.restarting = true;
            }
            Request::Unprovision => {
                self.likely_mode = ControlMode::PreProvisioning;
                self.restarting = true;
            }
            Request::UpgradeClientToAdmin { .. } | Request::SetAdminPassword { .. } => self.restarting = true,
            Request::CommitChanges => {
                self.restarting = true;
                self.commit_sent_in = self.link.as_ref().and_then(|link| link.facts.mode());
                if matches!(self.route, Route::Plain | Route::PlainElseTls) && self.record().pins.intended.is_some() {
                    // 16993 comes up where this commit puts it in force; the one that follows `Setup` may not.
                    let tls = self.link.as_ref().and_then(|link| link.facts.tls);
                    let staged = tls.is_some_and(|tls| tls.local);
                    self.route = if staged { Route::Either } else { Route::PlainElseTls };
                }
            }
            _ => {}
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, request: &Request, reply: &Reply) {
        self.unheard = None;
        if let Reply::Refused(_) = reply {
            self.commit_sent_in.take_if(|_| *request == Request::CommitChanges);
        }
        match (reply, request.class()) {
            (Reply::ControlMode(mode, _), _) => self.likely_mode = *mode,
            (Reply::Refused(Refusal::Unauthorized), _) => {}
            (Reply::Refused(refusal), Class::Once(once)) if !refusal.is_passing() => {
                self.firm_no = Some((once, *refusal));
            }
            (Reply::Refused(_), _) => self.refusals = self.refusals.saturating_add(1),
            (Reply::Done, _) if *request == Request::CommitChanges => {
                self.commit_answered = true;
                if self.route == Route::Either {
                    // The settings that 16993 comes up with are committed.
                    self.route = Route::Tls;
                }
            }
            _ => {}
        }
    }

    /// What the next handshake may show.
    pub(crate) fn expectation(&self) -> Expectation {
        policy::expectation(self.record(), &self.profile, self.order)
    }

    /// The port of the `attempt`th try. A pin that was confirmed in this very run closes the plain port,
    /// whatever was open when the run began (G5); only the question whether our own `Unprovision` was
    /// applied may still be asked there.
    pub(crate) fn port(&self, attempt: u32) -> Port {
        let leaving = self.order == Order::Deactivate && self.record().doubt == Some(Once::Unprovision);
        match (self.route, self.record().pins.binding()) {
            _ if leaving && !self.report.version.must_have_local_tls() => Route::Either.port(attempt),
            (Route::Either | Route::PlainElseTls, Some(_)) => Port::Tls,
            (route, _) => route.port(attempt),
        }
    }

    /// The login to try next over this channel; `None` when the device has refused them all. Where a password that is
    /// used is given away, only those are tried that were given away from the beginning (G1): one that is kept was never
    /// set but where it stays secret, and the profile may have fixed it for the whole fleet.
    pub(crate) fn login(&self) -> Option<Login> {
        let Link { exposes, facts, .. } = self.link.as_ref()?;
        let mode = facts.mode().unwrap_or(self.likely_mode);
        let admin = self.record().admin.candidates_where(|password| password.exposed || !exposes);
        let admin = admin.map(|password| Login::Admin(password.id));
        let given = (self.profile.adopt == Adopt::Allowed).then_some(Login::Given);
        let admin = admin.chain(given);
        let local = core::iter::once(Login::LocalSystem);
        let free = |login: &Login| !facts.is_refused(*login);
        facts.proven.filter(free).or_else(|| match mode {
            ControlMode::PreProvisioning => local.chain(admin).find(free),
            ControlMode::Client | ControlMode::Admin => admin.chain(local).find(free),
        })
    }
}
