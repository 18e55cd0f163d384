//! What is said, whatever WebSocket it travels over.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::stage::OpenFault;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::CompactError;
use super::codec::{MAX_PACKET, decode, encode};
use crate::protocol::{Command, Data, DeviceReport, Flaw, Hello, Outcome, ParseError, Sender};

/// Bytes that a packet needs around its frame, at most.
const HEADER: usize = 32;

/// A frame from a server to a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToRelay {
    /// Open this port under this number; a connection that is there is closed first.
    Dial(ChannelId, Port),
    /// Bytes for the device.
    Data(ChannelId, Data),
    /// Close the connection.
    HangUp(ChannelId),
    /// A line for the person who waits.
    Progress(String),
    /// The end: all is done. The text is that of the JSON messages, because it is for the same readers.
    Success(String),
    /// The end: it failed.
    Failure(String),
}

/// A frame from a relay to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToServer {
    /// The first: what is wanted, and what the device is.
    Report(Report),
    /// The port is open.
    Opened(ChannelId),
    /// It is not.
    OpenFailed(ChannelId, OpenFault),
    /// Bytes of the device.
    Data(ChannelId, Data),
    /// The connection to the device is gone, and nothing more comes from it.
    Lost(ChannelId),
}

/// What is wanted, and what the device is, in the words of the first JSON message: one report, and one place that judges
/// it, whatever it travelled in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    command: String,
    tenant: String,
    report: String,
}

impl std::fmt::Debug for Report {
    /// There is a password in it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").finish_non_exhaustive()
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.command.zeroize();
        self.report.zeroize();
    }
}

impl From<&Hello> for Report {
    fn from(hello: &Hello) -> Self {
        Self {
            command: (*hello.command.to_method()).clone(),
            tenant: hello.tenant.clone(),
            report: (*hello.report.to_json()).clone(),
        }
    }
}

impl Report {
    /// What it says.
    ///
    /// # Errors
    /// [`CompactError::Report`]: the relay is to blame.
    pub fn hello(&self) -> Result<Hello, CompactError> {
        let wrong = |flaw| CompactError::Report(ParseError { sender: Sender::Relay, flaw });
        let missing = Flaw::Command { command: "activate", expected: "one of the commands" };
        let command = Command::parse(&self.command).and_then(|command| command.ok_or(missing)).map_err(wrong)?;
        let report = DeviceReport::from_json(self.report.as_bytes()).map_err(wrong)?;
        Ok(Hello { command, tenant: self.tenant.clone(), report })
    }
}

impl ToRelay {
    /// The last frame of a run that ended well.
    pub fn success(outcome: &Outcome) -> Self {
        Self::Success(outcome.to_message())
    }

    /// The last frame of one that did not.
    pub fn failure(outcome: &Outcome) -> Self {
        Self::Failure(outcome.to_message())
    }

    /// The frame as bytes.
    ///
    /// # Errors
    /// [`CompactError::OurFrame`] if it would not fit a packet; never for up to [`MAX_DATA`](crate::protocol::MAX_DATA)
    /// bytes of data.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, CompactError> {
        fitting(encode(self)?)
    }

    /// Reads a frame that a server sent.
    ///
    /// # Errors
    /// [`CompactError`]: the server is to blame.
    pub fn decode(bytes: &[u8]) -> Result<Self, CompactError> {
        decode("frame", bytes)
    }
}

impl ToServer {
    /// The frame as bytes. Those of a [`Report`](Self::Report) have a password in them.
    ///
    /// # Errors
    /// As [`ToRelay::encode`].
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, CompactError> {
        fitting(encode(self)?)
    }

    /// Reads a frame that a relay sent.
    ///
    /// # Errors
    /// [`CompactError`]: the relay is to blame.
    pub fn decode(bytes: &[u8]) -> Result<Self, CompactError> {
        decode("frame", bytes)
    }
}

fn fitting(bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, CompactError> {
    if bytes.len() + HEADER > MAX_PACKET { Err(CompactError::OurFrame(bytes.len())) } else { Ok(bytes) }
}
