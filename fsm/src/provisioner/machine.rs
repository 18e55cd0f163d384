//! The machine itself: one session, one thing that is waited for, one queue of outputs.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::io::{ChannelId, Input, Outcome, Output, StoreFault};
use crate::deadline::{self, Wake};
use crate::edges::{Edge, Place};
use crate::fault::{Fault, Link as LinkFault, Ours};
use crate::policy::{DeviceReport, Order, Profile, Route};
use crate::record::Ledger;
use crate::request::{KeyPair, Login, Request, RequestId};
use crate::session::{AnySession, Context, Sent};
use crate::time::{Instant, Millis};

/// What a run is waiting for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaiting {
    /// Nothing: the session can go on.
    Nothing,
    /// The relay's report.
    Report,
    /// The port, or the next try at it: the stage knows which.
    Port,
    /// The reply to a request.
    Reply(RequestId, Login, Request),
    /// A certificate over this key.
    Certificate(KeyPair),
}

/// One run of one device, from its report to one of the four ends.
///
/// See the [module](super) for the calling contract.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Provisioner {
    /// `None` only inside [`Provisioner::transition`].
    pub(super) session: Option<AnySession>,
    pub(super) awaiting: Awaiting,
    /// Until when the store may be at work; nothing else begins meanwhile. Whatever is lost in that time, its deadline
    /// stays.
    pub(super) storing: Option<Instant>,
    /// Nothing new begins.
    pub(super) stopping: bool,
    pub(super) outputs: VecDeque<Output>,
    pub(super) now: Instant,
    pub(super) deadline: Option<(Instant, Wake, Millis)>,
    pub(super) run_ends: Instant,
    pub(super) next_channel: ChannelId,
    pub(super) next_request: RequestId,
    pub(super) outcome: Option<Outcome>,
}

impl Provisioner {
    /// How many connections a run may make to its device before it is told that the line does not hold.
    pub const CHANNELS: u32 = 256;

    /// How many steps a run takes at most between two inputs. No protocol needs a tenth of it.
    pub(super) const STEPS: u32 = 64;

    /// A run that begins at `now` with what is stored. Whatever was stored is intent, never evidence: the
    /// run begins at `Probe` and looks for itself (G7).
    pub fn new(now: Instant, ledger: Ledger, profile: Profile, order: Order, report: DeviceReport) -> Self {
        let mut provisioner = Self {
            session: None,
            awaiting: Awaiting::Report,
            storing: None,
            stopping: false,
            outputs: VecDeque::new(),
            now,
            deadline: None,
            run_ends: now + deadline::RUN,
            next_channel: ChannelId(0),
            next_request: RequestId(0),
            outcome: None,
        };
        provisioner.session = Some(AnySession::new(Context {
            profile,
            order,
            ledger,
            report,
            route: Route::Tls,
            link: None,
            likely_mode: report.mode,
            claimed_mode: None,
            sent: Sent::default(),
            commit_sent_in: None,
            commit_answered: false,
            refusals: 0,
            firm_no: None,
            given_back: None,
            restarting: false,
            unheard: None,
            trail: Vec::new(),
        }));
        provisioner.handle(now, Input::Report(report));
        provisioner
    }

    /// The report may be older than somebody else's change of the device: the mode in it proves no lie.
    pub fn disregard_claimed_mode(&mut self) {
        self.context_mut().claimed_mode = None;
    }

