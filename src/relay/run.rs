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
use super::line::{End, Line, LineInput, LineOutput};
use super::websocket::{self, Ended, Goodbye, Outgoing, Socket};
use super::{LmsAddress, RelayConfig, RelayError, RelayEvent, report};
use crate::mei::{LocalTls, Mei, Survey};
use crate::protocol::{Hello, Outcome, ToServer};

/// Runs a relay from the first question to the firmware to the server's last word. `events` is called for what a
/// person may want to see.
///
/// # Errors
/// [`RelayError`]: whatever was not a success, by blame.
pub async fn run(config: RelayConfig, mut events: impl FnMut(RelayEvent)) -> Result<Outcome, RelayError> {
    config.proof.fits(&config.url)?;
    let survey = survey(&config).await?;
    let local_tls = survey.local_tls;
    events(RelayEvent::Surveyed { version: survey.version, uuid: survey.uuid, mode: survey.control_mode, local_tls });
    let port = if local_tls == LocalTls::Enforced { Port::Tls } else { Port::Plain };
    let address = config.lms_address;
    // Firmware that cannot tell may have either.
    let other = (port == Port::Plain && !survey.version.tells_local_tls()).then_some(Port::Tls);
    let ports: Vec<_> = std::iter::once(port).chain(other).map(|port| address.port(port)).collect();
    let lms = device::wait_for(&ports, device::LMS_DEADLINE).await;
    lms.map_err(|source| RelayError::NoLms { address, port, source })?;
    let host = Host::ask(&config, &survey);
    let hello = report::hello(&config, survey, host);
    let socket = websocket::connect(&config).await?;
    events(RelayEvent::Connected(config.url));
    let outcome = Driver::new(socket, address, port, hello, events).run().await?;
    confirmed(&config.command, &config.mei, outcome).await
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

struct Driver<F> {
    line: Line,
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

impl<F: FnMut(RelayEvent)> Driver<F> {
    fn new(socket: Socket, lms: LmsAddress, port: Port, hello: Hello, events: F) -> Self {
        let clock = Clock::start();
        // Small: tasks that report faster than the driver works have to wait, and with them their peers.
        let (report, inputs) = bounded(16);
        let (outgoing, texts) = unbounded();
        let (permits, granted) = bounded(1);
        Self {
            line: Line::new(clock.now(), Limits::DEFAULT, port, hello),
            clock,
            lms,
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

    async fn run(mut self) -> Result<Outcome, RelayError> {
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
                    self.reading &= !matches!(input, LineInput::Text(_) | LineInput::Binary);
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

    fn send(&self, message: &ToServer) -> Result<(), RelayError> {
        // An end of the socket is reported by its task.
        let _ = self.outgoing.try_send(Outgoing::Text(message.encode()?));
        Ok(())
    }

    /// Lets what is on its way leave, says goodbye, and tells how it ended.
    async fn finish(self, end: End) -> Result<Outcome, RelayError> {
        let Self { inputs, outgoing, permits, socket, device, .. } = self;
        drop((device, inputs, permits));
        let goodbye = match end {
            End::Unreadable(_) | End::Binary | End::Relay(Close::ServerFlooded) => Goodbye::Protocol,
            End::Success(_) | End::Failure(_) | End::Relay(_) => Goodbye::Done,
        };
        let _ = outgoing.try_send(Outgoing::Close(goodbye));
        let lost = websocket::ended(socket).await;
        match end {
            End::Success(outcome) => Ok(outcome),
            End::Failure(outcome) if matches!(lost, Some(Ended::Stopping(_))) => {
                Err(RelayError::Stopping(outcome.to_string()))
            }
            End::Failure(outcome) => Err(RelayError::Failure(outcome)),
            End::Unreadable(error) => Err(RelayError::Unreadable(error)),
            End::Binary => Err(RelayError::Binary),
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
