//! What a run says, in the compact frames that say the same.

use amt_provision::fsm::provisioner::ChannelId;
use amt_provision::protocol::compact::{self, CompactError, Packet, Report, SessionId};
use amt_provision::protocol::{Data, ToRelay, ToServer};

const CHANNEL: ChannelId = ChannelId(1);

/// One direction of a session.
#[derive(Default)]
pub(crate) struct Direction {
    /// How many bytes of frames it has said.
    said: u64,
}

impl Direction {
    /// The packet that says it.
    fn packet(&mut self, frame: &[u8]) -> Result<Vec<u8>, CompactError> {
        let packet = Packet::Frame { at: self.said, received: 0, frame: Data(frame.to_vec()) };
        self.said += frame.len() as u64;
        Ok(packet.encode()?.to_vec())
    }

    /// The packet of a relay; none for what is only in JSON.
    pub(crate) fn of_relay(&mut self, message: &ToServer) -> Result<Option<Vec<u8>>, CompactError> {
        let frame = match message {
            ToServer::Hello(hello) => compact::ToServer::Report(Report::from(&**hello)),
            ToServer::Response(data) | ToServer::TlsData(data) => compact::ToServer::Data(CHANNEL, data.clone()),
            ToServer::PortSwitchAck => compact::ToServer::Opened(CHANNEL),
            ToServer::ConnectionReset(_) => compact::ToServer::Lost(CHANNEL),
            ToServer::HeartbeatResponse => return Ok(None),
        };
        self.packet(&frame.encode()?).map(Some)
    }

    /// The packet of a server; none for what is only in JSON.
    pub(crate) fn of_server(&mut self, message: &ToRelay) -> Result<Option<Vec<u8>>, CompactError> {
        let frame = match message {
            ToRelay::Wsman(data) | ToRelay::TlsData(data) => compact::ToRelay::Data(CHANNEL, data.clone()),
            ToRelay::PortSwitch(switch) => compact::ToRelay::Dial(CHANNEL, switch.port),
            ToRelay::Progress(text) => compact::ToRelay::Progress(text.clone()),
            ToRelay::Success(outcome) => compact::ToRelay::success(outcome),
            ToRelay::Error(outcome) => compact::ToRelay::failure(outcome),
            ToRelay::HeartbeatRequest => return Ok(None),
        };
        self.packet(&frame.encode()?).map(Some)
    }
}

/// The packets without a frame.
pub(crate) fn without_frame() -> Result<Vec<(&'static str, Vec<u8>)>, CompactError> {
    let session = SessionId::from_random([1; 16]);
    [
        ("begin", Packet::Begin),
        ("resume", Packet::Resume { session, received: 300 }),
        ("welcome", Packet::Welcome { session, received: 0 }),
        ("unknown", Packet::Unknown),
        ("received", Packet::Received(16_384)),
    ]
    .into_iter()
    .map(|(name, packet)| Ok((name, packet.encode()?.to_vec())))
    .collect()
}
