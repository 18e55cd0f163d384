//! MEI over a `SOCK_SEQPACKET` socket: one packet is one MEI message.
//!
//! The client sends the 16 GUID bytes of the connect ioctl and gets 12 bytes: u32le errno, u32le longest
//! message, u8 protocol version, 3 zero. The last 8 are the ioctl's own answer (rpc-go.md §1).

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};

use super::FirmwareClient;
use super::transport::{MAX_MESSAGE, MeiConnection, MeiError, MeiTransport, READ_TIMEOUT};

/// A simulated device's MEI at a path.
#[derive(Clone, Debug)]
pub struct SeqpacketMei {
    path: PathBuf,
    timeout: Duration,
}

impl SeqpacketMei {
    /// The MEI whose socket is at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path, timeout: READ_TIMEOUT }
    }

    /// The same with another limit than [`READ_TIMEOUT`] for each answer.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    fn dial(&self) -> Result<OwnedFd, Errno> {
        let address = SocketAddrUnix::new(&self.path)?;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        for direction in [Timeout::Recv, Timeout::Send] {
            set_socket_timeout(&socket, direction, Some(self.timeout))?;
        }
        retry_on_intr(|| rustix::net::connect(&socket, &address))?;
        Ok(socket)
    }
}

impl MeiTransport for SeqpacketMei {
    type Connection = SeqpacketConnection;

    fn connect(&self, client: FirmwareClient) -> Result<SeqpacketConnection, MeiError> {
        let socket =
            self.dial().map_err(|errno| MeiError::Unreachable { path: self.path.clone(), source: errno.into() })?;
        let mut connection = SeqpacketConnection { socket, longest: MAX_MESSAGE, timeout: self.timeout };
        connection.write(&client.guid())?;
        let answer = connection.read()?;
        let Ok([e0, e1, e2, e3, l0, l1, l2, l3, _version, 0, 0, 0]) = <[u8; 12]>::try_from(answer.as_slice()) else {
            return Err(MeiError::Handshake(format!("{} bytes", answer.len())));
        };
        let errno = i32::from_le_bytes([e0, e1, e2, e3]);
        let longest = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        // Compared as numbers: a number that is no errno must not become an `Errno`.
        match errno {
            0 if longest == 0 => Err(MeiError::Handshake("a longest message of 0 bytes".to_owned())),
            0 => Ok(SeqpacketConnection { longest: longest.min(MAX_MESSAGE), ..connection }),
            _ if errno == Errno::BUSY.raw_os_error() => Err(MeiError::Busy(client)),
            _ if errno == Errno::NOTTY.raw_os_error() => Err(MeiError::NoSuchClient(client)),
            _ => Err(MeiError::Refused { client, source: io::Error::from_raw_os_error(errno) }),
        }
    }
}

/// A connection of [`SeqpacketMei`].
#[derive(Debug)]
pub struct SeqpacketConnection {
    socket: OwnedFd,
    longest: usize,
    timeout: Duration,
}

impl SeqpacketConnection {
    fn failed(&self, errno: Errno) -> MeiError {
        match errno {
            Errno::AGAIN => MeiError::Timeout(self.timeout),
            Errno::PIPE | Errno::CONNRESET => MeiError::Closed,
            other => MeiError::Io(other.into()),
        }
    }
}

impl MeiConnection for SeqpacketConnection {
    fn write(&mut self, message: &[u8]) -> Result<(), MeiError> {
        if message.len() > self.longest {
            return Err(MeiError::TooLong { limit: self.longest, got: message.len() });
        }
        retry_on_intr(|| rustix::net::send(&self.socket, message, SendFlags::NOSIGNAL))
            .map(drop)
            .map_err(|errno| self.failed(errno))
    }

    fn read(&mut self) -> Result<Vec<u8>, MeiError> {
        let mut message = vec![0; self.longest];
        // With TRUNC the length is the packet's own, also where it did not fit.
        let ((), got) = retry_on_intr(|| {
            rustix::net::recv(&self.socket, message.as_mut_slice(), RecvFlags::TRUNC).map(|(_, n)| ((), n))
        })
        .map_err(|errno| self.failed(errno))?;
        match got {
            0 => Err(MeiError::Closed),
            _ if got > self.longest => Err(MeiError::Oversized { limit: self.longest, got }),
            _ => {
                message.truncate(got);
                Ok(message)
            }
        }
    }
}
