//! The relay's side: the line to the server, and the connection to the device.

use alloc::format;
use alloc::vec::Vec;

use super::device_side::Tcp;
use super::machine::World;
use super::pipes::{Event, shorten};
use crate::firmware::Port;
use crate::policy::{FlowB, Permit};
use crate::provisioner::{ChannelId, Input, Outcome};
use crate::relay::{RelayInput, RelayOutput};
use crate::sim::faults::Fault;
use crate::sim::wire::{Down, Up};
use crate::stage::OpenFault;
use crate::time::Millis;

impl World {
    pub(super) fn send_down_bytes(&mut self, channel: ChannelId, bytes: &[u8]) {
        for chunk in self.cut_up(bytes) {
            self.send_down(Down::Data(channel, chunk));
        }
    }

    pub(super) fn send_down(&mut self, down: Down) {
        let latency = Millis(1 + self.rng.below(20));
        self.schedule_in_order(0, latency, Event::Down(self.line, down));
    }

    pub(super) fn send_up(&mut self, up: Up) {
        let latency = Millis(1 + self.rng.below(20));
        self.schedule_in_order(1, latency, Event::Up(self.line, up));
    }

    pub(super) fn cut_line(&mut self) {
        self.line += 1;
        self.server_input(Input::LineLost);
        if self.relay.is_some() {
            self.relay_input(RelayInput::LineLost);
            self.drain_relay();
        }
        self.begin_again(Millis(1000));
    }

    /// The relay is started again, as a person or a service manager would.
    pub(super) fn begin_again(&mut self, pause: Millis) {
        self.relay = None;
        self.cut_tcp();
        self.schedule(pause, Event::RelayStarts);
    }

    pub(super) fn relay_input(&mut self, input: RelayInput) {
        if let Some(relay) = &mut self.relay {
            relay.handle(self.now, input);
        }
    }

    pub(super) fn on_down(&mut self, down: Down) {
        self.relay_input(match down {
            Down::Open(channel, port) => RelayInput::Dial(channel, port),
            Down::Data(channel, bytes) => RelayInput::FromServer(channel, bytes),
            Down::Close(channel) => RelayInput::HangUp(channel),
            Down::Finished => RelayInput::Finished,
        });
    }

    pub(super) fn drain_relay(&mut self) {
        while let Some(output) = self.relay.as_mut().and_then(|relay| relay.poll_output()) {
            self.log(|| format!("           | {}", shorten(&output)));
            match output {
                RelayOutput::Survey => self.schedule(Millis(5), Event::Surveyed(self.line)),
                RelayOutput::Report => self.send_up(Up::Report),
                RelayOutput::Connect(channel, port) => self.connect(channel, port),
                RelayOutput::Disconnect(channel) => {
                    self.tcp.take_if(|tcp| tcp.channel == channel);
                }
                RelayOutput::Opened(channel) => self.send_up(Up::Opened(channel)),
                RelayOutput::OpenFailed(channel, fault) => self.send_up(Up::OpenFailed(channel, fault)),
                RelayOutput::ToServer(channel, bytes) => {
                    self.schedule(Millis(1), Event::Sent(self.line, bytes.len()));
                    self.send_up(Up::Data(channel, bytes));
                }
                RelayOutput::Lost(channel) => self.send_up(Up::Lost(channel)),
                RelayOutput::ToDevice(channel, bytes) => {
                    self.schedule(Millis(1), Event::Wrote(self.line, channel, bytes.len()));
                    if let Some(id) = self.tcp.as_ref().filter(|tcp| tcp.channel == channel).map(|tcp| tcp.id) {
                        for chunk in self.cut_up(&bytes) {
                            self.schedule_in_order(2, Millis(0), Event::ToDevice(id, chunk));
                        }
                    }
                }
                RelayOutput::Close(_) => {
                    self.server_input(Input::LineLost);
                    self.begin_again(Millis(5000));
                    self.permit_what_is_quarantined();
                    return;
                }
            }
        }
    }

    /// The operator looks after what was quarantined: somebody did reset that device.
    pub(super) fn permit_what_is_quarantined(&mut self) {
        if let Some(Outcome::Quarantined(_)) = &self.outcome {
            let permit = Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None };
            self.server.disk.permit(permit);
            self.outcome = None;
        }
    }

    pub(super) fn connect(&mut self, channel: ChannelId, port: Port) {
        self.cut_tcp();
        match self.device.connect(port).filter(|_| self.now >= self.ports_back) {
            Some(connection) => {
                self.tcps += 1;
                let impostor = self.disarm(|fault| *fault == Fault::Impostor).is_some();
                self.tcp = Some(Tcp { id: self.tcps, channel, connection, inbox: Vec::new(), impostor });
                self.schedule(Millis(1), Event::TcpOpened(self.tcps));
            }
            None => {
                let fault = if self.rng.one_in(2) { OpenFault::Refused } else { OpenFault::ClosedAtOnce };
                self.schedule(Millis(1), Event::TcpFailed(self.line, channel, fault));
            }
        }
    }

    pub(super) fn cut_tcp(&mut self) {
        self.tcp = None;
    }

    /// The connection breaks, and the relay notices.
    pub(super) fn break_tcp(&mut self) {
        if let Some(tcp) = &self.tcp {
            self.schedule(Millis(1), Event::DeviceGone(tcp.id));
        }
    }
}
