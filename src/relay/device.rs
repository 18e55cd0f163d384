//! The way to LMS: one task for each connection.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::stage::OpenFault;
use amt_provision_fsm::time::Millis;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

use super::line::{FIRST_PAUSE, LineInput};

/// How long LMS may be away before there is a connection to the server.
pub const LMS_DEADLINE: Duration = Duration::from_secs(5);

/// What is read from the device at once, in bytes: a whole TLS record.
const READ: usize = 16 * 1024 + 512;

/// Connects and pumps until the device closes. Dropping it closes the connection.
///
/// The device is read whatever happens elsewhere: LMS loses bytes under back-pressure (odca.md §3). The queue that
/// `to_device` is has no bound of its own, because the line gives no more than its limit into it.
pub(super) async fn connection(
    id: ChannelId,
    address: SocketAddr,
    to_device: Receiver<Vec<u8>>,
    inputs: Sender<LineInput>,
) {
    let stream = match TcpStream::connect(address).await {
        Ok(stream) => stream,
        Err(error) => {
            let _ = inputs.send(LineInput::NotConnected(id, fault(&error))).await;
            return;
        }
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch Nagle's algorithm off");
    }
    if inputs.send(LineInput::Connected(id)).await.is_ok() {
        read(id, stream.clone(), &inputs).or(write(id, stream, to_device, &inputs)).await;
    }
}

async fn read(id: ChannelId, mut stream: TcpStream, inputs: &Sender<LineInput>) {
    let mut buffer = vec![0; READ];
    loop {
        let input = match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => LineInput::FromDevice(id, buffer.get(..count).unwrap_or_default().to_vec()),
            Ok(_) => LineInput::DeviceClosed(id),
            Err(error) => {
                tracing::debug!(%error, "the connection to the device broke");
                LineInput::DeviceClosed(id)
            }
        };
        let is_end = matches!(input, LineInput::DeviceClosed(_));
        if inputs.send(input).await.is_err() || is_end {
            return;
        }
    }
}

async fn write(id: ChannelId, mut stream: TcpStream, to_device: Receiver<Vec<u8>>, inputs: &Sender<LineInput>) {
    while let Ok(bytes) = to_device.recv().await {
        if let Err(error) = stream.write_all(&bytes).await {
            // The reader sees the end, and before it what the device may have said.
            tracing::debug!(%error, "cannot write to the device");
            return smol::future::pending().await;
        }
        if inputs.send(LineInput::SentToDevice(id, bytes.len())).await.is_err() {
            return;
        }
    }
}

fn fault(error: &io::Error) -> OpenFault {
    match error.kind() {
        io::ErrorKind::TimedOut => OpenFault::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => OpenFault::ClosedAtOnce,
        _ => OpenFault::Refused,
    }
}

/// Waits until somebody listens at one of `addresses`; after `deadline` it is what the operating system said last.
pub(super) async fn wait_for(addresses: &[SocketAddr], deadline: Duration) -> io::Result<()> {
    let (begin, mut pause) = (Instant::now(), Duration::from_millis(FIRST_PAUSE.0));
    loop {
        // All of them, in order.
        match TcpStream::connect(addresses).await {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() >= deadline => return Err(error),
            Err(_) => {}
        }
        smol::Timer::after(pause).await;
        pause = pause * 3 / 2;
    }
}

/// The core's time for the driver's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(self) -> amt_provision_fsm::time::Instant {
        amt_provision_fsm::time::Instant::ZERO + Millis(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Waits until `at`.
    pub(super) async fn reaches(self, at: amt_provision_fsm::time::Instant) {
        smol::Timer::at(self.0 + Duration::from_millis(at.as_millis())).await;
    }
}
