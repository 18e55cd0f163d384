//! The device's local ports on real sockets, as LMS offers them: it listens for the firmware, accepts before it asks,
//! terminates nothing, and knows no half-close (odca.md §3).

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use amt_provision_fsm::firmware::Port;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol::{Executor, Task, Timer};

use super::shared::Shared;
use crate::simulator::device::{ConnectionId, Output};

/// Bytes read at once: what one message of the firmware's own channel carries.
const PIECE: usize = 4096;
/// Events that may wait; readers wait with them.
const MAX_EVENTS: usize = 64;
/// Replies that may wait for one connection's peer to read: one whose queue is full is closed.
const MAX_UNSENT: usize = 16;
/// How long a peer may take to read one reply.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause after an accept that failed, as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What happens to the local ports.
pub(super) enum Event {
    Accepted(Port, TcpStream),
    Bytes(ConnectionId, Vec<u8>),
    Gone(ConnectionId),
    /// The machine was changed from elsewhere.
    Changed,
}

struct Peer {
    unsent: Sender<Vec<u8>>,
    /// Ends when it is dropped.
    _reader: Task<()>,
}

/// Drives one device over sockets of one loopback address.
pub(super) struct Lms {
    address: Ipv4Addr,
    shared: Arc<Shared>,
    events: (Sender<Event>, Receiver<Event>),
    listeners: BTreeMap<u16, Task<()>>,
    peers: BTreeMap<ConnectionId, Peer>,
}

impl Lms {
    pub(super) fn new(address: Ipv4Addr, shared: Arc<Shared>) -> Self {
        let events = smol::channel::bounded(MAX_EVENTS);
        Self { address, shared, events, listeners: BTreeMap::new(), peers: BTreeMap::new() }
    }

    pub(super) fn sender(&self) -> Sender<Event> {
        self.events.0.clone()
    }

    /// Does what the machine wants to be done.
    pub(super) async fn carry_out(&mut self, executor: &Executor<'static>) -> io::Result<()> {
        while let Some(output) = self.shared.look(|device, _| device.poll_output()) {
            match output {
                Output::Send(id, bytes) => {
                    let sent = self.peers.get(&id).is_none_or(|peer| peer.unsent.try_send(bytes).is_ok());
                    if !sent {
                        self.peers.remove(&id);
                        self.shared.drive(|device, now| device.disconnected(now, id));
                    }
                }
                Output::Close(id) => {
                    self.peers.remove(&id);
                }
                Output::Listen(port) => self.listen(port, executor).await?,
                Output::Unlisten(port) => {
                    self.listeners.remove(&port.number());
                }
            }
        }
        Ok(())
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self, executor: &Executor<'static>) {
        loop {
            if let Err(error) = self.carry_out(executor).await {
                tracing::error!(%error, address = %self.address, "the simulated device cannot listen");
            }
            match self.next_event().await {
                None => self.shared.drive(|device, now| device.handle_timeout(now)),
                Some(Event::Accepted(port, stream)) => self.accepted(port, stream, executor),
                Some(Event::Bytes(id, bytes)) => self.shared.drive(|device, now| device.receive(now, id, &bytes)),
                Some(Event::Gone(id)) => {
                    self.peers.remove(&id);
                    self.shared.drive(|device, now| device.disconnected(now, id));
                }
                Some(Event::Changed) => {}
            }
        }
    }

    /// `None` when the machine's time has come.
    async fn next_event(&self) -> Option<Event> {
        let event = async { self.events.1.recv().await.ok() };
        match self.shared.look(|device, _| device.poll_timeout()) {
            None => event.await,
            Some(at) => {
                let timeout = async {
                    Timer::at(self.shared.wall(at)).await;
                    None
                };
                event.or(timeout).await
            }
        }
    }

    async fn listen(&mut self, port: Port, executor: &Executor<'static>) -> io::Result<()> {
        let listener = TcpListener::bind((self.address, port.number())).await?;
        let events = self.sender();
        let accept = async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        if events.send(Event::Accepted(port, stream)).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the simulated device could not accept a connection");
                        Timer::after(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        self.listeners.insert(port.number(), executor.spawn(accept));
        Ok(())
    }

    fn accepted(&mut self, port: Port, stream: TcpStream, executor: &Executor<'static>) {
        // A reply in several segments must not wait for the peer's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection is gone already");
        }
        let id = self.shared.drive(|device, now| device.connect(now, port));
        let (unsent, queue) = smol::channel::bounded(MAX_UNSENT);
        executor.spawn(write(stream.clone(), queue)).detach();
        let reader = executor.spawn(read(stream, id, self.sender()));
        self.peers.insert(id, Peer { unsent, _reader: reader });
    }
}

async fn read(mut stream: TcpStream, id: ConnectionId, events: Sender<Event>) {
    let mut piece = vec![0; PIECE];
    loop {
        let event = match stream.read(&mut piece).await {
            Ok(0) | Err(_) => Event::Gone(id),
            Ok(length) => Event::Bytes(id, piece.iter().take(length).copied().collect()),
        };
        let over = matches!(event, Event::Gone(_));
        if events.send(event).await.is_err() || over {
            return;
        }
    }
}

/// Sends until the machine closes the connection, and then what is left.
async fn write(mut stream: TcpStream, queue: Receiver<Vec<u8>>) {
    while let Ok(bytes) = queue.recv().await {
        let timeout = async {
            Timer::after(PATIENCE).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        if stream.write_all(&bytes).or(timeout).await.is_err() {
            break;
        }
    }
    // No half-close, but the end is to come after the bytes; the peer may be gone already.
    let _ = stream.shutdown(std::net::Shutdown::Both);
}
