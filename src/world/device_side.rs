//! The device, and the connections to it.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::time::{Instant, Millis};

use super::events::{Event, TcpId};
use super::far::Far;
use super::fault::Fault;
use super::machine::World;
use super::parts::Tcp;
use super::trace::Party;
use crate::relay::line::LineInput;
use crate::simulator::device::{ConnectionId, Device, Output};
use crate::simulator::firmware::Counters;

impl World {
    pub(super) fn channel_of(&self, tcp: TcpId) -> Option<ChannelId> {
        self.tcps.get(&tcp).map(|tcp| tcp.channel)
    }

    pub(super) fn listens(&self, port: Port) -> bool {
        self.listening.contains(&port)
    }

    /// The device, or whoever took its place.
    fn at(&mut self, far: Far) -> Option<&mut Device> {
        match far {
            Far::Device => Some(&mut self.device),
            Far::Impostor | Far::Other => self.strangers.get_mut(far),
        }
    }

    pub(super) fn connect(&mut self, channel: ChannelId, port: Port, far: Far) {
        if let Err(error) = self.strangers.make(far) {
            return self.violated("a stranger can be made", error.to_string());
        }
        let now = self.now;
        let Some(connection) = self.at(far).map(|device| device.connect(now, port)) else { return };
        self.dialled += 1;
        let id = TcpId(self.dialled);
        let (to_device, from_device) = (self.now, self.now);
        self.tcps.insert(id, Tcp { channel, connection, far, closing: false, to_device, from_device });
        self.relay_hears(LineInput::Connected(channel));
        self.device_went_on();
    }

    pub(super) fn relay_writes(&mut self, channel: ChannelId, bytes: &[u8]) {
        let Some(id) = self.tcp_of(channel) else { return };
        for piece in self.cut_up(bytes) {
            let after = Millis(self.chance.u64(0..2));
            let Some(tcp) = self.tcps.get_mut(&id) else { return };
            tcp.to_device = tcp.to_device.max(self.now + after).max(self.deaf_until);
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
            self.is_disconnected(&tcp);
            self.device_went_on();
        }
    }

    fn is_disconnected(&mut self, tcp: &Tcp) {
        let now = self.now;
        if let Some(device) = self.at(tcp.far) {
            device.disconnected(now, tcp.connection);
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
        let (connection, far) = (tcp.connection, tcp.far);
        if self.disarm(Fault::LoseRequest) {
            return self.cut_tcp();
        }
        if let Some(code) = self.course.refusal().filter(|_| far == Far::Device) {
            self.tell(Party::Fault, || format!("the next change is refused with {code}"));
            self.course.disturbed.get_or_insert(self.now);
            self.device.refuse_next_change(code);
        }
        let now = self.now;
        if let Some(device) = self.at(far) {
            device.receive(now, connection, bytes);
        }
        self.device_went_on();
    }

    pub(super) fn devices_are_due(&mut self) {
        self.device.handle_timeout(self.now);
        for stranger in self.strangers.all_mut() {
            stranger.handle_timeout(self.now);
        }
        self.device_went_on();
    }

    pub(super) fn device_went_on(&mut self) {
        let counters = self.device.counters();
        let before = std::mem::replace(&mut self.counters, counters);
        for _ in before.changes..counters.changes {
            let moment = self.course.next_change();
            self.moment(moment, Party::Device, changed(before, counters).to_owned());
            if self.disarm(Fault::LoseReply) {
                self.cut_tcp();
            }
        }
        if before != counters {
            self.device_has_changed(before);
        }
        for far in [Far::Device, Far::Impostor, Far::Other] {
            self.drain_device(far);
        }
        // Who plays the device reads what it is asked: to them TLS is no secret.
        if let Some(impostor) = self.strangers.get_mut(Far::Impostor) {
            self.tape.impostor_hears(&impostor.take_overheard());
        }
    }

    fn drain_device(&mut self, far: Far) {
        while let Some(output) = self.at(far).and_then(Device::poll_output) {
            match output {
                Output::Send(connection, bytes) => self.device_says(far, connection, bytes),
                Output::Close(connection) => {
                    if let Some((id, at)) = self.closing(far, connection) {
                        self.schedule_at(at, Event::DeviceClosed(id));
                    }
                }
                Output::Listen(port) if far == Far::Device => self.listening.push(port),
                Output::Unlisten(port) if far == Far::Device => self.listening.retain(|open| *open != port),
                Output::Listen(_) | Output::Unlisten(_) => {}
            }
        }
    }

    fn device_says(&mut self, far: Far, connection: ConnectionId, mut bytes: Vec<u8>) {
        let Some(id) = self.tcp_with(far, connection) else { return };
        if self.disarm(Fault::Garble) {
            bytes.iter_mut().for_each(|byte| *byte = self.chance.u8(..));
        }
        let held_back = self.disarm_one(|fault| match fault {
            Fault::SlowReply(length) => Some(*length),
            _ => None,
        });
        if let (Some(length), Some(tcp)) = (held_back, self.tcps.get_mut(&id)) {
            tcp.from_device = tcp.from_device.max(self.now + length);
        }
        self.tape.device_says(&bytes);
        for piece in self.cut_up(&bytes) {
            let after = Millis(self.chance.u64(0..2));
            let Some(tcp) = self.tcps.get_mut(&id) else { return };
            tcp.from_device = tcp.from_device.max(self.now + after);
            let at = tcp.from_device;
            self.schedule_at(at, Event::FromDevice(id, piece));
        }
    }

    fn closing(&mut self, far: Far, connection: ConnectionId) -> Option<(TcpId, Instant)> {
        let id = self.tcp_with(far, connection)?;
        let tcp = self.tcps.get_mut(&id)?;
        tcp.closing = true;
        Some((id, tcp.from_device.max(self.now)))
    }

    pub(super) fn reset_device(&mut self, away: Millis) {
        self.device.reset(self.now, away);
        self.device_went_on();
    }

    /// Every connection breaks, and what is on its way over them is lost.
    pub(super) fn cut_tcp(&mut self) {
        while let Some((_, tcp)) = self.tcps.pop_first() {
            self.is_disconnected(&tcp);
            self.relay_hears(LineInput::DeviceClosed(tcp.channel));
        }
        self.drain_device(Far::Device);
    }

    fn tcp_of(&self, channel: ChannelId) -> Option<TcpId> {
        self.tcps.iter().find(|(_, tcp)| tcp.channel == channel).map(|(id, _)| *id)
    }

    fn tcp_with(&self, far: Far, connection: ConnectionId) -> Option<TcpId> {
        let found = |tcp: &Tcp| tcp.far == far && tcp.connection == connection;
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
