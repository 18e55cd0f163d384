//! What carries MEI messages: connect to a client, write one message, read one message.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::FirmwareClient;

/// How long the firmware may take for one answer (rpc-go.md §1, `HeciReadTimeout`).
pub const READ_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest message in bytes that either end of a transport accepts, whatever the other one announces.
/// The longest answer that any command here has is 2285 bytes (rpc-go.md §2).
pub const MAX_MESSAGE: usize = 16 * 1024;

/// A way to the firmware's clients. Its calls block: use it through `smol::unblock`.
pub trait MeiTransport {
    /// A connection to one client.
    type Connection: MeiConnection;

    /// Connects to `client`.
    ///
    /// # Errors
    /// [`MeiError::Busy`] is worth another try; see [`MeiError`] for the others.
    fn connect(&self, client: FirmwareClient) -> Result<Self::Connection, MeiError>;
}

/// A connection to one firmware client, which carries whole messages.
pub trait MeiConnection {
    /// Writes one message.
    ///
    /// # Errors
    /// [`MeiError::TooLong`] if the client takes no message of this length; [`MeiError::Closed`],
    /// [`MeiError::Timeout`] or [`MeiError::Io`] when the link failed.
    fn write(&mut self, message: &[u8]) -> Result<(), MeiError>;

    /// Reads one message: exactly the bytes that were sent, without padding.
    ///
    /// # Errors
    /// [`MeiError::Timeout`] after [`READ_TIMEOUT`]; [`MeiError::Closed`], [`MeiError::Oversized`] or
    /// [`MeiError::Io`] when the link failed.
    fn read(&mut self) -> Result<Vec<u8>, MeiError>;
}

/// Why a message did not get to the firmware or an answer did not come back.
#[derive(Debug, thiserror::Error)]
pub enum MeiError {
    /// The operator asked for a device node.
    #[error("this build has no driver for {} yet: use unix:PATH", path.display())]
    NoDriver {
        /// The device node.
        path: PathBuf,
    },
    /// Nobody listens at the address.
    #[error("no MEI answers at {}: {source}; is the path right, and may this user open it?", path.display())]
    Unreachable {
        /// Where it was looked for.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Somebody else, most often LMS, holds the client (`EBUSY`).
    #[error("the firmware's {0} client is busy: another program holds it")]
    Busy(FirmwareClient),
    /// The firmware has no such client (`ENOTTY`): AMT is disabled or not there.
    #[error("the firmware has no {0} client: AMT is disabled or this machine has none")]
    NoSuchClient(FirmwareClient),
    /// The connect request failed for another reason.
    #[error("connecting to the firmware's {client} client failed: {source}")]
    Refused {
        /// The client that was asked for.
        client: FirmwareClient,
        /// The errno of the connect request.
        source: io::Error,
    },
    /// The other end answered the connect request with something else.
    #[error("the MEI at the other end answered the connect request with {0}: expected 12 bytes with a length above 0")]
    Handshake(String),
    /// Our message is longer than the client takes (`EFBIG`).
    #[error("a message of {got} bytes is too long: the firmware's client takes {limit}")]
    TooLong {
        /// The longest message the client takes, in bytes.
        limit: usize,
        /// The message's length in bytes.
        got: usize,
    },
    /// The firmware's message is longer than it announced or than [`MAX_MESSAGE`].
    #[error("the firmware sent a message of {got} bytes: expected at most {limit}")]
    Oversized {
        /// The longest message accepted, in bytes.
        limit: usize,
        /// The message's length in bytes.
        got: usize,
    },
    /// The firmware did not answer in time.
    #[error("the firmware was silent for {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The other end closed the connection: the management engine was reset, or the simulator stopped.
    #[error("the firmware closed the connection")]
    Closed,
    /// The operating system failed.
    #[error("MEI: {0}")]
    Io(io::Error),
}
