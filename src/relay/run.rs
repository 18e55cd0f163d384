//! The driver: what it is told becomes sockets and tasks, what happens there becomes inputs.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::provisioner::ChannelId;
use amt_provision_fsm::relay::{Close, Limits};
use smol::Task;
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt;

use super::confirm::confirmed;
use super::device::{self, Clock};
use super::host::Host;
use super::line::{End, LineInput, LineOutput};
use super::talk::Talk;
use super::websocket::{self, Ended, Goodbye, Outgoing, Socket};
use super::{LmsAddress, RelayConfig, RelayError, RelayEvent, report};
use crate::mei::{Mei, Survey};
use crate::protocol::{Data, Hello, Outcome, ToServer};
use crate::websocket::Encoding;

/// How often a device is probed because its server has forgotten the session, at most.
const MAX_PROBES: usize = 16;

/// Runs a relay from the first question to the firmware to the server's last word. `events` is called for what a
/// person may want to see.
///
/// # Errors
/// [`RelayError`]: whatever was not a success, by blame.
pub async fn run(config: RelayConfig, mut events: impl FnMut(RelayEvent)) -> Result<Outcome, RelayError> {
    config.proof.fits(&config.url)?;
    for _ in 0..MAX_PROBES {
        if let Some(outcome) = probe_and_run(&config, &mut events).await? {
            return Ok(outcome);
        }
        events(RelayEvent::Forgotten);
    }
    Err(RelayError::LineLost("it forgets its sessions again and again".to_owned()))
}

