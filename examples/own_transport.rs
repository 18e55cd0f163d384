//! Both ends over a transport of your own: no socket, no clock, no database.
//!
//! Two machines do the work, and neither of them does I/O: `Conversation` is the server's side of one device,
//! `relay::line::Line` the relay's. Your transport carries text between them, your relay carries bytes between its line and
//! LMS, your store keeps what `Job::Persist` hands over. Here all three are variables, the device is a simulated one, and
//! time is a number that jumps to whatever is due next.
//!
//! ```sh
//! cargo run --example own_transport
//! ```
#![expect(clippy::print_stdout, reason = "an example is there to be read, and so is what it says")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::CertificateHash;
use amt_provision::fsm::policy::{FirstUseTrust, FlowB, Goal, Order, Profile};
use amt_provision::fsm::provisioner::{ChannelId, Outcome};
use amt_provision::fsm::record::{Ledger, PasswordId, Provenance, Record, Snapshot};
use amt_provision::fsm::relay::Limits;
use amt_provision::fsm::request::{Certificate, ChainLength, KeyPair};
use amt_provision::fsm::time::Instant;
use amt_provision::mei::Mei;
use amt_provision::password::{Password, PasswordLength};
use amt_provision::pki::authority::{DeploymentAuthority, DeviceKey, Serial};
use amt_provision::protocol::{Command, DeviceReport, Hello, ToServer};
use amt_provision::relay::line::{End, Line, LineInput, LineOutput};
use amt_provision::server::{Beginning, Conversation, Job, ServedProfile, Vault};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::device::{self, ConnectionId, Device};
use amt_provision::simulator::firmware::{TrustedRoots, Truth};
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::persona::Persona;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape, ProvisioningStrength};
use amt_provision::store::Account;
use amt_provision::tunnel::channel::{Entropy, ProvisioningCertificate, SystemEntropy};
use rustls::pki_types::UnixTime;

/// Runs a device of AMT 19, flow A, and one of AMT 16, flow B.
///
/// # Errors
/// If one of them does not come to ACM.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let persona = Persona::usual(AmtVersion::new(19, 0));
    for version in [AmtVersion::new(19, 0), AmtVersion::new(16, 1)] {
        let (mut frames, mut records, mut bytes) = (0, 0, 0);
        let (outcome, truth, took) = provision(version, persona, &mut |heard| match heard {
            Heard::ToServer(text) | Heard::ToRelay(text) => (frames, bytes) = (frames + 1, bytes + text.len()),
            Heard::Record(record) => (records, bytes) = (records + 1, bytes + record.len()),
        })?;
        println!("AMT {version}: {outcome}; {frames} frames, {records} records, {bytes} bytes, {took:?} of its time");
        if truth.mode != ControlMode::Admin {
            return Err(format!("the device itself says {}", truth.mode).into());
        }
    }
    Ok(())
}

