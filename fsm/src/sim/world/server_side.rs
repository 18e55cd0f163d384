//! The server's side: what comes up the line, and what the run wants done.

use alloc::format;
use alloc::vec::Vec;

use super::machine::World;
use super::pipes::{Event, shorten};
use crate::edges::Place;
use crate::peer::Expectation;
use crate::policy::Order;
use crate::provisioner::{ChannelId, Input, Output, StoreFault};
use crate::record::{Generation, Record};
use crate::request::{Login, Request};
use crate::sim::device;
use crate::sim::faults::Fault;
use crate::sim::invariants::{self, Violation};
use crate::sim::server::handshake;
use crate::sim::wire::{Down, Message, Up};
use crate::stage::StageName;
use crate::time::Millis;

/// The channel layer's part of a run.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) inbox: Vec<u8>,
    pub(super) expecting: Option<(ChannelId, Expectation)>,
}

impl World {
    pub(super) fn on_up(&mut self, up: Up, order: Order) {
        self.log(|| format!("server     <  {}", shorten(&up)));
        match up {
            Up::Report => {
                self.wire = Wire::default();
                if self.server.run.as_ref().is_some_and(|run| run.outcome().is_none()) {
                    self.server_input(Input::LineLost);
                    self.server_input(Input::Report(self.device.report()));
                } else {
                    self.report.runs += 1;
                    self.outcome = None;
                    self.place = None;
                    self.server_epoch += 1;
                    self.server.begin(self.now, self.case.profile.clone(), order, self.device.report());
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
                    self.on_message(channel, message);
                }
            }
        }
    }

    pub(super) fn on_message(&mut self, channel: ChannelId, message: Message) {
        match message {
            Message::Shown(peer) => {
                if let Some((_, expected)) = self.wire.expecting.take_if(|(id, _)| *id == channel) {
                    self.server_input(match handshake(peer, &expected) {
                        Ok(peer) => Input::TlsUp(channel, peer),
                        Err(fault) => Input::TlsFailed(channel, fault),
                    });
                }
            }
            Message::Reply(id, reply) => self.server_input(Input::Reply(id, reply)),
            Message::Hello | Message::Request(..) => {}
        }
    }

    pub(super) fn server_input(&mut self, input: Input) {
        if let Some(run) = &mut self.server.run {
            run.handle(self.now, input);
        }
    }

    pub(super) fn drain_server(&mut self) -> Result<(), Violation> {
        while let Some(output) = self.server.run.as_mut().and_then(|run| run.poll_output()) {
            self.log(|| format!("server     :  {}", shorten(&output)));
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
                    self.log(|| format!("server     =  {outcome}"));
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
        invariants::credentials_and_doubt_are_durable_first(request, disk)?;
        invariants::no_downgrade(place, disk)
    }

    pub(super) fn on_durable(&mut self, generation: Generation, record: &Record) {
        let fault = self.disarm(|fault| matches!(fault, Fault::FailStore | Fault::LoseLease));
        let input = match fault {
            Some(Fault::LoseLease) => Input::PersistFailed(generation, StoreFault::LeaseLost),
            Some(_) => Input::PersistFailed(generation, StoreFault::Failed),
            None if self.server.disk.store(generation, record) => Input::Persisted(generation),
            None => Input::PersistFailed(generation, StoreFault::LeaseLost),
        };
        self.server_input(input);
    }
}
