//! What each input means to a run.

use super::io::{ChannelId, Output};
use super::machine::{Awaiting, Provisioner};
use crate::deadline::{self, Wake};
use crate::fault::{Link as LinkFault, Ours};
use crate::firmware::Port;
use crate::peer::Peer;
use crate::policy::DeviceReport;
use crate::request::{Certificate, Reply, RequestId};
use crate::session::AnySession;
use crate::stage::{Dialling, OpenFault, TlsFault};
use crate::time::Millis;

impl Provisioner {
    pub(super) fn on_report(&mut self, report: DeviceReport) {
        if let Some(AnySession::Probe(session)) = &mut self.session {
            session.stage.report = Some(report);
            self.stop_waiting();
        }
    }

    pub(super) fn on_opened(&mut self, id: ChannelId) {
        let Some(AnySession::TcpOpen(session)) = &self.session else { return };
        match session.stage.dialling {
            Dialling::Asked(asked, Port::Plain) if asked == id => {
                self.stop_waiting();
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

    pub(super) fn on_open_failed(&mut self, id: ChannelId, _fault: OpenFault) {
        // Of a port that is open already it is no answer.
        let Some(AnySession::TcpOpen(session)) = &self.session else { return };
        if matches!(session.stage.dialling, Dialling::Asked(asked, _) if asked == id) {
            self.set_dialling(Dialling::Pausing);
            self.retry(Wake::Open);
        }
    }

    pub(super) fn on_tls_up(&mut self, id: ChannelId, peer: &Peer) {
        let Some(AnySession::TcpOpen(session)) = &self.session else { return };
        let Dialling::Handshaking(_, expected) = &session.stage.dialling else { return };
        if self.dials(id) {
            let expected = expected.clone();
            self.stop_waiting();
            self.transition(|session| match session {
                AnySession::TcpOpen(session) => session.shown(id, peer, &expected),
                other => other,
            });
        }
    }

    pub(super) fn on_tls_failed(&mut self, id: ChannelId, fault: TlsFault) {
        let Some(AnySession::TcpOpen(session)) = &self.session else { return };
        if !matches!(session.stage.dialling, Dialling::Handshaking(asked, _) if asked == id) {
            return;
        }
        match fault {
            TlsFault::Broken => self.retry(Wake::Handshake),
            TlsFault::Stranger(_) | TlsFault::StrangeRomCa(_) | TlsFault::Revoked => {
                self.transition(|session| match session {
                    AnySession::TcpOpen(session) => session.strange(fault),
                    other => other,
                });
            }
        }
    }

    pub(super) fn on_reply(&mut self, id: RequestId, reply: Reply) {
        let Awaiting::Reply(asked, login, request) = &self.awaiting else { return };
        if *asked != id {
            return;
        }
        let (login, request) = (*login, request.clone());
        self.stop_waiting();
        self.context_mut().answered(&request, &reply);
        let Some(link) = &mut self.context_mut().link else { return };
        if let Err(fault) = link.facts.learn(&request, login, reply) {
            self.give_up(fault);
        }
    }

    pub(super) fn on_channel_lost(&mut self, id: ChannelId) {
        if self.dials(id) {
            self.retry(Wake::Handshake);
        } else if self.channel() == Some(id) {
            let unheard = self.context_mut().unheard.take();
            self.transition(AnySession::lose_channel);
            if let (Some(tries), Some(AnySession::TcpOpen(session))) = (unheard, &mut self.session) {
                session.stage.tries = tries;
                self.retry(Wake::Open);
            }
        }
    }

    /// Everything that ran through the relay is gone; a store that is at work goes on.
    pub(super) fn on_line_lost(&mut self) {
        self.transition(AnySession::lose_line);
        if self.outcome.is_none() {
            self.wait(Awaiting::Report, Wake::Report, deadline::REPORT);
        }
    }

    pub(super) fn on_issued(&mut self, certificate: Certificate) {
        let Awaiting::Certificate(key) = &self.awaiting else { return };
        if certificate.spki != key.spki {
            return self.give_up(Ours::NotIssued.into());
        }
        self.stop_waiting();
        if let Some(link) = &mut self.context_mut().link {
            link.facts.issued = Some(certificate);
        }
    }

    pub(super) fn on_deadline(&mut self, wake: Wake, after: Millis) {
        match wake {
            Wake::Retry => {
                self.set_dialling(Dialling::Ready);
                self.stop_waiting();
            }
            Wake::Open | Wake::Handshake => self.retry(wake),
            // The request may have been applied: the channel is closed first, then looked again.
            Wake::Reply => self.transition(AnySession::lose_channel),
            Wake::Certificate => self.give_up(Ours::NotIssued.into()),
            Wake::Report | Wake::Store | Wake::Run | Wake::QueuedOutput => {
                self.give_up(LinkFault::Deadline { wake, after }.into())
            }
        }
    }

    fn dials(&self, id: ChannelId) -> bool {
        match self.session() {
            AnySession::TcpOpen(session) => session.stage.channel() == Some(id),
            _ => false,
        }
    }
}
