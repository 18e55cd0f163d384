//! What the relay machine says becomes messages and connections.

use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{RelayInput, RelayOutput};
use amt_provision_fsm::stage::OpenFault;

use super::{Channel, Line};
use crate::protocol::{ResetReason, ToServer};
use crate::relay::line::flight::TooLong;
use crate::relay::line::hello::starts_client_hello;
use crate::relay::line::io::{End, LineOutput, Notice};
use crate::relay::line::session::Session;

impl Line {
    pub(super) fn pump(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                // Both are done before there is a line.
                RelayOutput::Survey | RelayOutput::Report => {}
                RelayOutput::Connect(id, port) => self.outputs.push_back(LineOutput::Connect(id, port)),
                RelayOutput::ToDevice(id, bytes) => self.outputs.push_back(LineOutput::ToDevice(id, bytes)),
                RelayOutput::Disconnect(id) => self.outputs.push_back(LineOutput::Disconnect(id)),
                RelayOutput::Opened(id) => self.on_opened(id),
                RelayOutput::OpenFailed(id, fault) => self.on_open_failed(id, fault),
                RelayOutput::ToServer(id, bytes) => self.on_device_bytes(id, bytes),
                RelayOutput::Lost(id) => self.on_lost(id),
                RelayOutput::Close(why) => {
                    let end = self.end.take().unwrap_or(End::Relay(why));
                    self.outputs.push_back(LineOutput::End(end));
                }
            }
        }
    }

    fn on_opened(&mut self, id: ChannelId) {
        self.channel = Channel::Open(id, Box::new(Session::new(self.port, self.gap)));
        self.tell(Notice::Opened(self.port));
        let owed = self.switch.as_mut().map_or(0, |switch| core::mem::take(&mut switch.owed));
        for _ in 0..owed {
            self.send(ToServer::PortSwitchAck, 0);
        }
        if self.waiting.is_empty() {
            return;
        }
        let bytes = core::mem::take(&mut self.waiting);
        if self.switch.is_some() && starts_client_hello(&bytes) {
            self.waiting.clone_from(&bytes);
        } else {
            self.switch = None;
        }
        self.write(bytes);
    }

    fn on_open_failed(&mut self, id: ChannelId, fault: OpenFault) {
        if !matches!(self.channel, Channel::Dialling(dialling) if dialling == id) {
            return;
        }
        self.channel = Channel::None;
        self.tell(Notice::NotOpened(self.port, fault));
        if self.switch.is_some() {
            self.try_again();
        } else {
            self.waiting.clear();
            self.send(ToServer::ConnectionReset(ResetReason::Failed), 0);
        }
    }

    /// A try of the port switch failed.
    fn try_again(&mut self) {
        let Some(switch) = &mut self.switch else { return };
        if switch.failed(self.now) {
            return;
        }
        let missed = switch.owed > 0 || !self.waiting.is_empty();
        self.switch = None;
        self.waiting.clear();
        self.tell(Notice::SwitchFailed(self.port));
        if missed {
            self.send(ToServer::ConnectionReset(ResetReason::Failed), 0);
        }
    }

    fn on_device_bytes(&mut self, id: ChannelId, bytes: Vec<u8>) {
        self.end_switch();
        let count = bytes.len();
        let messages = match &mut self.channel {
            Channel::Open(open, session) if *open == id => session.on_device_bytes(self.now, bytes),
            _ => return self.forget(count),
        };
        match messages {
            Ok(messages) => messages.into_iter().for_each(|message| self.send_data(message)),
            Err(TooLong) => {
                self.forget(count);
                return self.give_up();
            }
        }
        if matches!(&self.channel, Channel::Open(_, session) if session.is_over()) {
            self.hang_up();
        }
    }

    fn on_lost(&mut self, id: ChannelId) {
        let session = match core::mem::replace(&mut self.channel, Channel::None) {
            Channel::Open(open, session) if open == id => session,
            other => {
                self.channel = other;
                return;
            }
        };
        self.forget(session.held());
        if self.switch.is_some() {
            // Accepted and closed without a word: the ME restarts (odca.md §3).
            self.tell(Notice::NotOpened(self.port, OpenFault::ClosedAtOnce));
            self.try_again();
        } else if session.is_missed() {
            self.tell(Notice::Closed(self.port));
            self.send(ToServer::ConnectionReset(ResetReason::Closed), 0);
        }
    }

    pub(super) fn on_device_closed(&mut self, id: ChannelId) {
        if let Channel::Open(open, session) = &mut self.channel
            && *open == id
        {
            let held = session.held();
            match session.end() {
                Some(message) => self.send_data(message),
                None => self.forget(held),
            }
        }
        self.tell_relay(RelayInput::DeviceClosed(id));
        // The relay waits until the last bytes have left; what is said about the end is queued behind them anyway.
        self.on_lost(id);
    }
}
