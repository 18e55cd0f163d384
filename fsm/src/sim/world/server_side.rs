//! The server's side: what comes up the line, and what the run wants done.

use alloc::format;

use super::machine::World;
use super::parts::{Event, Wire};
use super::pipes::shorten;
use super::trace::Party;
use crate::channel::ChannelName;
use crate::edges::Place;
use crate::policy::{DeviceReport, LocalTls, Order};
use crate::provisioner::{ChannelId, Input, Output, StoreFault};
use crate::record::{Generation, Record};
use crate::request::{Login, Refusal, Reply, Request};
use crate::sim::device;
use crate::sim::faults::Fault;
use crate::sim::invariants::{self, Check, Violation};
use crate::sim::server::handshake;
use crate::sim::wire::{Down, Message, Up};
use crate::stage::{StageName, TlsFault};
use crate::time::Millis;

impl World {
    pub(super) fn on_up(&mut self, up: Up, order: Order) -> Check {
        self.log(Party::Server, || format!("< {}", shorten(&up)));
        match up {
            Up::Report => {
                self.wire = Wire::default();
                let report = self.claim();
                if self.server.run.as_ref().is_some_and(|run| run.outcome().is_none()) {
                    self.server_input(Input::LineLost);
                    self.server_input(Input::Report(report));
                } else {
                    self.report.runs += 1;
                    self.outcome = None;
                    self.place = None;
                    self.server_epoch += 1;
                    self.server.begin(self.now, self.case.profile.clone(), order, report);
                }
            }
            Up::Opened(channel) => {
                self.wire = Wire::default();
                self.server_input(Input::Opened(channel));
            }
            Up::OpenFailed(channel, fault) => self.server_input(Input::OpenFailed(channel, fault)),
            Up::Lost(channel) => {
                self.wire = Wire::default();
                self.server_input(Input::ChannelLost(channel));
            }
            Up::Data(channel, bytes) => {
                self.wire.inbox.extend(bytes);
                while let Some(message) = self.arena.decode(&mut self.wire.inbox) {
                    self.on_message(channel, message)?;
                }
            }
        }
        Ok(())
    }

    /// What the relay says of its device.
    fn claim(&mut self) -> DeviceReport {
        let mut report = self.device.report();
        if let Some(Fault::ClaimMode(mode)) = self.disarm(|fault| matches!(fault, Fault::ClaimMode(_))) {
            report.mode = mode;
        }
        if self.disarm(|fault| *fault == Fault::ClaimNoTls).is_some() {
            report.local_tls = LocalTls::Off;
        }
        report
    }

    fn on_message(&mut self, channel: ChannelId, message: Message) -> Check {
        if self.disarm(|fault| *fault == Fault::Garble).is_some() {
            self.on_garbage(channel, message);
            return Ok(());
        }
        match message {
            Message::Shown(peer) => {
                if let Some((_, expected)) = self.wire.expecting.take_if(|(id, _)| *id == channel) {
                    match handshake(peer, &expected) {
                        Ok(peer) => {
                            self.server_input(Input::TlsUp(channel, peer));
                            let run = self.server.run.as_ref();
                            if let Some(run) = run.filter(|run| run.place().stage == StageName::Tunneling) {
                                let record = run.ledger().record();
                                invariants::a_channel_is_what_its_handshake_proved(run.place(), &peer, record)?;
                            }
                        }
                        Err(fault) => self.server_input(Input::TlsFailed(channel, fault)),
                    }
                }
            }
            Message::Reply(id, reply) => self.server_input(Input::Reply(id, reply)),
            Message::Hello | Message::Request(..) => {}
        }
        Ok(())
    }

    /// What the channel layer makes of bytes that are no answer: TLS breaks, plain text does not.
    fn on_garbage(&mut self, channel: ChannelId, message: Message) {
        let plain = self.server.run.as_ref().is_some_and(|run| run.place().channel == ChannelName::Plain);
        self.server_input(match message {
            Message::Shown(_) => Input::TlsFailed(channel, TlsFault::Broken),
            Message::Reply(id, _) if plain => Input::Reply(id, Reply::Refused(Refusal::Unintelligible)),
            Message::Reply(..) | Message::Hello | Message::Request(..) => Input::ChannelLost(channel),
        });
    }

    pub(super) fn server_input(&mut self, input: Input) {
        if let Some(run) = &mut self.server.run {
            run.handle(self.now, input);
        }
    }

    pub(super) fn drain_server(&mut self) -> Result<(), Violation> {
        while let Some(output) = self.server.run.as_mut().and_then(|run| run.poll_output()) {
            self.log(Party::Server, || match &output {
                Output::Moved(edge) => format!("> {edge}"),
                output => format!("> {}", shorten(output)),
            });
            match output {
                Output::Open(channel, port) => self.send_down(Down::Open(channel, port)),
                Output::Close(channel) => self.send_down(Down::Close(channel)),
                Output::StartTls(channel, expected) => {
                    self.wire.expecting = Some((channel, expected));
                    let bytes = self.encode(Message::Hello);
                    self.send_down_bytes(channel, &bytes);
                }
                Output::Request { channel, id, login, request } => {
                    self.check_request(login, &request)?;
                    let bytes = self.encode(Message::Request(id, login, request));
                    self.send_down_bytes(channel, &bytes);
                }
                Output::Persist(generation, record) => {
                    let latency = Millis(1 + self.rng.below(5));
                    self.schedule(latency, Event::Durable(self.server_epoch, generation, record));
                }
                Output::Issue(key) => {
                    let certificate = device::issue(&key);
                    self.schedule(Millis(1), Event::Issued(self.server_epoch, certificate));
                }
                Output::Moved(edge) => {
                    let start = Place { stage: StageName::Probe, channel: edge.from.channel };
                    invariants::edges_are_contiguous(self.place.unwrap_or(start), edge)?;
                    self.place = Some(edge.to);
                    self.report.edges.insert(edge);
                }
                Output::Done(outcome) => {
                    self.log(Party::Server, || format!("= {outcome}"));
                    invariants::no_fault_is_our_own(&outcome)?;
                    self.outcome = Some(outcome);
                    self.send_down(Down::Finished);
                }
            }
        }
        Ok(())
    }

    pub(super) fn check_request(&self, login: Login, request: &Request) -> Result<(), Violation> {
        let Some(run) = &self.server.run else { return Ok(()) };
        let (place, disk) = (run.place(), &self.server.disk);
        invariants::no_secret_on_an_unproven_channel(place, login, request, disk, &self.case.profile)?;
        invariants::credentials_are_durable_first(request, disk)?;
        invariants::doubt_is_durable_first(request, disk)?;
        invariants::one_driver(run, request, disk)?;
        invariants::no_downgrade(place, disk.record_for(run).as_ref())
    }

    pub(super) fn on_durable(&mut self, generation: Generation, record: &Record) {
        let input = match self.disarm(|fault| *fault == Fault::FailStore) {
            Some(_) => Input::PersistFailed(generation, StoreFault::Failed),
            None if self.server.disk.store(generation, record) => Input::Persisted(generation),
            None => Input::PersistFailed(generation, StoreFault::LeaseLost),
        };
        if self.disarm(|fault| *fault == Fault::CrashServerAfter).is_some() {
            return self.crash_server();
        }
        self.server_input(input);
    }
}
