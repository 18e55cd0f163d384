//! The machine itself: one session, one thing that is waited for, one queue of outputs.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::io::{ChannelId, Input, Outcome, Output, StoreFault};
use crate::deadline::{self, Wake};
use crate::edges::{Edge, Place};
use crate::fault::{Fault, Link as LinkFault, Operator, Ours};
use crate::firmware::Port;
use crate::peer::Peer;
use crate::policy::{DeviceReport, Order, Profile, Route};
use crate::record::Ledger;
use crate::request::{Certificate, KeyPair, Login, Reply, Request, RequestId};
use crate::session::{AnySession, Context, Sent, Step, Want};
use crate::stage::{Dialling, OpenFault, TlsFault};
use crate::time::{Instant, Millis};

/// What a run is waiting for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Awaiting {
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
    session: Option<AnySession>,
    awaiting: Awaiting,
    /// The store is at work; nothing else goes on meanwhile.
    storing: bool,
    outputs: VecDeque<Output>,
    now: Instant,
    deadline: Option<(Instant, Wake, Millis)>,
    run_ends: Instant,
    next_channel: ChannelId,
    next_request: RequestId,
    outcome: Option<Outcome>,
}

impl Provisioner {
    /// How many connections a run may make to its device before it is told that the line does not hold.
    pub const CHANNELS: u32 = 256;

    /// How many steps a run takes at most between two inputs. No protocol needs a tenth of it.
    const STEPS: u32 = 64;

