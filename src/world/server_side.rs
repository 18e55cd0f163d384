//! The server: one session at a time, as [`serve`](crate::server::serve) has one for each relay, without its sockets.
//! What it gives to the store it waits for, and hears nobody meanwhile; messages leave when all jobs are done.

use std::collections::VecDeque;

use amt_provision_fsm::channel::ChannelName;
use amt_provision_fsm::edges::Place;
use amt_provision_fsm::identity::CertificateHash;
use amt_provision_fsm::provisioner::StoreFault;
use amt_provision_fsm::request::{Certificate, KeyPair};
use amt_provision_fsm::stage::StageName;
use amt_provision_fsm::time::{Instant, Millis};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::events::{Event, LineId};
use super::fault::Fault;
use super::machine::World;
use super::parts::{DRAIN, LINE_LATENCY, Server, Way, Writing};
use super::trace::Party;
use crate::pki::authority::{DeviceKey, Serial};
use crate::protocol::{Hello, ToRelay, ToServer};
use crate::relay::line::LineInput;
use crate::server::{Beginning, Conversation, Job};

/// How long a write takes, at most.
const DISK_LATENCY: Millis = Millis(3);

impl World {
    pub(super) fn server_due(&self) -> Option<Instant> {
        let server = self.server.as_ref().filter(|server| server.writing.is_none())?;
        server.conversation.poll_timeout().map(|at| server.began + Millis(at.as_millis()))
    }

    pub(super) fn server_is_due(&mut self) {
        self.converse(|conversation, now, unix| conversation.handle_timeout(now, unix));
    }

    fn converse(&mut self, say: impl FnOnce(&mut Conversation, Instant, rustls::pki_types::UnixTime)) {
        let (now, unix) = (self.now, self.unix());
        if let Some(server) = &mut self.server {
            say(&mut server.conversation, Instant::from_millis(now.since(server.began).0), unix);
        }
        self.drive_server();
    }

    pub(super) fn server_reads(&mut self, line: LineId, text: &str) {
        if self.line != Some(line) {
            return;
        }
        match (ToServer::parse(text), self.server.as_ref().map(|server| server.line == line)) {
            (Ok(ToServer::Hello(hello)), None) => self.server_begins(line, &hello),
            (Ok(message), Some(true)) => {
                if let Some(server) = &mut self.server {
                    server.inbox.push_back(message);
                }
                self.drive_server();
            }
            (Err(error), _) => self.violated("our relay's messages can be read", error.to_string()),
            // The session has ended, and the relay has not heard of it yet.
            (Ok(_), _) => {}
        }
    }

    fn server_begins(&mut self, line: LineId, hello: &Hello) {
        let (ledger, vault) = match self.disk.begin(&hello.report, self.profile.adoption.as_deref()) {
            Ok(begun) => begun,
            Err(error) => return self.violated("the store can be read", error.to_string()),
        };
        let (profile, trust) = (self.profile.clone(), self.trust.clone());
        let beginning = Beginning { report: &hello.report, ledger, vault, profile, order: self.order, trust };
        let conversation = Conversation::in_messages(Instant::ZERO, self.unix(), beginning);
        self.runs += 1;
        self.lease_lost = false;
        self.begins_at(Place { stage: StageName::Probe, channel: ChannelName::Unconnected });
        let suite = hello.report.version.suite();
        self.server = Some(Server {
            line,
            conversation,
            began: self.now,
            suite,
            writing: None,
            inbox: VecDeque::new(),
            left: false,
            doomed: false,
            ended: None,
            asked: 0,
        });
        self.drive_server();
    }

    fn drive_server(&mut self) {
        for _ in 0..DRAIN {
            let Some(server) = self.server.as_mut().filter(|server| server.writing.is_none()) else { return };
            let asked = server.conversation.traffic().requests;
            if std::mem::replace(&mut server.asked, asked) < asked {
                let place = server.conversation.place();
                self.asks_at(place);
                continue;
            }
            if let Some(job) = server.conversation.poll_job() {
                self.carry_out(job);
            } else if let Some(message) = server.conversation.poll_message().filter(|_| !server.left) {
                match message.encode() {
                    Ok(text) => {
                        server.conversation.sent(text.len());
                        let line = server.line;
                        self.tape.frame(&text);
                        if let ToRelay::Wsman(data) | ToRelay::TlsData(data) = &message {
                            self.tape.server_says(&data.0);
                        }
                        self.schedule(Way::ToRelay, LINE_LATENCY, Event::ToRelay(line, text));
                    }
                    Err(error) => self.violated("our messages are short enough", error.to_string()),
                }
            } else if server.doomed {
                return self.kill_server();
            } else if server.left || server.ended.is_some() {
                let line = server.line;
                self.course.outcome = server.ended.take();
                self.server = None;
                return self.schedule(Way::ToRelay, LINE_LATENCY, Event::ServerClosed(line));
            } else if let Some(message) = server.inbox.pop_front() {
                self.server_hears(message);
            } else {
                return;
            }
        }
        self.violated("a server falls silent", format!("{DRAIN} outputs followed from one input"));
    }

