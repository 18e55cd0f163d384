//! What a relay says.

use zeroize::Zeroizing;

use super::envelope::{FromRelay, Incoming, seal, to_base64};
use super::{Command, Data, DeviceReport, Flaw, ParseError, Sender, TooLong};

/// A message from a relay to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToServer {
    /// The first message: what is wanted, and what the device is.
    Hello(Box<Hello>),
    /// What the device answered to [`Wsman`](super::ToRelay::Wsman).
    Response(Data),
    /// Bytes of the TLS session, from the device.
    TlsData(Data),
    /// The relay has gone over to the other port.
    PortSwitchAck,
    /// The local connection is gone.
    ConnectionReset(ResetReason),
    /// The answer to [`HeartbeatRequest`](super::ToRelay::HeartbeatRequest).
    HeartbeatResponse,
}

/// The first message of a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What is wanted.
    pub command: Command,
    /// `tenantId`: whose device it is; empty for the default tenant.
    pub tenant: String,
    /// What the device is.
    pub report: DeviceReport,
}

/// Why the local connection is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResetReason {
    /// The device closed it.
    Closed,
    /// It failed.
    Failed,
}

impl ResetReason {
    const fn text(self) -> &'static str {
        match self {
            Self::Closed => "connection_closed",
            Self::Failed => "lms_error",
        }
    }
}

impl ToServer {
    /// Reads a text frame that a relay sent.
    ///
    /// # Errors
    /// [`ParseError`] with the relay to blame.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let message = Incoming::open(Sender::Relay, text)?;
        Self::read(&message).map_err(|flaw| ParseError { sender: Sender::Relay, flaw })
    }

    fn read(message: &Incoming) -> Result<Self, Flaw> {
        Ok(match message.method.as_str() {
            "response" => Self::Response(message.data()?),
            "tls_data" => Self::TlsData(message.data()?),
            // Any payload is an acknowledgement (rps.md §1).
            "port_switch_ack" => Self::PortSwitchAck,
            "connection_reset" if message.decoded()? == ResetReason::Closed.text().as_bytes() => {
                Self::ConnectionReset(ResetReason::Closed)
            }
            "connection_reset" => Self::ConnectionReset(ResetReason::Failed),
            // rpc-go sends the request back with another method; there is nothing in it.
            "heartbeat_response" => Self::HeartbeatResponse,
            line => {
                let command = Command::parse(line)?.ok_or_else(|| message.unknown_method())?;
                let report = DeviceReport::from_json(&Zeroizing::new(message.decoded()?))?;
                Self::Hello(Box::new(Hello { command, tenant: message.tenant().to_owned(), report }))
            }
        })
    }

    /// The text frame. That of [`Hello`](Self::Hello) has a password in it.
    ///
    /// # Errors
    /// [`TooLong`] if it would be longer than [`MAX_MESSAGE`](super::MAX_MESSAGE); never for up to
    /// [`MAX_DATA`](super::MAX_DATA) bytes of data.
    pub fn encode(&self) -> Result<String, TooLong> {
        let data = |method, bytes| seal(&FromRelay::new(method, &to_base64(bytes), ""));
        match self {
            Self::Hello(hello) => {
                let payload = to_base64(hello.report.to_json().as_bytes());
                seal(&FromRelay::new(&hello.command.to_method(), &payload, &hello.tenant))
            }
            Self::Response(bytes) => data("response", &bytes.0),
            Self::TlsData(bytes) => data("tls_data", &bytes.0),
            Self::PortSwitchAck => data("port_switch_ack", b"ok"),
            Self::ConnectionReset(reason) => data("connection_reset", reason.text().as_bytes()),
            Self::HeartbeatResponse => data("heartbeat_response", b""),
        }
    }
}
