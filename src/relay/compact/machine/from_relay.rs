//! What the relay machine says becomes frames and connections.

use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{RelayInput, RelayOutput, RelayState};

use super::{Line, RESERVE};
use crate::protocol::compact::ToServer;
use crate::protocol::{Data, MAX_DATA};
use crate::relay::line::{End, LineOutput, Notice};

impl Line {
    pub(super) fn pump(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                // Both are done before there is a line.
                RelayOutput::Survey | RelayOutput::Report => {}
                RelayOutput::Connect(id, port) => self.outputs.push_back(LineOutput::Connect(id, port)),
                RelayOutput::ToDevice(id, bytes) => self.outputs.push_back(LineOutput::ToDevice(id, bytes)),
                RelayOutput::Disconnect(id) => self.outputs.push_back(LineOutput::Disconnect(id)),
                RelayOutput::Opened(id) => {
                    self.tell(Notice::Opened(self.port));
                    self.say(&ToServer::Opened(id));
                }
                RelayOutput::OpenFailed(id, fault) => {
                    self.tell(Notice::NotOpened(self.port, fault));
                    self.say(&ToServer::OpenFailed(id, fault));
                }
                // A device is always read, and a line that cannot keep up loses the connection instead (odca.md §3).
                RelayOutput::ToServer(id, bytes) if self.frames.room() < bytes.len() + RESERVE => {
                    self.tell_relay(RelayInput::SentToServer(bytes.len()));
                    self.give_up(id);
                }
                RelayOutput::ToServer(id, bytes) => {
                    for part in bytes.chunks(MAX_DATA) {
                        self.say(&ToServer::Data(id, Data(part.to_vec())));
                        self.counted.push_back((self.frames.end(), part.len()));
                    }
                }
                RelayOutput::Lost(id) => {
                    self.tell(Notice::Closed(self.port));
                    self.say(&ToServer::Lost(id));
                }
                RelayOutput::Close(why) => {
                    let end = self.end.take().unwrap_or(End::Relay(why));
                    self.outputs.push_back(LineOutput::End(end));
                }
            }
        }
    }

    /// Drops a connection that there is no room for.
    fn give_up(&mut self, id: ChannelId) {
        if matches!(self.relay.state(), RelayState::Pumping(open) | RelayState::Draining(open) if open == id) {
            self.tell_relay(RelayInput::HangUp(id));
            self.tell(Notice::Closed(self.port));
            self.say(&ToServer::Lost(id));
        }
    }
}
