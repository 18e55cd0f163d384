//! The relay's side: the line to the server, and the connection to the device.

use alloc::vec::Vec;

use super::machine::World;
use super::parts::{End, Event, Tcp};
use super::pipes::{DOWN, TO_DEVICE, UP, shorten};
use super::trace::Party;
use crate::firmware::Port;
use crate::policy::{FlowB, Permit};
use crate::provisioner::{ChannelId, Input, Outcome};
use crate::relay::{RelayInput, RelayOutput, RelayState};
use crate::sim::faults::Fault;
use crate::sim::invariants::{self, Check};
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
        self.schedule_in_order(DOWN, latency, Event::Down(self.line, down));
    }

    pub(super) fn send_up(&mut self, up: Up) {
        let latency = Millis(1 + self.rng.below(20));
        self.schedule_in_order(UP, latency, Event::Up(self.line, up));
    }

    pub(super) fn cut_line(&mut self) {
        self.line += 1;
        self.server_input(Input::LineLost);
        if self.relay.is_some() {
            self.relay_input(RelayInput::LineLost);
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
        let Some(relay) = &mut self.relay else { return };
        match &input {
            RelayInput::FromServer(id, bytes) if relay.state() == RelayState::Pumping(*id) => {
                self.handed.0.extend(bytes)
            }
            RelayInput::FromDevice(id, bytes) if relay.state() == RelayState::Pumping(*id) => {
                self.handed.1.extend(bytes)
            }
            _ => {}
        }
        relay.handle(self.now, input);
    }

    /// Holds what the relay hands on against what it was handed (G9).
    fn handed_on(handed: &mut Vec<u8>, bytes: &[u8]) -> Check {
        invariants::bytes_in_are_bytes_out(handed, bytes)?;
        handed.drain(..bytes.len());
        Ok(())
    }

    pub(super) fn on_down(&mut self, down: Down) {
        self.relay_input(match down {
            Down::Open(channel, port) => RelayInput::Dial(channel, port),
            Down::Data(channel, bytes) => RelayInput::FromServer(channel, bytes),
            Down::Close(channel) => RelayInput::HangUp(channel),
            Down::Finished => RelayInput::Finished,
        });
    }

    pub(super) fn drain_relay(&mut self) -> Check {
        while let Some(output) = self.relay.as_mut().and_then(|relay| relay.poll_output()) {
            self.log(Party::Relay, || shorten(&output));
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
                    Self::handed_on(&mut self.handed.1, &bytes)?;
                    let after = self.last[UP].since(self.now).max(Millis(1));
                    self.schedule(after, Event::Sent(self.line, bytes.len()));
                    self.send_up(Up::Data(channel, bytes));
                }
                RelayOutput::Lost(channel) => self.send_up(Up::Lost(channel)),
                RelayOutput::ToDevice(channel, bytes) => {
                    Self::handed_on(&mut self.handed.0, &bytes)?;
                    let after = self.last[TO_DEVICE].since(self.now).max(Millis(1));
                    self.schedule(after, Event::Wrote(self.line, channel, bytes.len()));
                    if let Some(id) = self.tcp.as_ref().filter(|tcp| tcp.channel == channel).map(|tcp| tcp.id) {
                        for chunk in self.cut_up(&bytes) {
                            self.schedule_in_order(TO_DEVICE, Millis(0), Event::ToDevice(id, chunk));
                        }
                    }
                }
                RelayOutput::Close(_) => {
                    self.server_input(Input::LineLost);
                    self.begin_again(Millis(5000));
                    self.permit_what_is_quarantined();
                    return Ok(());
                }
            }
        }
        Ok(())
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
        self.handed = Default::default();
        let other = self.disarm(|fault| *fault == Fault::OtherDevice).is_some();
        let device = if other { &self.other } else { &self.device };
        match device.connect(port).filter(|_| other || self.now >= self.ports_back) {
            Some(connection) => {
                self.tcps += 1;
                let impostor = self.disarm(|fault| *fault == Fault::Impostor).is_some();
                let end = match (other, impostor) {
                    (true, _) => End::Other,
                    (false, true) => End::Impostor,
                    (false, false) => End::Device,
                };
                self.tcp = Some(Tcp { id: self.tcps, channel, connection, inbox: Vec::new(), end });
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
