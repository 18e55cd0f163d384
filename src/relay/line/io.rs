//! What goes into a line and what comes out of it.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Close, RelayWake};
use amt_provision_fsm::stage::OpenFault;

use crate::protocol::compact::CompactError;
use crate::protocol::{Data, Outcome, ParseError, PortSwitch, Remark, ToServer};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineInput {
    /// The server sent this text frame.
    Text(String),
    /// The server sent this binary frame, which the JSON messages do not have.
    Binary(Vec<u8>),
    /// The oldest message that was not reported yet has left for the server.
    Delivered,
    /// The line is gone, or did not come back, for this reason.
    LineLost(String),
    /// There is another line.
    LineUp,
    /// The connection to the device is there.
    Connected(ChannelId),
    /// It could not be had.
    NotConnected(ChannelId, OpenFault),
    /// The device sent bytes.
    FromDevice(ChannelId, Vec<u8>),
    /// The device has closed, or the connection broke.
    DeviceClosed(ChannelId),
    /// So many bytes, in order, have left for the device.
    SentToDevice(ChannelId, usize),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineOutput {
    /// Send this to the server.
    Send(ToServer),
    /// Send this to the server.
    SendPacket(Data),
    /// Make another line to the server.
    Redial,
    /// Connect to this port of the one address that was fixed at start (G9).
    Connect(ChannelId, Port),
    /// Write these bytes to the device.
    ToDevice(ChannelId, Vec<u8>),
    /// Close the connection to the device, or stop connecting.
    Disconnect(ChannelId),
    /// Tell the person who waits.
    Tell(Notice),
    /// Send what is on its way, close the line, and stop: this is the last output.
    End(End),
}

/// Something worth a line on a person's terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What the server says about its progress.
    Progress(Remark),
    /// The port is open.
    Opened(Port),
    /// The port could not be opened; in a port switch it is tried again.
    NotOpened(Port, OpenFault),
    /// The device has closed the connection.
    Closed(Port),
    /// The server asked for another port.
    Switching(PortSwitch),
    /// The port of a port switch never answered.
    SwitchFailed(Port),
    /// The line to the server is gone; the session waits for another one.
    LineLost(Remark),
    /// The server goes on with the session over another line.
    LineBack,
}

/// How a line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server says: done.
    Success(Outcome),
    /// The server says: failed.
    Failure(Outcome),
    /// The server sent what no relay understands or does.
    Unreadable(ParseError),
    /// The server sent a binary frame.
    Binary,
    /// The server sent compact frames that cannot be.
    Compact(CompactError),
    /// The server does not know the session: the device is to be probed again.
    Unknown,
    /// There was no other line in time, for this reason.
    NotBack(String),
    /// The server acknowledges nothing.
    Unacknowledged,
    /// The relay itself ended.
    Relay(Close),
}

/// What a line is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineWake {
    /// What the relay machine waits for.
    Relay(RelayWake),
    /// The next try at the server, or the end of them.
    Server,
    /// The next try of a port switch.
    NextDial,
    /// More of what the device began to say.
    HeldBytes,
}
