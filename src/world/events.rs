//! What is on its way.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;

/// A WebSocket between a relay and a server. What bears the number of one that is gone is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineId(pub(super) u32);

/// A TCP connection between a relay and the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TcpId(pub(super) u32);

/// Something that happens at its time.
#[derive(Debug)]
pub(super) enum Event {
    /// A text frame reaches the server.
    ToServer(LineId, String),
    /// A text frame reaches the relay.
    ToRelay(LineId, String),
    /// The server's end of the line has closed in due form.
    ServerClosed(LineId),
    /// The relay's end of the line has closed in due form.
    RelayClosed(LineId),
    /// The oldest frame that the relay gave to its socket has left.
    Delivered(LineId),
    /// The relay's dialling has come to something.
    Dialled(LineId, ChannelId, Port),
    /// Bytes reach the device.
    ToDevice(TcpId, Vec<u8>),
    /// Bytes have left the relay for the device.
    Written(TcpId, usize),
    /// The relay's close reaches the device.
    HungUp(TcpId),
    /// Bytes of the device reach the relay.
    FromDevice(TcpId, Vec<u8>),
    /// The device's close reaches the relay.
    DeviceClosed(TcpId),
    /// The store has done, or failed to do, what the server of this line gave it.
    Stored(LineId),
}
