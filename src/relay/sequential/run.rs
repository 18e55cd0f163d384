//! Sockets around the machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::frame::Frame;
use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use smol::Task;
use smol::channel::{Receiver, Sender, bounded};
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use super::io::{End, Input, Output};
use super::machine::Sequential;
use super::timing::{Timing, Transport};
use crate::mei::Survey;
use crate::protocol::{Outcome, ToServer};
use crate::relay::device::{self, Clock};
use crate::relay::host::Host;
use crate::relay::websocket::{self, Socket};
use crate::relay::{LmsAddress, RelayConfig, RelayError, report};

/// rpc-go writes longer text messages as fragments of so many bytes (pair.md §2).
const FRAGMENT: usize = 4096;

/// Bytes read from the device at once.
const READ: usize = 4096;

/// Runs like rpc-go, from the first question to the firmware to the server's last word.
///
/// # Errors
/// [`RelayError`], as from our own relay; [`RelayError::GaveUp`] where rpc-go would exit by itself.
pub async fn run(config: RelayConfig, timing: Timing) -> Result<Outcome, RelayError> {
    let survey = crate::relay::run::survey(&config).await?;
    let port = survey.local_tls.port();
    if timing.transport == Transport::Lms {
        look_for_lms(&config, port).await?;
    }
    start(config, survey, timing, port).await
}

/// What LMS sees first are two connections without a byte (rpc-go.md §3).
async fn look_for_lms(config: &RelayConfig, port: Port) -> Result<(), RelayError> {
    let address = config.lms_address;
    for _ in 0..2 {
        let lms = device::wait_for(&[address.port(port)], device::LMS_DEADLINE).await;
        lms.map_err(|source| RelayError::NoLms { address, port, source })?;
    }
    Ok(())
}

async fn start(config: RelayConfig, survey: Survey, timing: Timing, port: Port) -> Result<Outcome, RelayError> {
    let host = Host::ask(&config, &survey);
    let hello = report::hello(&config, survey, host);
    let socket = websocket::connect_for_json(&config).await?;
    let (report, inputs) = bounded(64);
    let machine = Sequential::new(timing, port, hello);
    let lms = config.lms_address;
    Driver { machine, clock: Clock::start(), lms, socket, report, inputs, connections: BTreeMap::new() }.run().await
}

struct Driver {
    machine: Sequential,
    clock: Clock,
    lms: LmsAddress,
    socket: Socket,
    report: Sender<Input>,
    inputs: Receiver<Input>,
    connections: BTreeMap<ChannelId, Device>,
}

/// A connection. Dropping it closes it.
struct Device {
    stream: TcpStream,
    _reader: Task<()>,
}

impl Driver {
    async fn run(mut self) -> Result<Outcome, RelayError> {
        loop {
            while let Some(output) = self.machine.poll_output() {
                match output {
                    Output::Send(message) => self.send(&message).await?,
                    Output::Connect(id, port) => self.connect(id, self.lms.port(port)).await,
                    Output::ToDevice(id, bytes) => self.write(id, &bytes).await,
                    Output::Disconnect(id) => {
                        self.connections.remove(&id);
                    }
                    // It leaves without a goodbye (rpc-go.md §4).
                    Output::End(end) => return ended(end),
                }
            }
            match self.next_input().await? {
                Some(input) => self.machine.handle(self.clock.now(), input),
                None => self.machine.handle_timeout(self.clock.now()),
            }
        }
    }

    /// The next input, or `None` at the deadline.
    async fn next_input(&mut self) -> Result<Option<Input>, RelayError> {
        let (at, wants) = (self.machine.poll_timeout(), self.machine.wants_message());
        let (clock, socket, inputs) = (self.clock, &mut self.socket, &self.inputs);
        let deadline = async {
            match at {
                Some(at) => clock.reaches(at).await,
                None => smol::future::pending().await,
            }
            Ok(None)
        };
        let message = async {
            if !wants {
                smol::future::pending::<()>().await;
            }
            loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(Input::Text(text.to_string()))),
                    Some(Ok(Message::Binary(_))) => return Err(RelayError::Binary),
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_))) | None => return Err(RelayError::LineLost("it ended".to_owned())),
                    Some(Err(error)) => return Err(RelayError::LineLost(error.to_string())),
                }
            }
        };
        let device = async { Ok(inputs.recv().await.ok()) };
        device.or(message).or(deadline).await
    }

    async fn send(&mut self, message: &ToServer) -> Result<(), RelayError> {
        let text = message.encode()?.into_bytes();
        let count = text.chunks(FRAGMENT).count();
        for (number, part) in text.chunks(FRAGMENT).enumerate() {
            let kind = if number == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(kind), number + 1 == count);
            let sent = self.socket.send(Message::Frame(frame)).await;
            sent.map_err(|error| RelayError::LineLost(error.to_string()))?;
        }
        Ok(())
    }

    async fn connect(&mut self, id: ChannelId, address: SocketAddr) {
        let input = match TcpStream::connect(address).await {
            Ok(stream) => {
                let reader = smol::spawn(read(id, stream.clone(), self.report.clone()));
                self.connections.insert(id, Device { stream, _reader: reader });
                Input::Connected(id)
            }
            Err(_) => Input::Refused(id),
        };
        self.machine.handle(self.clock.now(), input);
    }

    async fn write(&mut self, id: ChannelId, bytes: &[u8]) {
        let Some(device) = self.connections.get_mut(&id) else { return };
        if device.stream.write_all(bytes).await.is_err() {
            self.machine.handle(self.clock.now(), Input::NotWritten(id));
        }
    }
}

async fn read(id: ChannelId, mut stream: TcpStream, inputs: Sender<Input>) {
    let mut buffer = vec![0; READ];
    loop {
        let input = match stream.read(&mut buffer).await {
            Ok(0) => Input::Closed(id),
            Ok(count) => Input::FromDevice(id, buffer.get(..count).unwrap_or_default().to_vec()),
            Err(_) => Input::Failed(id),
        };
        let is_end = matches!(input, Input::Closed(_) | Input::Failed(_));
        if inputs.send(input).await.is_err() || is_end {
            return;
        }
    }
}

fn ended(end: End) -> Result<Outcome, RelayError> {
    match end {
        End::Success(outcome) => Ok(outcome),
        End::Failure(outcome) => Err(RelayError::Failure(outcome)),
        End::Unknown(error) => Err(RelayError::Unreadable(error)),
        End::Fatal(why) => Err(RelayError::GaveUp(why)),
    }
}
