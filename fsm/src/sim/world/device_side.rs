//! The device's side: handshakes, requests, restarts.

use alloc::format;
use alloc::vec::Vec;

use super::machine::World;
use super::pipes::Event;
use crate::identity::SpkiHash;
use crate::peer::{Peer, Voucher};
use crate::provisioner::ChannelId;
use crate::request::{Class, Refusal, Reply, Request};
use crate::sim::device::{Answer, Connection};
use crate::sim::faults::Fault;
use crate::sim::wire::Message;
use crate::time::Millis;

/// A TCP connection between relay and device.
pub(super) struct Tcp {
    pub(super) id: u32,
    pub(super) channel: ChannelId,
    pub(super) connection: Connection,
    pub(super) inbox: Vec<u8>,
    /// What the relay itself shows instead of the device.
    pub(super) impostor: bool,
}

impl World {
    pub(super) fn on_device_bytes(&mut self, id: u32, bytes: &[u8]) {
        let Some(tcp) = self.tcp.as_mut().filter(|tcp| tcp.id == id) else { return };
        tcp.inbox.extend(bytes);
        while let Some(message) = self.tcp.as_mut().and_then(|tcp| self.arena.decode(&mut tcp.inbox)) {
            self.on_device_message(id, message);
        }
    }

    pub(super) fn on_device_message(&mut self, id: u32, message: Message) {
        match message {
            Message::Hello => {
                let impostor = self.tcp.as_ref().is_some_and(|tcp| tcp.impostor);
                let peer = if impostor {
                    Peer { spki: SpkiHash::from_bytes([0xee; 32]), voucher: Voucher::Nobody }
                } else {
                    self.device.shows()
                };
                self.schedule(Millis(10), Event::DeviceDone(id, Message::Shown(peer)));
            }
            Message::Request(request_id, login, request) => {
                let Some(tcp) = &mut self.tcp else { return };
                let changes = request.class() != Class::Read;
                self.changed_unseen &= request != Request::ReadControlMode;
                let refusing = |fault: &Fault| matches!(fault, Fault::Refuse(_)) && changes;
                let at = self.armed.iter().position(refusing);
                let answer = match at.map(|at| self.armed.remove(at)) {
                    Some(Fault::Refuse(code)) => Answer::Reply(Reply::Refused(Refusal::ReturnValue(code))),
                    _ => self.device.answer(&mut tcp.connection, login, &request),
                };
                let answer = match answer {
                    Answer::Reply(Reply::Uuid(_)) if self.armed.contains(&Fault::StrangeUuid) => {
                        self.armed.retain(|fault| *fault != Fault::StrangeUuid);
                        Answer::Reply(Reply::Uuid(self.strange_uuid))
                    }
                    answer => answer,
                };
                self.log(|| format!("           |            | {request} as {login:?}: {answer:?}"));
                let slow = self.disarm(|fault| matches!(fault, Fault::SlowReply(_)));
                let busy = match (slow, &request) {
                    (Some(Fault::SlowReply(length)), _) => length,
                    (_, Request::GenerateKeyPair(_)) => Millis(500 + self.rng.below(8000)),
                    _ => Millis(1 + self.rng.below(50)),
                };
                let lost = changes && self.disarm(|fault| *fault == Fault::LoseReply).is_some();
                match answer {
                    Answer::Reply(_) if lost => self.schedule(busy, Event::DeviceGone(id)),
                    Answer::Reply(reply) => {
                        self.schedule(busy, Event::DeviceDone(id, Message::Reply(request_id, reply)))
                    }
                    Answer::Restart(reply) => {
                        if !lost && self.rng.one_in(2) {
                            self.schedule(busy, Event::DeviceDone(id, Message::Reply(request_id, reply)));
                        }
                        self.ports_back = self.now + Millis(busy.0 + self.rng.below(5000));
                        self.schedule(Millis(busy.0 + 20), Event::DeviceGone(id));
                    }
                }
            }
            Message::Shown(_) | Message::Reply(..) => {}
        }
    }

    pub(super) fn device_says(&mut self, id: u32, message: Message) {
        if self.tcp.as_ref().is_some_and(|tcp| tcp.id == id) {
            let bytes = self.encode(message);
            for chunk in self.cut_up(&bytes) {
                self.schedule_in_order(3, Millis(0), Event::ToRelay(id, chunk));
            }
        }
    }
}