/// One run; `None` if the server has forgotten it: a new one goes on where the device is (G7).
async fn probe_and_run(
    config: &RelayConfig,
    events: &mut impl FnMut(RelayEvent),
) -> Result<Option<Outcome>, RelayError> {
    let survey = survey(config).await?;
    let local_tls = survey.local_tls;
    events(RelayEvent::Surveyed { version: survey.version, uuid: survey.uuid, mode: survey.control_mode, local_tls });
    let port = local_tls.port();
    let address = config.lms_address;
    // Firmware that cannot tell may have either.
    let other = (port == Port::Plain && !survey.version.tells_local_tls()).then_some(Port::Tls);
    let ports: Vec<_> = std::iter::once(port).chain(other).map(|port| address.port(port)).collect();
    let lms = device::wait_for(&ports, device::LMS_DEADLINE).await;
    lms.map_err(|source| RelayError::NoLms { address, port, source })?;
    let host = Host::ask(config, &survey);
    let hello = report::hello(config, survey, host);
    let (socket, encoding) = websocket::connect(config).await?;
    events(RelayEvent::Connected(config.url.clone()));
    match Driver::new(socket, encoding, config, port, hello, events).run().await? {
        Some(outcome) => confirmed(&config.command, &config.mei, outcome).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn survey(config: &RelayConfig) -> Result<Survey, RelayError> {
    let mei = config.mei.open().map_err(|error| RelayError::Mei(error.into()))?;
    let ask = async { Ok(smol::unblock(move || Mei::new(mei).survey()).await?) };
    let late = async {
        let clock = Clock::start();
        clock.reaches(clock.now() + Limits::DEFAULT.survey).await;
        Err(RelayError::MeiSilent(Limits::DEFAULT.survey))
    };
    ask.or(late).await
}

struct Driver<'a, F> {
    config: &'a RelayConfig,
    line: Talk,
    clock: Clock,
    lms: LmsAddress,
    events: F,
    inputs: Receiver<LineInput>,
    /// For the tasks.
    report: Sender<LineInput>,
    outgoing: Sender<Outgoing>,
    permits: Sender<()>,
    /// Whether the socket's task may read a message and has not reported it.
    reading: bool,
    socket: Task<Option<Ended>>,
    device: Option<Device>,
}

/// A connection to the device: dropping it closes it.
struct Device {
    id: ChannelId,
    to_device: Sender<Vec<u8>>,
    _task: Task<()>,
}

impl<'a, F: FnMut(RelayEvent)> Driver<'a, F> {
    fn new(socket: Socket, encoding: Encoding, config: &'a RelayConfig, port: Port, hello: Hello, events: F) -> Self {
        let clock = Clock::start();
        // Small: tasks that report faster than the driver works have to wait, and with them their peers.
        let (report, inputs) = bounded(16);
        let (outgoing, texts) = unbounded();
        let (permits, granted) = bounded(1);
        Self {
            config,
            line: Talk::new(encoding, clock.now(), port, hello),
            clock,
            lms: config.lms_address,
            events,
            inputs,
            socket: smol::spawn(websocket::own(socket, texts, granted, report.clone())),
            report,
            outgoing,
            permits,
            reading: false,
            device: None,
        }
    }

    async fn run(mut self) -> Result<Option<Outcome>, RelayError> {
        loop {
            while let Some(output) = self.line.poll_output() {
                if let LineOutput::End(end) = output {
                    return self.finish(end).await;
                }
                self.carry_out(output)?;
            }
            if !self.reading && self.line.wants_message() {
                self.reading = self.permits.try_send(()).is_ok();
            }
            match self.next_input().await {
                Some(input) => {
                    self.reading &= !matches!(input, LineInput::Text(_) | LineInput::Binary(_));
                    self.line.handle(self.clock.now(), input);
                }
                None => self.line.handle_timeout(self.clock.now()),
            }
        }
    }

    /// The next input, or `None` at the deadline.
    async fn next_input(&self) -> Option<LineInput> {
        let deadline = async {
            match self.line.poll_timeout() {
                Some((at, _)) => self.clock.reaches(at).await,
                None => smol::future::pending().await,
            }
            None
        };
        async { self.inputs.recv().await.ok() }.or(deadline).await
    }

    fn carry_out(&mut self, output: LineOutput) -> Result<(), RelayError> {
        match output {
            LineOutput::Send(message) => self.send(&message)?,
            LineOutput::SendPacket(Data(bytes)) => {
                let _ = self.outgoing.try_send(Outgoing::Binary(bytes));
            }
            LineOutput::Redial => self.redial(),
            LineOutput::Connect(id, port) => {
                let (to_device, bytes) = unbounded();
                let connection = device::connection(id, self.lms.port(port), bytes, self.report.clone());
                self.device = Some(Device { id, to_device, _task: smol::spawn(connection) });
            }
            LineOutput::ToDevice(id, bytes) => {
                if let Some(device) = self.device.as_ref().filter(|device| device.id == id) {
                    // An end of the connection is reported by its task.
                    let _ = device.to_device.try_send(bytes);
                }
            }
            LineOutput::Disconnect(id) => self.device = self.device.take().filter(|device| device.id != id),
            LineOutput::Tell(notice) => (self.events)(RelayEvent::Line(notice)),
            LineOutput::End(_) => {}
        }
        Ok(())
    }

    /// Another WebSocket, in place of the one that is gone.
    fn redial(&mut self) {
        let (outgoing, packets) = unbounded();
        let (permits, granted) = bounded(1);
        (self.outgoing, self.permits, self.reading) = (outgoing, permits, false);
        self.socket = smol::spawn(websocket::own_another(self.config.clone(), packets, granted, self.report.clone()));
    }

    fn send(&self, message: &ToServer) -> Result<(), RelayError> {
        // An end of the socket is reported by its task.
        let _ = self.outgoing.try_send(Outgoing::Text(message.encode()?));
        Ok(())
    }

    /// Lets what is on its way leave, says goodbye, and tells how it ended.
    async fn finish(self, end: End) -> Result<Option<Outcome>, RelayError> {
        let Self { inputs, outgoing, permits, socket, device, .. } = self;
        drop((device, inputs, permits));
        let goodbye = match end {
            End::Unreadable(_)
            | End::Binary
            | End::Compact(_)
            | End::Unacknowledged
            | End::Relay(Close::ServerFlooded) => Goodbye::Protocol,
            End::Success(_) | End::Failure(_) | End::Unknown | End::NotBack(_) | End::Relay(_) => Goodbye::Done,
        };
        let _ = outgoing.try_send(Outgoing::Close(goodbye));
        let lost = websocket::ended(socket).await;
        match end {
            End::Success(outcome) => Ok(Some(outcome)),
            End::Unknown => Ok(None),
            End::Failure(outcome) if matches!(lost, Some(Ended::Stopping(_))) => {
                Err(RelayError::Stopping(outcome.to_string()))
            }
            End::Failure(outcome) => Err(RelayError::Failure(outcome)),
            End::Unreadable(error) => Err(RelayError::Unreadable(error)),
            End::Binary => Err(RelayError::Binary),
            End::Compact(error) => Err(RelayError::Compact(Box::new(error))),
            End::NotBack(why) => Err(RelayError::NotBack(why.into())),
            End::Unacknowledged => Err(RelayError::Unacknowledged),
            End::Relay(Close::ServerFlooded) => Err(RelayError::Flooded),
            End::Relay(Close::Deadline(wake)) => Err(RelayError::Deadline(wake)),
            End::Relay(Close::LineLost | Close::Finished | Close::SurveyFailed) => {
                Err(RelayError::LineLost(match lost {
                    Some(Ended::Lost(why) | Ended::Stopping(why)) => why,
                    None => "no reason was given".to_owned(),
                }))
            }
        }
    }
}
