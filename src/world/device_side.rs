//! The device, and the connections to it.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::time::{Instant, Millis};

use super::events::{Event, TcpId};
use super::fault::Fault;
use super::machine::World;
use super::trace::Party;
use crate::relay::line::LineInput;
use crate::simulator::device::{ConnectionId, Output};
use crate::simulator::firmware::Counters;

/// A connection between the relay and the device, or somebody who took its place.
pub(super) struct Tcp {
    channel: ChannelId,
    connection: ConnectionId,
    impostor: bool,
    /// The device has closed it, and the relay does not know yet.
    closing: bool,
    /// When the last bytes of each direction arrive.
    to_device: Instant,
    from_device: Instant,
}

impl World {
    pub(super) fn channel_of(&self, tcp: TcpId) -> Option<ChannelId> {
        self.tcps.get(&tcp).map(|tcp| tcp.channel)
    }

    pub(super) fn listens(&self, port: Port) -> bool {
        self.listening.contains(&port)
    }

    pub(super) fn connect(&mut self, channel: ChannelId, port: Port, impostor: bool) {
        let device = if impostor { &mut self.impostor } else { &mut self.device };
        let connection = device.connect(self.now, port);
        self.dialled += 1;
        let id = TcpId(self.dialled);
        let (to_device, from_device) = (self.now, self.now);
        self.tcps.insert(id, Tcp { channel, connection, impostor, closing: false, to_device, from_device });
        self.relay_hears(LineInput::Connected(channel));
        self.device_went_on();
    }

    pub(super) fn relay_writes(&mut self, channel: ChannelId, bytes: &[u8]) {
        let Some(id) = self.tcp_of(channel) else { return };
        for piece in self.cut_up(bytes) {
            let after = Millis(self.chance.u64(0..2));
            let Some(tcp) = self.tcps.get_mut(&id) else { return };
            tcp.to_device = tcp.to_device.max(self.now + after);
            let (at, count) = (tcp.to_device, piece.len());
            self.schedule_at(at, Event::ToDevice(id, piece));
            self.schedule_at(at, Event::Written(id, count));
        }
    }

    pub(super) fn relay_hangs_up(&mut self, channel: ChannelId) {
        if let Some((id, at)) = self.tcp_of(channel).and_then(|id| Some((id, self.tcps.get(&id)?.to_device))) {
            self.schedule_at(at.max(self.now), Event::HungUp(id));
        }
    }

    pub(super) fn device_is_hung_up_on(&mut self, id: TcpId) {
        if let Some(tcp) = self.tcps.remove(&id) {
            let device = if tcp.impostor { &mut self.impostor } else { &mut self.device };
            device.disconnected(self.now, tcp.connection);
            self.device_went_on();
        }
    }

    /// The relay's process or the whole world ends.
    pub(super) fn hang_up_all(&mut self) {
        while let Some((id, _)) = self.tcps.first_key_value() {
            let id = *id;
            self.device_is_hung_up_on(id);
        }
    }

    pub(super) fn device_reads(&mut self, id: TcpId, bytes: &[u8]) {
        let Some(tcp) = self.tcps.get(&id).filter(|tcp| !tcp.closing) else { return };
        let (connection, impostor) = (tcp.connection, tcp.impostor);
        if self.course.disarm(Fault::LoseRequest) {
            return self.cut_tcp();
        }
        if impostor {
            self.impostor.receive(self.now, connection, bytes);
        } else {
            if let Some(code) = self.course.refusal() {
                self.tell(Party::Fault, || format!("the next change is refused with {code}"));
                self.course.disturbed.get_or_insert(self.now);
                self.device.refuse_next_change(code);
            }
            self.device.receive(self.now, connection, bytes);
        }
        self.device_went_on();
    }

    pub(super) fn devices_are_due(&mut self) {
        self.device.handle_timeout(self.now);
        self.impostor.handle_timeout(self.now);
        self.device_went_on();
    }

    pub(super) fn device_went_on(&mut self) {
        let counters = self.device.counters();
        if counters.repeated > 0 && self.counters.repeated == 0 {
            self.violated("what must not be repeated is asked once", format!("the device counts {counters:?}"));
        }
        let before = std::mem::replace(&mut self.counters, counters);
        for _ in before.changes..counters.changes {
            let moment = self.course.next_change();
            self.moment(moment, Party::Device, changed(before, counters).to_owned());
            if self.course.disarm(Fault::LoseReply) {
                self.cut_tcp();
            }
        }
        self.drain_device(false);
        self.drain_device(true);
    }

