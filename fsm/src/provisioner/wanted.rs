//! What a session wants, and how it is provided for: the write-ahead rule, and the one place where a request
//! leaves.

use super::io::{ChannelId, Output};
use super::machine::{Awaiting, Provisioner};
use crate::deadline::{self, Wake};
use crate::fault::{Link as LinkFault, Ours, Peer};
use crate::request::{Request, RequestId};
use crate::session::{AnySession, Step, Want};
use crate::stage::Dialling;

impl Provisioner {
    /// Lets the session go on until it waits for something. What is meant is made durable first: no
    /// request leaves while the store is behind (G2, G3, G6).
    pub(super) fn go_on(&mut self) {
        for _ in 0..Self::STEPS {
            if self.outcome.is_some() || self.awaiting != Awaiting::Nothing || self.storing.is_some() {
                return;
            }
            if !self.context().ledger.is_durable() {
                let ledger = &self.context().ledger;
                let output = Output::Persist(ledger.generation().next(), ledger.record().clone());
                self.outputs.push_back(output);
                self.storing = Some(self.now + deadline::STORE);
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
        if self.stopping && want.begins() {
            return self.give_up(Ours::Stopping.into());
        }
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
            Want::Unprovisioned => match self.context().given_back.clone() {
                Some(fault) => self.give_up(fault),
                None => self.transition(AnySession::unprovisioned),
            },
            Want::GiveBack(fault) => self.context_mut().give_back(fault),
            Want::Fail(fault) => self.give_up(fault),
        }
    }

    /// The one place where a request leaves.
    fn send(&mut self, request: Request) {
        if self.context().sent.exhausts(&request) {
            return self.give_up(Peer::NeverApplied(request.name()).into());
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

    pub(super) fn set_dialling(&mut self, dialling: Dialling) {
        if let Some(AnySession::TcpOpen(session)) = &mut self.session {
            session.stage.dialling = dialling;
        }
    }

    /// The try at the port has failed at `wake`: the next one after a pause, or never.
    pub(super) fn retry(&mut self, wake: Wake) {
        let now = self.now;
        self.transition(|session| match session {
            AnySession::TcpOpen(session) => match session.retry(now, wake) {
                Ok(session) => session.into(),
                Err(end) => end,
            },
            other => other,
        });
        if let Some(AnySession::TcpOpen(session)) = &mut self.session {
            let pause = session.stage.tries.pause;
            session.stage.tries.pause = deadline::longer(pause);
            self.wait(Awaiting::Port, Wake::Retry, pause);
        }
    }
}
