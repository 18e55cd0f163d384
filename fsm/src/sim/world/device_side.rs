//! The device's side: handshakes, requests, restarts.

use alloc::format;

use super::machine::World;
use super::parts::{End, Event};
use super::pipes::{FROM_DEVICE, shorten};
use super::trace::Party;
use crate::identity::SpkiHash;
use crate::peer::{Peer, Voucher};
use crate::request::{Class, Refusal, Reply, Request};
use crate::sim::device::Answer;
use crate::sim::faults::Fault;
use crate::sim::persona::Drops;
use crate::sim::wire::Message;
use crate::time::Millis;

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
                let peer = match self.tcp.as_ref().map(|tcp| tcp.end) {
                    Some(End::Impostor) => Peer { spki: SpkiHash::from_bytes([0xee; 32]), voucher: Voucher::Nobody },
                    Some(End::Other) => self.other.shows(),
                    Some(End::Device) | None => self.device.shows(),
                };
                self.schedule(Millis(10), Event::DeviceDone(id, Message::Shown(peer)));
            }
            Message::Request(..) if self.disarm(|fault| *fault == Fault::LoseRequest).is_some() => self.break_tcp(),
            Message::Request(request_id, login, request) => {
                let Some(tcp) = &mut self.tcp else { return };
                let changes = request.class() != Class::Read;
                let other = tcp.end == End::Other;
                self.changed_unseen &= other || request != Request::ReadControlMode;
                let refusing = |fault: &Fault| matches!(fault, Fault::Refuse(_)) && changes;
                let at = self.armed.iter().position(refusing);
                let forgotten = self.armed.iter().position(|fault| *fault == Fault::Unauthorized);
                let device = if other { &mut self.other } else { &mut self.device };
                let device_answers = device.persona.drops == Drops::Nothing;
                let answer = match (at.map(|at| self.armed.remove(at)), forgotten) {
                    (Some(Fault::Refuse(code)), _) => Answer::Reply(Reply::Refused(Refusal::ReturnValue(code))),
                    (_, Some(at)) => {
                        self.armed.remove(at);
                        Answer::Reply(Reply::Refused(Refusal::Unauthorized))
                    }
                    _ => device.answer(&mut tcp.connection, login, &request),
                };
                let answer = match answer {
                    Answer::Reply(Reply::Uuid(_)) if self.armed.contains(&Fault::StrangeUuid) => {
                        self.armed.retain(|fault| *fault != Fault::StrangeUuid);
                        Answer::Reply(Reply::Uuid(self.strange_uuid))
                    }
                    answer => answer,
                };
                self.log(Party::Device, || format!("{request} as {login:?}: {}", shorten(&answer)));
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
                        self.schedule(busy, Event::DeviceDone(id, Message::Reply(request_id, reply)));
                        if self.disarm(|fault| *fault == Fault::HangUp).is_some() {
                            self.schedule(Millis(busy.0 + 5), Event::DeviceGone(id));
                        }
                    }
                    Answer::Restart(reply) => {
                        let heard = device_answers || self.rng.one_in(2);
                        if !lost && heard {
                            self.schedule(busy, Event::DeviceDone(id, Message::Reply(request_id, reply)));
                        }
                        if !other {
                            self.ports_back = self.now + Millis(busy.0 + self.rng.below(5000));
                        }
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
                self.schedule_in_order(FROM_DEVICE, Millis(0), Event::ToRelay(id, chunk));
            }
        }
    }
}
