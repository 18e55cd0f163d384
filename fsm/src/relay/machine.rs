//! The machine itself.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::io::{Close, RelayInput, RelayOutput, RelayWake};
use crate::firmware::Port;
use crate::provisioner::ChannelId;
use crate::stage::OpenFault;
use crate::time::{Instant, Millis};

/// How much a relay holds and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes on their way to the device.
    pub to_device: usize,
    /// Bytes on their way to the server. More, and the channel is given up.
    pub to_server: usize,
    /// For the firmware's answers: MEI retries included (rpc-go.md §1).
    pub survey: Millis,
    /// For a port.
    pub connect: Millis,
    /// For the server's next word.
    pub server: Millis,
    /// For bytes to move on.
    pub stuck: Millis,
}

impl Limits {
    /// What production uses.
    pub const DEFAULT: Self = Self {
        to_device: 256 * 1024,
        to_server: 1024 * 1024,
        survey: Millis::from_secs(60),
        connect: Millis::from_secs(5),
        server: Millis::from_secs(180),
        stuck: Millis::from_secs(30),
    };
}

/// How far a relay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayState {
    /// The firmware is being asked.
    Surveying,
    /// No channel.
    Idle,
    /// A port is being opened.
    Dialling(ChannelId),
    /// Bytes go to and fro.
    Pumping(ChannelId),
    /// The device has closed; its last bytes are on their way to the server.
    Draining(ChannelId),
    /// Ended.
    Closed(Close),
}

/// The relay. See the [module](super) for its states and its contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Relay {
    limits: Limits,
    state: RelayState,
    outputs: VecDeque<RelayOutput>,
    now: Instant,
    heard: Instant,
    /// Bytes handed out towards the server and not reported sent.
    to_server: usize,
    server_moved: Instant,
    /// The same towards the device.
    to_device: usize,
    device_moved: Instant,
}

impl Relay {
    /// A relay that begins at `now` by asking the firmware what it is.
    pub fn new(now: Instant, limits: Limits) -> Self {
        Self {
            limits,
            state: RelayState::Surveying,
            outputs: VecDeque::from([RelayOutput::Survey]),
            now,
            heard: now,
            to_server: 0,
            server_moved: now,
            to_device: 0,
            device_moved: now,
        }
    }

    /// How far it is.
    pub const fn state(&self) -> RelayState {
        self.state
    }

    /// How many more bytes may be read from the server; `None` when no more will ever be taken.
    pub const fn line_credit(&self) -> Option<usize> {
        match self.state {
            RelayState::Closed(_) => None,
            _ => Some(self.limits.to_device.saturating_sub(self.to_device)),
        }
    }

    /// How many more bytes the device may send before the channel is given up; `None` when none will be
    /// taken.
    pub const fn device_credit(&self) -> Option<usize> {
        match self.state {
            RelayState::Pumping(_) => Some(self.limits.to_server.saturating_sub(self.to_server)),
            _ => None,
        }
    }

    /// Takes one input in. One that does not fit (a stale channel, bytes for none) changes nothing.
    pub fn handle(&mut self, now: Instant, input: RelayInput) {
        self.now = self.now.max(now);
        if let RelayState::Closed(_) = self.state {
            return;
        }
        match input {
            RelayInput::Surveyed => self.on_surveyed(),
            RelayInput::SurveyFailed if self.state == RelayState::Surveying => self.close(Close::SurveyFailed),
            RelayInput::SurveyFailed => {}
            RelayInput::Dial(id, port) => self.on_dial(id, port),
            RelayInput::FromServer(id, bytes) => self.on_server_bytes(id, bytes),
            RelayInput::HangUp(id) => {
                self.heard = self.now;
                if self.channel() == Some(id) {
                    self.drop_channel();
                }
            }
            RelayInput::Finished => self.close(Close::Finished),
            RelayInput::LineLost => self.close(Close::LineLost),
            RelayInput::SentToServer(count) => self.on_sent_to_server(count),
            RelayInput::Connected(id) => {
                if self.state == RelayState::Dialling(id) {
                    self.state = RelayState::Pumping(id);
                    self.outputs.push_back(RelayOutput::Opened(id));
                }
            }
            RelayInput::NotConnected(id, fault) => self.on_not_connected(id, fault),
            RelayInput::FromDevice(id, bytes) => self.on_device_bytes(id, bytes),
            RelayInput::DeviceClosed(id) => self.on_device_closed(id),
            RelayInput::SentToDevice(id, count) => {
                if self.state == RelayState::Pumping(id) {
                    self.to_device = self.to_device.saturating_sub(count);
                    self.device_moved = self.now;
                }
            }
        }
    }