    fn drain_device(&mut self, impostor: bool) {
        loop {
            let device = if impostor { &mut self.impostor } else { &mut self.device };
            let Some(output) = device.poll_output() else { return };
            match output {
                Output::Send(connection, bytes) => self.device_says(impostor, connection, &bytes),
                Output::Close(connection) => {
                    if let Some((id, at)) = self.closing(impostor, connection) {
                        self.schedule_at(at, Event::DeviceClosed(id));
                    }
                }
                Output::Listen(port) if !impostor => self.listening.push(port),
                Output::Unlisten(port) if !impostor => self.listening.retain(|open| *open != port),
                Output::Listen(_) | Output::Unlisten(_) => {}
            }
        }
    }

    fn device_says(&mut self, impostor: bool, connection: ConnectionId, bytes: &[u8]) {
        let Some(id) = self.tcp_with(impostor, connection) else { return };
        for piece in self.cut_up(bytes) {
            let after = Millis(self.chance.u64(0..2));
            let Some(tcp) = self.tcps.get_mut(&id) else { return };
            tcp.from_device = tcp.from_device.max(self.now + after);
            let at = tcp.from_device;
            self.schedule_at(at, Event::FromDevice(id, piece));
        }
    }

    fn closing(&mut self, impostor: bool, connection: ConnectionId) -> Option<(TcpId, Instant)> {
        let id = self.tcp_with(impostor, connection)?;
        let tcp = self.tcps.get_mut(&id)?;
        tcp.closing = true;
        Some((id, tcp.from_device.max(self.now)))
    }

    pub(super) fn stall_device(&mut self, length: Millis) {
        for tcp in self.tcps.values_mut() {
            tcp.from_device = self.now + length;
        }
    }

    pub(super) fn reset_device(&mut self) {
        self.device.reset(self.now);
        self.device_went_on();
    }

    /// Every connection breaks, and what is on its way over them is lost.
    pub(super) fn cut_tcp(&mut self) {
        while let Some((_, tcp)) = self.tcps.pop_first() {
            let device = if tcp.impostor { &mut self.impostor } else { &mut self.device };
            device.disconnected(self.now, tcp.connection);
            self.relay_hears(LineInput::DeviceClosed(tcp.channel));
        }
        self.drain_device(false);
    }

    fn tcp_of(&self, channel: ChannelId) -> Option<TcpId> {
        self.tcps.iter().find(|(_, tcp)| tcp.channel == channel).map(|(id, _)| *id)
    }

    fn tcp_with(&self, impostor: bool, connection: ConnectionId) -> Option<TcpId> {
        let found = |tcp: &Tcp| tcp.impostor == impostor && tcp.connection == connection;
        self.tcps.iter().find(|(_, tcp)| found(tcp)).map(|(id, _)| *id)
    }

    /// Bytes as a network may deliver them: mostly whole, sometimes in segments, now and then byte by byte.
    fn cut_up(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let most = match self.chance.u8(0..8) {
            0 => 24,
            1..=3 => 1460,
            _ => usize::MAX,
        };
        let mut rest = bytes;
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let length = if most == usize::MAX { rest.len() } else { self.chance.usize(1..=most).min(rest.len()) };
            let (piece, after) = rest.split_at(length);
            pieces.push(piece.to_vec());
            rest = after;
        }
        pieces
    }
}

/// What the device counted last, in words.
const fn changed(before: Counters, after: Counters) -> &'static str {
    if after.setups > before.setups {
        "Setup"
    } else if after.upgrades > before.upgrades {
        "UpgradeClientToAdmin"
    } else if after.commits > before.commits {
        "CommitChanges"
    } else if after.keys_generated > before.keys_generated {
        "GenerateKeyPair"
    } else if after.certificates_added > before.certificates_added {
        "AddCertificate"
    } else if after.passwords > before.passwords {
        "SetAdminAclEntryEx"
    } else if after.mebx_passwords > before.mebx_passwords {
        "SetMEBxPassword"
    } else if after.unprovisions > before.unprovisions {
        "Unprovision"
    } else {
        "a setting, the clock or a certificate of the provisioning chain"
    }
}
