//! What goes into a relay and what comes out of it.

use alloc::vec::Vec;
use core::fmt;

use crate::firmware::Port;
use crate::provisioner::ChannelId;
use crate::stage::OpenFault;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RelayInput {
    /// The firmware was asked what it is, and has answered.
    Surveyed,
    /// The firmware could not be asked: an error to show, never "no TLS".
    SurveyFailed,
    /// The server wants this port. An open channel is closed first.
    Dial(ChannelId, Port),
    /// The server sent bytes for the device.
    FromServer(ChannelId, Vec<u8>),
    /// The server wants the channel closed.
    HangUp(ChannelId),
    /// The server is done with this device.
    Finished,
    /// The line to the server is gone.
    LineLost,
    /// So many bytes, in order, have left for the server.
    SentToServer(usize),
    /// The port is open.
    Connected(ChannelId),
    /// It is not.
    NotConnected(ChannelId, OpenFault),
    /// The device sent bytes.
    FromDevice(ChannelId, Vec<u8>),
    /// The device has closed, or the connection broke.
    DeviceClosed(ChannelId),
    /// So many bytes, in order, have left for the device.
    SentToDevice(ChannelId, usize),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RelayOutput {
    /// Ask the firmware what it is.
    Survey,
    /// Send the report to the server.
    Report,
    /// Connect to this port of the one address that was fixed at start (G9).
    Connect(ChannelId, Port),
    /// Write these bytes to the device.
    ToDevice(ChannelId, Vec<u8>),
    /// Close the connection to the device.
    Disconnect(ChannelId),
    /// Tell the server that the port is open.
    Opened(ChannelId),
    /// Tell the server that it is not.
    OpenFailed(ChannelId, OpenFault),
    /// Send these bytes to the server.
    ToServer(ChannelId, Vec<u8>),
    /// Tell the server that the connection to the device is gone, and that nothing more comes from it.
    Lost(ChannelId),
    /// Close the line to the server: the relay has ended.
    Close(Close),
}

/// Why a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// The server is done.
    Finished,
    /// The firmware could not be asked.
    SurveyFailed,
    /// The line was lost.
    LineLost,
    /// The server sent more than it was given credit for.
    ServerFlooded,
    /// Nothing happened in time.
    Deadline(RelayWake),
}

/// What a relay is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayWake {
    /// The firmware's answers.
    Survey,
    /// The server's next word.
    Server,
    /// The port.
    Connect,
    /// Bytes on their way to the server: the line is stuck.
    LineStuck,
    /// Bytes on their way to the device: the device is stuck.
    DeviceStuck,
    /// Outputs that have not been taken yet.
    QueuedOutput,
}

impl fmt::Display for RelayWake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Survey => "the firmware's answers",
            Self::Server => "the server's next word",
            Self::Connect => "the device's port",
            Self::LineStuck => "the line to the server to take bytes",
            Self::DeviceStuck => "the device to take bytes",
            Self::QueuedOutput => "outputs to be taken",
        })
    }
}