    /// Does what is due at `now`; early or repeated calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        // After a sleep more than one is due: each ends what it was for, the last the relay itself.
        while let Some((_, wake)) = self.next_deadline().filter(|(at, _)| *at <= self.now) {
            match (wake, self.state) {
                (RelayWake::Connect, RelayState::Dialling(id)) => {
                    self.outputs.push_back(RelayOutput::Disconnect(id));
                    self.on_not_connected(id, OpenFault::TimedOut);
                }
                (RelayWake::DeviceStuck, RelayState::Pumping(id)) => self.lose_channel(id),
                (wake, _) => self.close(Close::Deadline(wake)),
            }
        }
    }

    /// The next thing to be done, until `None`.
    pub fn poll_output(&mut self) -> Option<RelayOutput> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do; `None` once the relay has ended
    /// and its outputs are taken.
    pub fn poll_timeout(&self) -> Option<(Instant, RelayWake)> {
        if self.outputs.is_empty() { self.next_deadline() } else { Some((self.now, RelayWake::QueuedOutput)) }
    }

    fn next_deadline(&self) -> Option<(Instant, RelayWake)> {
        let phase = match self.state {
            RelayState::Closed(_) => return None,
            RelayState::Surveying => (self.heard + self.limits.survey, RelayWake::Survey),
            RelayState::Dialling(_) => (self.heard + self.limits.connect, RelayWake::Connect),
            RelayState::Idle | RelayState::Pumping(_) | RelayState::Draining(_) => {
                (self.heard + self.limits.server, RelayWake::Server)
            }
        };
        let line = (self.to_server > 0).then(|| (self.server_moved + self.limits.stuck, RelayWake::LineStuck));
        let device = (self.to_device > 0).then(|| (self.device_moved + self.limits.stuck, RelayWake::DeviceStuck));
        [Some(phase), line, device].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    const fn channel(&self) -> Option<ChannelId> {
        match self.state {
            RelayState::Dialling(id) | RelayState::Pumping(id) | RelayState::Draining(id) => Some(id),
            RelayState::Surveying | RelayState::Idle | RelayState::Closed(_) => None,
        }
    }

    fn on_surveyed(&mut self) {
        if self.state == RelayState::Surveying {
            self.heard = self.now;
            self.state = RelayState::Idle;
            self.outputs.push_back(RelayOutput::Report);
        }
    }

    fn on_dial(&mut self, id: ChannelId, port: Port) {
        self.heard = self.now;
        if self.state == RelayState::Surveying {
            return;
        }
        self.drop_channel();
        self.state = RelayState::Dialling(id);
        self.outputs.push_back(RelayOutput::Connect(id, port));
    }

    fn on_server_bytes(&mut self, id: ChannelId, bytes: Vec<u8>) {
        self.heard = self.now;
        if self.state != RelayState::Pumping(id) || bytes.is_empty() {
            return;
        }
        if self.line_credit().is_none_or(|credit| bytes.len() > credit) {
            return self.close(Close::ServerFlooded);
        }
        if self.to_device == 0 {
            self.device_moved = self.now;
        }
        self.to_device += bytes.len();
        self.outputs.push_back(RelayOutput::ToDevice(id, bytes));
    }

    fn on_device_bytes(&mut self, id: ChannelId, bytes: Vec<u8>) {
        if self.state != RelayState::Pumping(id) || bytes.is_empty() {
            return;
        }
        if self.device_credit().is_none_or(|credit| bytes.len() > credit) {
            return self.lose_channel(id);
        }
        if self.to_server == 0 {
            self.server_moved = self.now;
        }
        self.to_server += bytes.len();
        self.outputs.push_back(RelayOutput::ToServer(id, bytes));
    }

    fn on_sent_to_server(&mut self, count: usize) {
        self.to_server = self.to_server.saturating_sub(count);
        self.server_moved = self.now;
        if let (RelayState::Draining(id), 0) = (self.state, self.to_server) {
            self.state = RelayState::Idle;
            self.outputs.push_back(RelayOutput::Lost(id));
        }
    }

    fn on_not_connected(&mut self, id: ChannelId, fault: OpenFault) {
        if self.state == RelayState::Dialling(id) {
            self.state = RelayState::Idle;
            self.heard = self.now;
            self.outputs.push_back(RelayOutput::OpenFailed(id, fault));
        }
    }

    /// There is no half-close on this path (odca.md §3): what the device has sent is handed on, and then
    /// the channel is gone.
    fn on_device_closed(&mut self, id: ChannelId) {
        match self.state {
            RelayState::Dialling(_) => self.on_not_connected(id, OpenFault::ClosedAtOnce),
            RelayState::Pumping(open) if open == id && self.to_server > 0 => {
                self.state = RelayState::Draining(id);
                self.to_device = 0;
                self.outputs.push_back(RelayOutput::Disconnect(id));
            }
            RelayState::Pumping(open) if open == id => self.lose_channel(id),
            _ => {}
        }
    }

    fn lose_channel(&mut self, id: ChannelId) {
        self.drop_channel();
        self.outputs.push_back(RelayOutput::Lost(id));
    }

    fn drop_channel(&mut self) {
        if let RelayState::Dialling(id) | RelayState::Pumping(id) = self.state {
            self.outputs.push_back(RelayOutput::Disconnect(id));
        }
        if self.channel().is_some() {
            self.state = RelayState::Idle;
        }
        self.to_device = 0;
    }

    fn close(&mut self, why: Close) {
        self.drop_channel();
        self.to_server = 0;
        self.state = RelayState::Closed(why);
        self.outputs.push_back(RelayOutput::Close(why));
    }
}