/// What goes over the line and to the disk, for whoever listens.
pub(crate) enum Heard<'a> {
    /// A text frame of the relay's.
    ToServer(&'a str),
    /// A text frame of the server's.
    ToRelay(&'a str),
    /// What was made durable.
    Record(&'a [u8]),
}

/// Brings a simulated device from the factory to ACM: how the run ended, what the device then is, and how long it took.
///
/// # Errors
/// If a party does not understand another one, or nothing can happen any more.
pub(crate) fn provision(
    version: AmtVersion,
    persona: Persona,
    listener: &mut dyn FnMut(Heard<'_>),
) -> Result<(Outcome, Truth, Duration), Box<dyn Error>> {
    let mut world = World::new(version, persona, listener)?;
    let outcome = world.run()?;
    let truth = world.device.truth(world.now);
    Ok((outcome, truth, Duration::from_millis(world.now.as_millis())))
}

/// A password that a record has named for the first time.
type NewPassword = (Account, PasswordId, Password);

/// 2026-12-01, and the time of the run on top of it.
const BEGAN: Duration = Duration::from_secs(1_796_083_200);

struct World<'a> {
    now: Instant,
    server: Conversation,
    relay: Line,
    device: Device,
    /// The relay's connection to the device.
    connection: Option<(ChannelId, ConnectionId)>,
    version: AmtVersion,
    authority: DeploymentAuthority,
    outcome: Option<Outcome>,
    listener: &'a mut dyn FnMut(Heard<'_>),
}

impl<'a> World<'a> {
    fn new(
        version: AmtVersion,
        persona: Persona,
        listener: &'a mut dyn FnMut(Heard<'_>),
    ) -> Result<Self, Box<dyn Error>> {
        let silicon = Arc::new(SimulatorAuthority::generate()?);
        let strength = ProvisioningStrength::of(version.suite());
        let chain = ProvisioningShape { strength, ..ProvisioningShape::for_domain("example.test") };
        let chain = ProvisioningChain::mint(&chain)?;
        let mut config = DeviceConfig::new("4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?, version, silicon.clone());
        config.persona = persona;
        config.roots = TrustedRoots::default().with_root("example", chain.root()).ok_or("no room for a root")?;
        config.dns_suffix = Some("example.test".into());
        let device = Device::new(&config)?;

        // What a relay does first: ask the firmware what it is, by the kernel's driver or a `MeiTransport` of your own,
        // and say so.
        let survey = Mei::new(&device).survey()?;
        let port = survey.local_tls.port();
        let command = Command::Activate { profile: "office".parse()? };
        let report = DeviceReport { hostname: "pc".into(), tls_tunnel: true, ..DeviceReport::from(survey) };
        let hello = Hello { command, tenant: String::new(), report };

        // What a server does with that: begin a run with what its store has of the device. Here that is nothing.
        let beginning = Beginning {
            report: &hello.report,
            ledger: Ledger::unknown(Record::new(hello.report.uuid)),
            vault: Vault::reported(&hello.report),
            profile: profile(&chain)?,
            order: Order::Provision,
            trust: Arc::new(silicon.trusted_as("simulator")?),
        };
        let server = Conversation::in_messages(Instant::ZERO, UnixTime::since_unix_epoch(BEGAN), beginning);
        Ok(Self {
            now: Instant::ZERO,
            server,
            relay: Line::new(Instant::ZERO, Limits::DEFAULT, port, hello),
            device,
            connection: None,
            version,
            authority: DeploymentAuthority::generate()?,
            outcome: None,
            listener,
        })
    }

    /// Lets everybody act until nobody can, and then lets time pass until somebody may.
    fn run(&mut self) -> Result<Outcome, Box<dyn Error>> {
        loop {
            let acted = self.server_acts()? | self.relay_acts()? | self.device_acts();
            if let Some(outcome) = self.outcome.take_if(|_| !acted) {
                return Ok(outcome);
            }
            if !acted {
                self.time_passes()?;
            }
        }
    }

    fn unix(&self) -> UnixTime {
        UnixTime::since_unix_epoch(BEGAN + Duration::from_millis(self.now.as_millis()))
    }

    fn server_acts(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut acted = false;
        while let Some(job) = self.server.poll_job() {
            acted = true;
            match job {
                Job::Persist(generation, record) => {
                    // Yours is a database, and says "stored" when record and passwords are safe from a power cut (G2).
                    (self.listener)(Heard::Record(&Snapshot::encode(&record)?));
                    let passwords = self.new_passwords(&record)?;
                    self.server.stored(self.now, self.unix(), generation, Ok(passwords));
                }
                Job::Issue(key) => {
                    let certificate = self.issue(&key)?;
                    self.server.issued(self.now, self.unix(), Some(certificate));
                }
                Job::Audit(edge) => println!("  {:>6} ms  {edge}", self.now.as_millis()),
                Job::End(outcome) => self.outcome = Some(outcome),
            }
        }
        while let Some(message) = self.server.poll_message() {
            acted = true;
            let text = message.encode()?;
            self.server.sent(text.len());
            (self.listener)(Heard::ToRelay(&text));
            self.relay_hears(LineInput::Text(text))?;
        }
        Ok(acted)
    }

    fn new_passwords(&self, record: &Record) -> Result<Vec<NewPassword>, Box<dyn Error>> {
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        let named = record.admin.iter().map(|it| (Account::Admin, it.id));
        let named = named.chain(record.mebx.iter().map(|it| (Account::Mebx, it.id)));
        let new = named.filter(|(account, id)| !self.server.vault().has(*account, *id));
        new.map(|(account, id)| Ok((account, id, Password::generate(PasswordLength::default(), random)?))).collect()
    }

    fn issue(&self, key: &KeyPair) -> Result<Certificate, Box<dyn Error>> {
        use sha2::{Digest, Sha256};
        let key = DeviceKey::from_der_key(self.version.suite(), &key.public_key)?;
        let mut random = [0; 16];
        SystemEntropy.fill(&mut random).map_err(|_| "no random numbers")?;
        let der = self.authority.issue(self.device.truth(self.now).uuid, &key, Serial::from_random(random))?;
        let hash = CertificateHash::from_bytes(Sha256::digest(&der).into());
        Ok(Certificate { der: der.to_vec(), hash, spki: key.spki_hash() })
    }

    /// The calling contract of every machine here: after each input, all outputs.
    fn relay_hears(&mut self, input: LineInput) -> Result<(), Box<dyn Error>> {
        self.relay.handle(self.now, input);
        self.relay_acts().map(drop)
    }

    fn relay_acts(&mut self) -> Result<bool, Box<dyn Error>> {
        let mut acted = false;
        while let Some(output) = self.relay.poll_output() {
            acted = true;
            match output {
                LineOutput::Send(message) => {
                    let text = message.encode()?;
                    (self.listener)(Heard::ToServer(&text));
                    match ToServer::parse(&text)? {
                        // The run has begun with it already.
                        ToServer::Hello(_) => {}
                        message => self.server.receive(self.now, self.unix(), message)?,
                    }
                    self.relay.handle(self.now, LineInput::Delivered);
                }
                LineOutput::Connect(id, port) => {
                    self.connection = Some((id, self.device.connect(self.now, port)));
                    self.relay.handle(self.now, LineInput::Connected(id));
                }
                LineOutput::ToDevice(id, bytes) => {
                    if let Some((_, connection)) = self.connection.filter(|(open, _)| *open == id) {
                        self.device.receive(self.now, connection, &bytes);
                        self.relay.handle(self.now, LineInput::SentToDevice(id, bytes.len()));
                    }
                }
                LineOutput::Disconnect(id) => {
                    if let Some((_, connection)) = self.connection.take_if(|(open, _)| *open == id) {
                        self.device.disconnected(self.now, connection);
                    }
                }
                // Compact frames are agreed on when a WebSocket opens, and there is none here.
                LineOutput::Tell(_) | LineOutput::SendPacket(_) | LineOutput::Redial => {}
                LineOutput::End(End::Success(_) | End::Failure(_)) => {}
                LineOutput::End(end) => return Err(format!("the relay ended: {end:?}").into()),
            }
        }
        Ok(acted)
    }

    fn device_acts(&mut self) -> bool {
        let mut acted = false;
        while let Some(output) = self.device.poll_output() {
            acted = true;
            let open = |connection| move |(_, open): &mut (ChannelId, ConnectionId)| *open == connection;
            match output {
                device::Output::Send(connection, bytes) => {
                    if let Some((id, _)) = self.connection.filter(|(_, open)| *open == connection) {
                        self.relay.handle(self.now, LineInput::FromDevice(id, bytes));
                    }
                }
                device::Output::Close(connection) => {
                    if let Some((id, _)) = self.connection.take_if(open(connection)) {
                        self.relay.handle(self.now, LineInput::DeviceClosed(id));
                    }
                }
                device::Output::Listen(_) | device::Output::Unlisten(_) => {}
            }
        }
        acted
    }

    fn time_passes(&mut self) -> Result<(), Box<dyn Error>> {
        let relay = self.relay.poll_timeout().map(|(at, _)| at);
        let due = [self.server.poll_timeout(), relay, self.device.poll_timeout()];
        self.now = due.into_iter().flatten().min().ok_or("nothing will ever happen again")?.max(self.now);
        self.device.handle_timeout(self.now);
        self.relay.handle_timeout(self.now);
        self.server.handle_timeout(self.now, self.unix());
        Ok(())
    }
}

/// To ACM, in plain text first where the firmware has no TLS yet: for this one device, of which nobody else hears.
fn profile(chain: &ProvisioningChain) -> Result<ServedProfile, Box<dyn Error>> {
    let length = ChainLength::new(chain.certificates().len()).ok_or("a chain of two to four certificates")?;
    let identity = ProvisioningCertificate::new(chain.certificates().to_vec(), &chain.key().into())?;
    let profile = Profile {
        flow_b: FlowB::Allowed,
        minimum: Provenance::FirstUse,
        first_use: FirstUseTrust::Trusted,
        ..Profile::cautious(Goal::Admin(length))
    };
    Ok(ServedProfile::new(profile, Some(Arc::new(identity))))
}