    /// A run that begins at `now` with what is stored. Whatever was stored is intent, never evidence: the
    /// run begins at `Probe` and looks for itself (G7).
    pub fn new(now: Instant, ledger: Ledger, profile: Profile, order: Order, report: DeviceReport) -> Self {
        let mut provisioner = Self {
            session: None,
            awaiting: Awaiting::Report,
            storing: false,
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
            commits: 0,
            commit_sent_in: None,
            refusals: 0,
            firm_no: None,
            restarting: false,
            trail: Vec::new(),
        }));
        provisioner.handle(now, Input::Report(report));
        provisioner
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
                if self.storing && generation == self.context().ledger.generation().next() {
                    self.storing = false;
                    self.context_mut().ledger.persisted();
                }
            }
            Input::PersistFailed(generation, fault) => {
                if self.storing && generation == self.context().ledger.generation().next() {
                    self.give_up(match fault {
                        StoreFault::Failed => Ours::StoreFailed.into(),
                        StoreFault::LeaseLost => Ours::LeaseLost.into(),
                    });
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
        let run = (self.run_ends, Wake::Run);
        Some(self.deadline.map_or(run, |(at, wake, _)| if at < run.0 { (at, wake) } else { run }))
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
        if let Some(AnySession::TcpOpen(session)) = &mut self.session {
            session.stage.since = session.stage.since.map(rebase);
        }
    }

    fn context(&self) -> &Context {
        self.session().context()
    }

    fn context_mut(&mut self) -> &mut Context {
        let session = self.session.as_mut();
        session.expect("a session is only ever taken inside `transition`, which puts one back").context_mut()
    }

    /// The one place where the session is replaced: a channel that it leaves behind is closed, the edges
    /// that it took are reported, and an end ends the run.
    fn transition(&mut self, to: impl FnOnce(AnySession) -> AnySession) {
        let before = self.channel();
        let session = self.session.take().expect("`transition` does not nest");
        self.session = Some(to(session));
        if let Some(id) = before.filter(|id| self.channel() != Some(*id)) {
            self.outputs.push_back(Output::Close(id));
            self.awaiting = Awaiting::Nothing;
            self.deadline = None;
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
        self.awaiting = Awaiting::Nothing;
        self.storing = false;
        self.deadline = None;
    }

    /// The connection that is open or being opened.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.session() {
            AnySession::TcpOpen(session) => session.stage.channel(),
            session => session.context().link.as_ref().map(|link| link.id),
        }
    }

    fn give_up(&mut self, fault: Fault) {
        self.transition(|session| session.give_up(fault));
    }

    fn wait(&mut self, awaiting: Awaiting, wake: Wake, after: Millis) {
        self.awaiting = awaiting;
        self.deadline = Some((self.now + after, wake, after));
    }

    /// Lets the session go on until it waits for something. What is meant is made durable first: no
    /// request leaves while the store is behind (G2, G3, G6).
    fn go_on(&mut self) {
        for _ in 0..Self::STEPS {
            if self.outcome.is_some() || self.awaiting != Awaiting::Nothing || self.storing {
                return;
            }
            if !self.context().ledger.is_durable() {
                let ledger = &self.context().ledger;
                let output = Output::Persist(ledger.generation().next(), ledger.record().clone());
                self.outputs.push_back(output);
                self.storing = true;
                self.deadline = Some((self.now + deadline::STORE, Wake::Store, deadline::STORE));
                return;
            }
            let mut want = None;
            self.transition(|session| match session.step() {
                Step::Moved(session) => session,
                Step::Wants(session, wanted) => {
                    want = Some(wanted);
                    session
                }
            });
            if let Some(want) = want.filter(|_| self.outcome.is_none()) {
                self.provide(want);
            }
        }
        self.give_up(Ours::GoesInCircles.into());
    }

    fn provide(&mut self, want: Want) {
        match want {
            Want::Input => self.wait(Awaiting::Report, Wake::Report, deadline::REPORT),
            Want::Open(port) => {
                let id = self.next_channel;
                if id.0 >= Self::CHANNELS {
                    return self.give_up(LinkFault::TooManyChannels.into());
                }
                self.next_channel = ChannelId(id.0 + 1);
                self.set_dialling(Dialling::Asked(id, port));
                self.outputs.push_back(Output::Open(id, port));
                self.wait(Awaiting::Port, Wake::Open, deadline::OPEN);
            }
            Want::Ask(request) => self.send(request),
            Want::Intend(intent) => self.context_mut().intend(intent),
            Want::Issue(key) => {
                self.outputs.push_back(Output::Issue(key.clone()));
                self.wait(Awaiting::Certificate(key), Wake::Certificate, deadline::CERTIFICATE);
            }
            Want::Reopen => self.transition(AnySession::lose_channel),
            Want::Unprovisioned => self.transition(AnySession::unprovisioned),
            Want::Fail(fault) => self.give_up(fault),
        }
    }

    /// The one place where a request leaves.
    fn send(&mut self, request: Request) {
        if matches!(request, Request::CommitChanges) && self.context().commits >= Context::COMMITS {
            return self.give_up(Operator::HalfProvisioned.into());
        }
        let (Some(login), Some(channel)) = (self.context().login(), self.channel()) else {
            return self.transition(AnySession::lose_channel);
        };
        let id = self.next_request;
        self.next_request = RequestId(id.0.wrapping_add(1));
        self.context_mut().sending(&request);
        self.wait(Awaiting::Reply(id, login, request.clone()), Wake::Reply, deadline::reply_to(&request));
        self.outputs.push_back(Output::Request { channel, id, login, request });
    }

    fn set_dialling(&mut self, dialling: Dialling) {
        if let Some(AnySession::TcpOpen(session)) = &mut self.session {
            session.stage.dialling = dialling;
        }
    }

    fn on_report(&mut self, report: DeviceReport) {
        if let Some(AnySession::Probe(session)) = &mut self.session {
            session.stage.report = Some(report);
            self.awaiting = Awaiting::Nothing;
        }
    }

    fn on_opened(&mut self, id: ChannelId) {
        let Some(AnySession::TcpOpen(session)) = &self.session else { return };
        match session.stage.dialling {
            Dialling::Asked(asked, Port::Plain) if asked == id => {
                self.awaiting = Awaiting::Nothing;
                self.transition(|session| match session {
                    AnySession::TcpOpen(session) => session.plain(id).into(),
                    other => other,
                });
            }
            Dialling::Asked(asked, Port::Tls) if asked == id => {
                let expected = self.context().expectation();
                self.set_dialling(Dialling::Handshaking(id, expected.clone()));
                self.outputs.push_back(Output::StartTls(id, expected));
                self.wait(Awaiting::Port, Wake::Handshake, deadline::HANDSHAKE);
            }
            _ => {}
        }
    }

    fn on_open_failed(&mut self, id: ChannelId, _fault: OpenFault) {
        if self.dials(id) {
            self.set_dialling(Dialling::Pausing);
            self.retry();
        }
    }

    fn on_tls_up(&mut self, id: ChannelId, peer: &Peer) {
        let Some(AnySession::TcpOpen(session)) = &self.session else { return };
        let Dialling::Handshaking(_, expected) = &session.stage.dialling else { return };
        if self.dials(id) {
            let expected = expected.clone();
            self.awaiting = Awaiting::Nothing;
            self.transition(|session| match session {
                AnySession::TcpOpen(session) => session.shown(id, peer, &expected),
                other => other,
            });
        }
    }

    fn on_tls_failed(&mut self, id: ChannelId, fault: TlsFault) {
        if !self.dials(id) {
            return;
        }
        match fault {
            TlsFault::Broken => self.retry(),
            TlsFault::Stranger(_) | TlsFault::StrangeRomCa(_) => self.transition(|session| match session {
                AnySession::TcpOpen(session) => session.strange(fault),
                other => other,
            }),
        }
    }

    fn on_reply(&mut self, id: RequestId, reply: Reply) {
        let Awaiting::Reply(asked, login, request) = &self.awaiting else { return };
        if *asked != id {
            return;
        }
        let (login, request) = (*login, request.clone());
        self.awaiting = Awaiting::Nothing;
        self.deadline = None;
        self.context_mut().answered(&request, &reply);
        let Some(link) = &mut self.context_mut().link else { return };
        if let Err(fault) = link.facts.learn(&request, login, reply) {
            self.give_up(fault);
        }
    }

    fn on_channel_lost(&mut self, id: ChannelId) {
        if self.dials(id) {
            self.retry();
        } else if self.channel() == Some(id) {
            self.transition(AnySession::lose_channel);
        }
    }

    /// Everything that ran through the relay is gone; a store that is at work goes on.
    fn on_line_lost(&mut self) {
        self.transition(AnySession::lose_line);
        if self.outcome.is_none() && !self.storing {
            self.wait(Awaiting::Report, Wake::Report, deadline::REPORT);
        }
    }

    fn on_issued(&mut self, certificate: Certificate) {
        let Awaiting::Certificate(key) = &self.awaiting else { return };
        if certificate.spki != key.spki {
            return self.give_up(Ours::NotIssued.into());
        }
        self.awaiting = Awaiting::Nothing;
        self.deadline = None;
        if let Some(link) = &mut self.context_mut().link {
            link.facts.issued = Some(certificate);
        }
    }

    fn on_deadline(&mut self, wake: Wake, after: Millis) {
        match wake {
            Wake::Retry => {
                self.set_dialling(Dialling::Ready);
                self.awaiting = Awaiting::Nothing;
            }
            Wake::Open | Wake::Handshake => self.retry(),
            // The request may have been applied: the channel is closed first, then looked again.
            Wake::Reply => self.transition(AnySession::lose_channel),
            Wake::Store => self.give_up(Ours::StoreFailed.into()),
            Wake::Certificate => self.give_up(Ours::NotIssued.into()),
            Wake::Report | Wake::Run | Wake::QueuedOutput => self.give_up(LinkFault::Deadline { wake, after }.into()),
        }
    }

    fn dials(&self, id: ChannelId) -> bool {
        match self.session() {
            AnySession::TcpOpen(session) => session.stage.channel() == Some(id),
            _ => false,
        }
    }

    /// The try at the port has failed: the next one after a pause, or never.
    fn retry(&mut self) {
        let now = self.now;
        self.transition(|session| match session {
            AnySession::TcpOpen(session) => match session.retry(now) {
                Ok(session) => session.into(),
                Err(end) => end,
            },
            other => other,
        });
        if let Some(AnySession::TcpOpen(session)) = &mut self.session {
            let pause = session.stage.pause;
            session.stage.pause = deadline::longer(pause);
            self.wait(Awaiting::Port, Wake::Retry, pause);
        }
    }
}
