//! Core, channel and line: who has the next word.

use std::sync::Arc;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::peer::Expectation;
use amt_provision_fsm::provisioner::{ChannelId, Input, Output};
use amt_provision_fsm::request::{Login, Refusal, Reply, Request, RequestId};
use amt_provision_fsm::stage::TlsFault;
use amt_provision_fsm::time::Instant;
use rustls::pki_types::UnixTime;

use super::job::Job;
use super::run::Conversation;
use super::words::last_words;
use crate::server::line::LineEvent;
use crate::tunnel::channel::{AskError, Channel, Event, TlsOptions};

impl Conversation {
    /// Core and channel take turns until both wait; then what the channel wrote leaves as one piece. All that the
    /// channel has to say comes first: nothing is asked over one whose end is known already. Nothing leaves while the
    /// next word is ours: the end of a handshake waits for the first request, also when the store has to be heard
    /// before that.
    pub(super) fn go_on(&mut self, now: Instant, unix: UnixTime) {
        loop {
            if let Some((id, event)) = self.channel_event() {
                self.on_channel(now, unix, id, event);
            } else if let Some(output) = self.run.poll_output() {
                self.carry_out(now, unix, output);
            } else {
                break;
            }
        }
        if self.channel.as_ref().is_some_and(|(_, channel)| !channel.is_idle()) {
            self.flush(now);
        }
    }

    fn flush(&mut self, now: Instant) {
        if let Some((id, channel)) = &mut self.channel {
            let bytes = channel.take_output();
            self.line.send(now, *id, &bytes);
        }
    }

    fn channel_event(&mut self) -> Option<(ChannelId, Event)> {
        let (id, channel) = self.channel.as_mut()?;
        channel.poll_event().map(|event| (*id, event))
    }

    fn carry_out(&mut self, now: Instant, unix: UnixTime, output: Output) {
        match output {
            Output::Open(id, port) => {
                self.drop_channel();
                self.opening = Some((id, port));
                if let Some(event) = self.line.open(id, port) {
                    self.on_line(now, unix, event);
                }
            }
            Output::StartTls(id, expected) => self.start_tls(now, unix, id, expected),
            Output::Request { id, login, request, .. } => self.ask(now, id, login, request),
            Output::Close(id) => {
                if self.channel.as_ref().is_some_and(|(open, _)| *open == id) {
                    self.drop_channel();
                }
                self.line.close();
            }
            Output::Persist(generation, record) => self.jobs.push_back(Job::Persist(generation, record)),
            Output::Issue(key) => self.jobs.push_back(Job::Issue(key)),
            Output::Moved(edge) => self.jobs.push_back(Job::Audit(edge)),
            Output::Done(outcome) => {
                self.line.finish(last_words(&outcome, &self.findings));
                self.jobs.push_back(Job::End(outcome));
            }
        }
    }

    fn start_tls(&mut self, now: Instant, unix: UnixTime, id: ChannelId, expectation: Expectation) {
        let options = TlsOptions { expectation, trust: Arc::clone(&self.trust), max_version: self.profile.max_tls };
        match Channel::tls(self.settings.clone(), std::mem::take(&mut self.remembered), options, unix) {
            Ok(channel) => self.channel = Some((id, channel)),
            Err(error) => {
                tracing::error!(%error, "no TLS client could be made");
                self.run.handle(now, Input::TlsFailed(id, TlsFault::Broken));
            }
        }
    }

    fn ask(&mut self, now: Instant, id: RequestId, login: Login, request: Request) {
        let Some((_, channel)) = &mut self.channel else { return };
        self.traffic.requests += 1;
        self.traffic.plain_requests += u64::from(channel.tls_client().is_none());
        let name = request.name();
        if let Err(error) = channel.ask(id, login, request, &self.vault) {
            let refusal = match error {
                // A login that nobody has the password of: the next one is tried.
                AskError::NoPassword(_) | AskError::NoLocalSystem | AskError::NoGivenPassword => Refusal::Unauthorized,
                error => {
                    tracing::error!(%error, request = name, "a request could not be made");
                    Refusal::Unintelligible
                }
            };
            self.run.handle(now, Input::Reply(id, Reply::Refused(refusal)));
        }
    }

