//! The audit log: which edges a device took, and what operators did about it.

use std::fmt;

use amt_provision_fsm::edges::Edge;
use amt_provision_fsm::policy::{FlowB, Permit};
use amt_provision_fsm::time::Timestamp;
use rustls::pki_types::UnixTime;

use super::ServerName;
use crate::calendar::rfc3339;

/// The number of one run of one device: 128 random bits of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId(pub u128);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// When something was done, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: UnixTime,
    /// On which server.
    pub server: ServerName,
    /// In which run; `None` for what an operator did.
    pub run: Option<RunId>,
}

/// What is written into the log. None of it holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditEvent {
    /// The device's session took an edge.
    Moved(Edge),
    /// An operator permitted the device to start over (G5).
    Permitted(Permit),
    /// An operator took the device out of service.
    Removed,
    /// An operator had the passwords of the device printed.
    Revealed,
    /// An operator brought the device from another deployment.
    Imported,
    /// An operator had the tombstone of the device destroyed, with its pins and passwords.
    Forgotten,
}

impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved(edge) => edge.fmt(f),
            Self::Permitted(permit) => {
                f.write_str("permitted to start over")?;
                permit.expect_rom_ca.map_or(Ok(()), |rom_ca| write!(f, ", with ROM-CA {rom_ca}"))?;
                match permit.flow_b {
                    FlowB::Allowed => f.write_str(", in plain text")?,
                    FlowB::Refused => {}
                }
                permit.expires.map_or(Ok(()), |Timestamp(end)| write!(f, ", until {}", rfc3339(end)))
            }
            Self::Revealed => f.write_str("passwords shown"),
            Self::Imported => f.write_str("imported"),
            Self::Removed => f.write_str("removed"),
            Self::Forgotten => f.write_str("forgotten"),
        }
    }
}

/// A line to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, and by whom.
    pub stamp: Stamp,
    /// What.
    pub event: AuditEvent,
}

/// A line's place in the log: later lines have higher numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuditSequence(pub u64);

/// A line as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Its place.
    pub sequence: AuditSequence,
    /// When, and by whom.
    pub stamp: Stamp,
    /// What: the text of an [`AuditEvent`], which a later version may word differently.
    pub event: String,
}
