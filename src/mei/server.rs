//! The device's end of the `SOCK_SEQPACKET` MEI: accept, handshake, packets.
//!
//! [`MeiListener::accept`] gives a [`MeiCaller`]; reading its GUID and answering it with
//! [`accept`](MeiCaller::accept) gives a [`MeiServerConnection`], whose packets are MEI messages.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use smol::Async;

use super::{ClientGuid, MAX_MESSAGE};

/// Callers that may wait to be accepted.
const BACKLOG: i32 = 16;

/// A listening MEI socket. Its path is removed when it is dropped.
#[derive(Debug)]
pub struct MeiListener {
    socket: Async<OwnedFd>,
    path: PathBuf,
}

impl MeiListener {
    /// Listens at `path`. A socket that a dead listener left there is replaced, a living one is not.
    ///
    /// # Errors
    /// `AddrInUse` if somebody listens there or the path is something else than a socket, and whatever else
    /// the operating system says.
    pub fn bind(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let address = SocketAddrUnix::new(&path)?;
        let socket = seqpacket()?;
        match rustix::net::bind(&socket, &address) {
            Err(Errno::ADDRINUSE) if is_abandoned(&path, &address)? => {
                std::fs::remove_file(&path)?;
                rustix::net::bind(&socket, &address)?;
            }
            other => other?,
        }
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(Self { socket: Async::new(socket)?, path })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next caller.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn accept(&self) -> io::Result<MeiCaller> {
        let socket =
            self.socket.read_with(|socket| Ok(rustix::net::accept_with(socket, SocketFlags::CLOEXEC)?)).await?;
        Ok(MeiCaller(MeiServerConnection { socket: Async::new(socket)?, longest: MAX_MESSAGE }))
    }
}

impl Drop for MeiListener {
    fn drop(&mut self) {
        // The path may be gone already; there is nothing better to do about any other failure.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn seqpacket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Whether a socket is at the address and nobody listens on it. Its type is looked at, too: connecting to a
/// regular file is also "refused".
fn is_abandoned(path: &Path, address: &SocketAddrUnix) -> io::Result<bool> {
    let refused = rustix::net::connect(&seqpacket()?, address) == Err(Errno::CONNREFUSED);
    Ok(refused && std::fs::symlink_metadata(path)?.file_type().is_socket())
}

/// A caller that has not been answered yet.
#[derive(Debug)]
pub struct MeiCaller(MeiServerConnection);

impl MeiCaller {
    /// Whom the caller wants to speak to.
    ///
    /// # Errors
    /// `InvalidData` if the caller sends anything else than 16 bytes, `UnexpectedEof` if it hangs up.
    pub async fn wants(&mut self) -> io::Result<ClientGuid> {
        let request = self.0.read().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        ClientGuid::try_from(request.as_slice()).map_err(|_| {
            let what = format!("a caller sent {} bytes: expected the 16 of a client GUID", request.len());
            io::Error::new(io::ErrorKind::InvalidData, what)
        })
    }

    /// Tells the caller that it is connected, and to a client that takes messages of up to `longest` bytes
    /// (never more than [`MAX_MESSAGE`]).
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn accept(mut self, longest: u16) -> io::Result<MeiServerConnection> {
        const PROTOCOL_VERSION: u8 = 1;
        let longest = usize::from(longest).min(MAX_MESSAGE);
        self.answer(0, longest, PROTOCOL_VERSION).await?;
        self.0.longest = longest;
        Ok(self.0)
    }

    /// Tells the caller that it is not connected, and why: an errno such as 16, `EBUSY`.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn refuse(mut self, errno: i32) -> io::Result<()> {
        self.answer(errno, 0, 0).await
    }

    /// The connection before its handshake, for tests of callers that get another answer.
    #[cfg(test)]
    pub(super) fn raw(&mut self) -> &mut MeiServerConnection {
        &mut self.0
    }

    async fn answer(&mut self, errno: i32, longest: usize, version: u8) -> io::Result<()> {
        let mut answer = Vec::with_capacity(12);
        answer.extend(errno.to_le_bytes());
        answer.extend(u32::try_from(longest).unwrap_or(u32::MAX).to_le_bytes());
        answer.extend([version, 0, 0, 0]);
        self.0.write(&answer).await
    }
}

/// A connection whose packets are MEI messages.
#[derive(Debug)]
pub struct MeiServerConnection {
    socket: Async<OwnedFd>,
    longest: usize,
}

impl MeiServerConnection {
    /// The next message; `None` when the caller has hung up.
    ///
    /// # Errors
    /// `InvalidData` for a message that is longer than the client takes, and what the operating system says.
    pub async fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = vec![0; self.longest];
        let got = self
            .socket
            .read_with(|socket| Ok(rustix::net::recv(socket, message.as_mut_slice(), RecvFlags::TRUNC)?.1))
            .await;
        match got {
            Ok(0) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error),
            Ok(got) if got > self.longest => {
                let what = format!("the host sent a message of {got} bytes: expected at most {}", self.longest);
                Err(io::Error::new(io::ErrorKind::InvalidData, what))
            }
            Ok(got) => {
                message.truncate(got);
                Ok(Some(message))
            }
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn write(&mut self, message: &[u8]) -> io::Result<()> {
        self.socket.write_with(|socket| Ok(rustix::net::send(socket, message, SendFlags::NOSIGNAL)?)).await.map(drop)
    }
}
