//! What goes into the machine and what comes out of it.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;

use crate::protocol::{Outcome, ParseError, ToServer};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The server sent this text; only while [`wants_message`](super::Sequential::wants_message).
    Text(String),
    /// The connection to the device is there.
    Connected(ChannelId),
    /// Nobody listens.
    Refused(ChannelId),
    /// The device sent bytes. While nobody reads they wait, as they would in the socket.
    FromDevice(ChannelId, Vec<u8>),
    /// The device has closed.
    Closed(ChannelId),
    /// Reading failed, as when the device resets the connection.
    Failed(ChannelId),
    /// Writing failed.
    NotWritten(ChannelId),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this to the server.
    Send(ToServer),
    /// Connect to this port of the device.
    Connect(ChannelId, Port),
    /// Write this to the device; there may be nothing in it.
    ToDevice(ChannelId, Vec<u8>),
    /// Close the connection, from our side too.
    Disconnect(ChannelId),
    /// The last output.
    End(End),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The server says: done.
    Success(Outcome),
    /// The server says: failed.
    Failure(Outcome),
    /// The server sent what rpc-go does not know. The real one would write it to the device.
    Unknown(ParseError),
    /// rpc-go gives up.
    Fatal(Fatal),
}

/// Why rpc-go gives up (rpc-go.md §4, §6.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fatal {
    /// Outside of a port switch it does not try again.
    #[error("port {0} refused the connection")]
    Refused(Port),
    /// All tests of a port switch failed.
    #[error("port {0} refused the connection {tests} times", tests = super::Timing::TESTS)]
    SwitchFailed(Port),
    /// The device did not come to an end.
    #[error("the device was not done in time")]
    Round,
    /// A connection broke in plain text.
    #[error("reading from the device failed")]
    Read,
    /// A connection broke.
    #[error("writing to the device failed")]
    Write,
}
