//! What a person who waits may see.

use std::fmt;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode};
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::stage::OpenFault;

use super::ServerUrl;
use super::line::Notice;
use crate::mei::LocalTls;

/// Something that happened. `Display` is a line for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayEvent {
    /// The firmware has said what it is.
    Surveyed {
        /// The AMT version.
        version: AmtVersion,
        /// The system UUID.
        uuid: Uuid,
        /// How far it is provisioned.
        mode: ControlMode,
        /// What its local ports speak.
        local_tls: LocalTls,
    },
    /// The server has taken the line.
    Connected(ServerUrl),
    /// The server does not know the session any more; the device is asked anew.
    Forgotten,
    /// Something on the line.
    Line(Notice),
}

impl fmt::Display for RelayEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Surveyed { version, uuid, mode, local_tls } => {
                let ports = match local_tls {
                    LocalTls::Enforced => "TLS only",
                    LocalTls::NotEnforced => "plain text too",
                };
                write!(f, "device {uuid}: AMT {version}, {mode}, local ports speak {ports}")
            }
            Self::Connected(url) => write!(f, "connected to {url}"),
            Self::Forgotten => {
                f.write_str("the server has forgotten this run: another one goes on where the device is")
            }
            Self::Line(notice) => notice.fmt(f),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Progress(remark) => remark.fmt(f),
            Self::Opened(port) => write!(f, "port {port} is open"),
            Self::NotOpened(port, OpenFault::Refused) => write!(f, "port {port} is not there"),
            Self::NotOpened(port, OpenFault::ClosedAtOnce) => write!(f, "port {port} closed at once: it restarts"),
            Self::NotOpened(port, OpenFault::TimedOut) => write!(f, "port {port} does not answer"),
            Self::Closed(port) => write!(f, "the connection to port {port} has ended"),
            Self::Switching(switch) => {
                write!(f, "waiting for port {}", switch.port)?;
                if switch.delay.0 > 0 { write!(f, ", from {} on", switch.delay) } else { Ok(()) }
            }
            Self::SwitchFailed(port) => write!(f, "port {port} never answered"),
            Self::LineLost(why) => write!(f, "the line to the server is gone ({why}): connecting again"),
            Self::LineBack => f.write_str("the line to the server is back, the run goes on"),
        }
    }
}
