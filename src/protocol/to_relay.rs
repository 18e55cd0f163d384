//! What a server says.

use super::envelope::{FromServer, Incoming, seal, to_base64};
use super::{Data, Flaw, Outcome, ParseError, PortSwitch, Sender, TooLong};

/// A message from a server to a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToRelay {
    /// An HTTP request for the plain port.
    Wsman(Data),
    /// Bytes of the TLS session, for the device.
    TlsData(Data),
    /// Go on at another port.
    PortSwitch(PortSwitch),
    /// Are you there?
    HeartbeatRequest,
    /// A line for the person who waits.
    Progress(String),
    /// The end: all is done.
    Success(Outcome),
    /// The end: it failed.
    Error(Outcome),
}

impl ToRelay {
    /// Reads a text frame that a server sent.
    ///
    /// # Errors
    /// [`ParseError`] with the server to blame. An unknown method is one: what nobody understands is not
    /// written to the device.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let message = Incoming::open(Sender::Server, text)?;
        Self::read(&message).map_err(|flaw| ParseError { sender: Sender::Server, flaw })
    }

    fn read(message: &Incoming) -> Result<Self, Flaw> {
        Ok(match message.method.as_str() {
            "wsman" => Self::Wsman(message.data()?),
            "tls_data" => Self::TlsData(message.data()?),
            "port_switch" => Self::PortSwitch(PortSwitch::from_json(message.payload())?),
            "heartbeat_request" => Self::HeartbeatRequest,
            "progress" => Self::Progress(message.message().to_owned()),
            "success" => Self::Success(Outcome::from_message(message.message())),
            "error" => Self::Error(Outcome::from_message(message.message())),
            _ => return Err(message.unknown_method()),
        })
    }

    /// The answer to a frame that could not be read: the same error that RPS sends.
    pub fn refusal(error: &ParseError) -> Self {
        Self::Error(Outcome::Text(error.rps_text()))
    }

    /// The text frame.
    ///
    /// # Errors
    /// [`TooLong`] if it would be longer than [`MAX_MESSAGE`](super::MAX_MESSAGE); never for up to
    /// [`MAX_DATA`](super::MAX_DATA) bytes of data.
    pub fn encode(&self) -> Result<String, TooLong> {
        let data = |method, bytes| seal(&FromServer::new(method, "ok", "", Some(&to_base64(bytes))));
        match self {
            Self::Wsman(bytes) => data("wsman", &bytes.0),
            Self::TlsData(bytes) => data("tls_data", &bytes.0),
            Self::PortSwitch(switch) => seal(&FromServer::new("port_switch", "ok", "", Some(&switch.to_json()))),
            Self::HeartbeatRequest => seal(&FromServer::new("heartbeat_request", "heartbeat", "", Some(""))),
            Self::Progress(line) => seal(&FromServer::new("progress", "ok", line, None)),
            Self::Success(outcome) => seal(&FromServer::new("success", "success", &outcome.to_message(), None)),
            Self::Error(outcome) => seal(&FromServer::new("error", "failed", &outcome.to_message(), None)),
        }
    }
}