    fn on_channel(&mut self, now: Instant, unix: UnixTime, id: ChannelId, event: Event) {
        let input = match event {
            Event::Reopen => return self.reopen(now, unix, id),
            Event::Reopened => {
                self.traffic.tls_sessions += 1;
                return self.log_tls();
            }
            Event::TlsUp(peer) => {
                self.traffic.tls_sessions += 1;
                self.log_tls();
                Input::TlsUp(id, peer)
            }
            Event::TlsFailed(fault, why) => {
                match fault {
                    // The relay is told no more than that; what can be done is for the operator of the server.
                    TlsFault::Revoked => tracing::warn!(device = %self.settings.device, %why, "a device is refused"),
                    _ => tracing::info!(%why, "the TLS handshake with the device failed"),
                }
                self.flush(now);
                Input::TlsFailed(id, fault)
            }
            Event::Reply(request, reply) => {
                self.log_refusal(&reply);
                Input::Reply(request, reply)
            }
            Event::Lost(why) => {
                tracing::debug!(%why, "the connection to the device is over");
                self.flush(now);
                self.drop_channel();
                Input::ChannelLost(id)
            }
        };
        self.run.handle(now, input);
    }

    /// The same channel over a new connection: nothing of it is the core's business, whose deadline for the reply goes
    /// on.
    fn reopen(&mut self, now: Instant, unix: UnixTime, id: ChannelId) {
        let Some((_, channel)) = &self.channel else { return };
        if let Some(event) = self.line.reopen(id, channel.port()) {
            self.on_line(now, unix, event);
        }
    }

    fn log_tls(&self) {
        let client = self.channel.as_ref().and_then(|(_, channel)| channel.tls_client());
        if let Some(negotiated) = client.and_then(|client| client.negotiated()) {
            tracing::info!(?negotiated, "TLS with the device is up");
        }
    }

    fn log_refusal(&self, reply: &Reply) {
        let why = self.channel.as_ref().and_then(|(_, channel)| channel.explanation());
        if let (Reply::Refused(refusal), Some(why)) = (reply, why) {
            tracing::info!(%refusal, %why, "the device refused");
        }
    }

    pub(super) fn on_line(&mut self, now: Instant, unix: UnixTime, event: LineEvent) {
        match event {
            LineEvent::Opened(id) if self.channel_of(id).is_some() => {
                if let Some(channel) = self.channel_of(id) {
                    channel.reopened(unix);
                }
            }
            LineEvent::OpenFailed(id, fault) if self.channel_of(id).is_some() => {
                tracing::debug!(?fault, "the connection to the device does not come back");
                self.drop_channel();
                self.run.handle(now, Input::ChannelLost(id));
            }
            LineEvent::Opened(id) => {
                if self.opening == Some((id, Port::Plain)) {
                    let remembered = std::mem::take(&mut self.remembered);
                    let channel = Channel::plain(self.settings.clone(), remembered, self.line.carriage());
                    self.channel = Some((id, channel));
                }
                self.opening = None;
                self.run.handle(now, Input::Opened(id));
            }
            LineEvent::OpenFailed(id, fault) => {
                self.opening = None;
                self.run.handle(now, Input::OpenFailed(id, fault));
            }
            LineEvent::Bytes(id, bytes) => {
                if let Some(channel) = self.channel_of(id) {
                    channel.feed(&bytes, unix);
                }
            }
            LineEvent::Lost(id) => match self.channel_of(id) {
                // The channel says what that means for the request that was under way.
                Some(channel) => channel.end_of_stream(unix),
                None => self.run.handle(now, Input::ChannelLost(id)),
            },
            LineEvent::Misused(_) => {}
        }
    }

    fn channel_of(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channel.as_mut().filter(|(open, _)| *open == id).map(|(_, channel)| channel)
    }

    /// The channel is over; its digest session goes into the next one.
    fn drop_channel(&mut self) {
        if let Some((_, channel)) = self.channel.take() {
            self.remembered = channel.into_remembered();
        }
    }
}