    /// Takes one input in.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        if self.outcome.is_some() {
            return;
        }
        match input {
            Input::Report(report) => self.on_report(report),
            Input::Opened(id) => self.on_opened(id),
            Input::OpenFailed(id, fault) => self.on_open_failed(id, fault),
            Input::TlsUp(id, peer) => self.on_tls_up(id, &peer),
            Input::TlsFailed(id, fault) => self.on_tls_failed(id, fault),
            Input::Reply(id, reply) => self.on_reply(id, reply),
            Input::ChannelLost(id) => self.on_channel_lost(id),
            Input::LineLost => self.on_line_lost(),
            Input::Persisted(generation) => {
                if self.storing.is_some() && generation == self.context().ledger.generation().next() {
                    self.storing = None;
                    self.context_mut().ledger.persisted();
                }
            }
            Input::PersistFailed(generation, fault) => {
                if self.storing.is_some() && generation == self.context().ledger.generation().next() {
                    self.give_up(match fault {
                        StoreFault::Failed => Ours::StoreFailed.into(),
                        StoreFault::LeaseLost => Ours::LeaseLost.into(),
                    });
                }
            }
            Input::LeaseLost => {
                // What nobody has taken yet was meant under the lease.
                self.outputs.retain(|output| !matches!(output, Output::Request { .. }));
                self.give_up(Ours::LeaseLost.into());
            }
            Input::Stopping => {
                self.stopping = true;
                if self.storing.is_none() && !matches!(self.awaiting, Awaiting::Reply(..)) {
                    self.give_up(Ours::Stopping.into());
                }
            }
            Input::Issued(certificate) => self.on_issued(certificate),
            Input::NotIssued => {
                if matches!(self.awaiting, Awaiting::Certificate(_)) {
                    self.give_up(Ours::NotIssued.into());
                }
            }
        }
        self.go_on();
    }

    /// Does what is due at `now`; early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.outcome.is_some() {
            return;
        }
        if self.now >= self.run_ends {
            self.give_up(LinkFault::Deadline { wake: Wake::Run, after: deadline::RUN }.into());
        } else if self.storing.is_some_and(|until| self.now >= until) {
            self.give_up(Ours::StoreFailed.into());
        } else if let Some((_, wake, after)) = self.deadline.take_if(|(at, ..)| *at <= self.now) {
            self.on_deadline(wake, after);
        }
        self.go_on();
    }

    /// The next thing to be done, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do, and what it is; `None` once the
    /// run has ended and its outputs are taken.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        if !self.outputs.is_empty() {
            return Some((self.now, Wake::QueuedOutput));
        }
        if self.outcome.is_some() {
            return None;
        }
        let awaited = self.deadline.map(|(at, wake, _)| (at, wake));
        let store = self.storing.map(|until| (until, Wake::Store));
        [Some((self.run_ends, Wake::Run)), store, awaited].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// How far the run is, and over what.
    pub fn place(&self) -> Place {
        self.session().place()
    }

    /// What is stored about the device, and what is meant to be.
    pub fn ledger(&self) -> &Ledger {
        &self.context().ledger
    }

    /// How the run ended; `None` while it goes on.
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The typed session that the run is in.
    pub fn session(&self) -> &AnySession {
        self.session.as_ref().expect("a session is only ever taken inside `transition`, which puts one back")
    }

    /// Moves the clock's epoch to this machine's now, so that situations which differ in nothing but the
    /// time compare equal: what a model checker needs to come to an end.
    #[cfg(feature = "sim")]
    #[doc(hidden)]
    pub fn rebase(&mut self) {
        let now = self.now;
        let rebase = |at: Instant| Instant::ZERO + at.since(now);
        self.now = Instant::ZERO;
        self.run_ends = Instant::ZERO + deadline::RUN;
        self.deadline = self.deadline.map(|(at, wake, after)| (rebase(at), wake, after));
        self.storing = self.storing.map(rebase);
        if let Some(AnySession::TcpOpen(session)) = &mut self.session {
            session.stage.tries.since = session.stage.tries.since.map(rebase);
        }
        if let Some(tries) = &mut self.context_mut().unheard {
            tries.since = tries.since.map(rebase);
        }
    }

    pub(super) fn context(&self) -> &Context {
        self.session().context()
    }

    pub(super) fn context_mut(&mut self) -> &mut Context {
        let session = self.session.as_mut();
        session.expect("a session is only ever taken inside `transition`, which puts one back").context_mut()
    }

    /// The one place where the session is replaced: a channel that it leaves behind is closed, the edges
    /// that it took are reported, and an end ends the run.
    pub(super) fn transition(&mut self, to: impl FnOnce(AnySession) -> AnySession) {
        let before = self.channel();
        let session = self.session.take().expect("`transition` does not nest");
        self.session = Some(to(session));
        if let Some(id) = before.filter(|id| self.channel() != Some(*id)) {
            self.outputs.push_back(Output::Close(id));
            self.stop_waiting();
        }
        let trail: Vec<Edge> = core::mem::take(&mut self.context_mut().trail);
        self.outputs.extend(trail.into_iter().map(Output::Moved));
        self.end_if_ended();
    }

    fn end_if_ended(&mut self) {
        let outcome = match self.session() {
            AnySession::ConfiguredProven(end) => end.stage.outcome(),
            AnySession::ConfiguredFirstUse(end) => end.stage.outcome(),
            AnySession::Unprovisioned(_) => Outcome::Unprovisioned,
            AnySession::Quarantined(end) => Outcome::Quarantined(end.stage.fault.clone()),
            AnySession::Failed(end) => Outcome::Failed(end.stage.fault.clone()),
            _ => return,
        };
        if let Some(link) = self.context_mut().link.take() {
            self.outputs.push_back(Output::Close(link.id));
        }
        self.outcome = Some(outcome.clone());
        self.outputs.push_back(Output::Done(outcome));
        self.stop_waiting();
        self.storing = None;
    }

    /// The connection that is open or being opened.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.session() {
            AnySession::TcpOpen(session) => session.stage.channel(),
            session => session.context().link.as_ref().map(|link| link.id),
        }
    }

    pub(super) fn give_up(&mut self, fault: Fault) {
        self.transition(|session| session.give_up(fault));
    }

    pub(super) fn stop_waiting(&mut self) {
        self.awaiting = Awaiting::Nothing;
        self.deadline = None;
    }

    pub(super) fn wait(&mut self, awaiting: Awaiting, wake: Wake, after: Millis) {
        self.awaiting = awaiting;
        self.deadline = Some((self.now + after, wake, after));
    }
}