    fn server_hears(&mut self, message: ToServer) {
        let (now, unix) = (self.now, self.unix());
        let Some(server) = &mut self.server else { return };
        let now = Instant::from_millis(now.since(server.began).0);
        if let Err(misuse) = server.conversation.receive(now, unix, message) {
            self.violated("our relay says what it may say", misuse.to_string());
        }
    }

    fn carry_out(&mut self, job: Job) {
        match job {
            Job::Audit(edge) => {
                self.takes(edge);
                let moment = self.course.next_edge();
                self.moment(moment, Party::Server, edge.to_string());
                self.fate();
            }
            Job::Persist(generation, record) => {
                self.write(format!("record {}", generation.0), Writing::Record(generation, Box::new(record)));
            }
            Job::Issue(key) => match self.issue(&key) {
                Some((certificate, der)) => self.write("certificate".into(), Writing::Certificate(certificate, der)),
                None => self.violated("a simulated device's key can be certified", format!("{key:?}")),
            },
            Job::End(outcome) => {
                self.ends_with(&outcome);
                self.write(format!("outcome: {outcome}"), Writing::Outcome(outcome));
            }
        }
    }

    fn issue(&mut self, key: &KeyPair) -> Option<(Certificate, CertificateDer<'static>)> {
        let uuid = self.truth().uuid;
        let suite = self.server.as_ref()?.suite;
        let key = DeviceKey::from_der_key(suite, &key.public_key).ok()?;
        let serial = Serial::from_random(self.chance.u128(..).to_be_bytes());
        let der = self.authority.issue(uuid, &key, serial).ok()?;
        let hash = CertificateHash::from_bytes(Sha256::digest(&der).into());
        Some((Certificate { der: der.to_vec(), hash, spki: key.spki_hash() }, der))
    }

    fn write(&mut self, what: String, writing: Writing) {
        let moment = self.course.next_write();
        if let Some(server) = &mut self.server {
            server.writing = Some(writing);
        }
        self.moment(moment, Party::Server, what);
        if let Some(line) = self.server.as_ref().map(|server| server.line) {
            self.schedule(Way::Store, DISK_LATENCY, Event::Stored(line));
        }
    }

    pub(super) fn on_stored(&mut self, line: LineId) {
        let Some(server) = self.server.as_mut().filter(|server| server.line == line) else { return };
        let (Some(writing), doomed) = (server.writing.take(), server.doomed) else { return };
        let failed = self.disarm(Fault::FailStore);
        match writing {
            Writing::Record(generation, record) => {
                let stored = if failed {
                    Err(StoreFault::Failed)
                } else {
                    let stored = self.disk.persist(generation, &record, &self.profile.passwords);
                    stored.map_err(|error| error.fault()).map(|()| self.disk.named(&record))
                };
                if !doomed {
                    self.converse(|conversation, now, unix| conversation.stored(now, unix, generation, stored));
                }
            }
            Writing::Certificate(certificate, der) => {
                if !failed {
                    self.disk.keep_certificate(der);
                }
                if !doomed {
                    let issued = (!failed).then_some(certificate);
                    self.converse(|conversation, now, unix| conversation.issued(now, unix, issued));
                }
            }
            Writing::Outcome(outcome) => {
                if !failed {
                    self.disk.keep_outcome(&outcome);
                }
                if let Some(server) = self.server.as_mut().filter(|_| !doomed) {
                    server.ended = Some(outcome);
                    self.drive_server();
                }
            }
        }
        if doomed {
            self.kill_server();
        }
    }

    pub(super) fn server_sees_the_end(&mut self, line: LineId) {
        match &mut self.server {
            Some(server) if server.line == line && server.writing.is_some() => server.left = true,
            Some(server) if server.line == line => self.server = None,
            Some(_) | None => {}
        }
    }

    pub(super) const fn doom_server(&mut self) {
        if let Some(server) = &mut self.server {
            server.doomed = true;
        }
    }

    pub(super) fn kill_server(&mut self) {
        self.server = None;
        self.line = None;
        self.relay_hears(LineInput::LineLost("cut".to_owned()));
    }

    pub(super) fn cut_line(&mut self) {
        if let Some(line) = self.line.take() {
            self.server_sees_the_end(line);
        }
        self.relay_hears(LineInput::LineLost("cut".to_owned()));
    }
}
