//! What goes into a provisioner and what comes out of it.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::edges::Edge;
use crate::fault::Fault;
use crate::firmware::{ControlMode, Port};
use crate::peer::{Expectation, Peer};
use crate::policy::DeviceReport;
use crate::record::{Generation, Pin, Record};
use crate::request::{Certificate, KeyPair, Login, Reply, Request, RequestId};
use crate::stage::{OpenFault, ShortOf, TlsFault};

/// The number of a connection to the device within a run. Whatever bears another number is stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChannelId(pub u32);

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The relay reported its device.
    Report(DeviceReport),
    /// The relay opened the port that was asked for.
    Opened(ChannelId),
    /// It could not.
    OpenFailed(ChannelId, OpenFault),
    /// A handshake has ended well: the peer as the TLS stack authenticated it.
    TlsUp(ChannelId, Peer),
    /// A handshake has failed.
    TlsFailed(ChannelId, TlsFault),
    /// The device answered.
    Reply(RequestId, Reply),
    /// The connection to the device is gone.
    ChannelLost(ChannelId),
    /// The connection to the relay is gone. A new report begins anew.
    LineLost,
    /// The record is durable.
    Persisted(Generation),
    /// The record is not durable.
    PersistFailed(Generation, StoreFault),
    /// Another server holds the lease on the device (G13).
    LeaseLost,
    /// This server is being stopped: what is under way is heard to its end and written down, and nothing new begins.
    Stopping,
    /// Our authority issued the certificate that was asked for.
    Issued(Certificate),
    /// It did not.
    NotIssued,
}

/// Why the store did not take a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreFault {
    /// It failed: disk full, database down.
    Failed,
    /// Another server holds the lease, or has written a newer generation (G13).
    LeaseLost,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Have the relay open this port.
    Open(ChannelId, Port),
    /// Begin a handshake that may show this and nothing else.
    StartTls(ChannelId, Expectation),
    /// Send a request.
    Request {
        /// Over this channel.
        channel: ChannelId,
        /// Its number.
        id: RequestId,
        /// Logged in so.
        login: Login,
        /// The request.
        request: Request,
    },
    /// Close the connection: nothing that still comes over it counts.
    Close(ChannelId),
    /// Make this record durable as this generation. A password number that the store has never seen is
    /// its order to make that password, in the same transaction (G2).
    Persist(Generation, Record),
    /// Have a certificate issued for this key.
    Issue(KeyPair),
    /// An edge was taken: for the audit log.
    Moved(Edge),
    /// The run has ended.
    Done(Outcome),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// At the profile's goal, or as near to it as the profile lets this device come.
    Configured {
        /// CCM or ACM, as it was read back.
        mode: ControlMode,
        /// The pin that the device is held to.
        pin: Pin,
        /// What is lacking, by the profile's own word.
        short_of: Option<ShortOf>,
    },
    /// The device is in pre-provisioning.
    Unprovisioned,
    /// Nothing more goes to this device without an operator's permit.
    Quarantined(Fault),
    /// Short of the goal; the next run goes on from here.
    Failed(Fault),
}

impl Outcome {
    /// The fault that ended the run, if one did.
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Configured { .. } | Self::Unprovisioned => None,
            Self::Quarantined(fault) | Self::Failed(fault) => Some(fault),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured { mode, pin, short_of } => {
                write!(f, "in {mode}, pinned ({})", pin.provenance)?;
                short_of.map_or(Ok(()), |short_of| write!(f, "; {short_of}"))
            }
            Self::Unprovisioned => f.write_str("unprovisioned"),
            Self::Quarantined(fault) => write!(f, "quarantined: {fault}"),
            Self::Failed(fault) => write!(f, "failed: {fault}"),
        }
    }
}
