//! Bytes are what a provisioner hears.

use amt_provision_fsm::edges::{Place, edges};
use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};
use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::peer::{Peer, Voucher};
use amt_provision_fsm::policy::{DeviceReport, LocalTls, Order, Profile};
use amt_provision_fsm::provisioner::{ChannelId, Input, Output, Provisioner, StoreFault};
use amt_provision_fsm::record::{Generation, Ledger, Record};
use amt_provision_fsm::request::{
    DigestRealm, FirmwareNonce, KeyHandle, KeyPair, Refusal, Reply, RequestId, TlsSettings,
};
use amt_provision_fsm::sim::{Answer, Connection, Device, Persona, issue};
use amt_provision_fsm::stage::{OpenFault, TlsFault};
use amt_provision_fsm::time::Instant;
use arbitrary::{Result, Unstructured};

use super::actions::{device, pick, until_spent};
use super::world::profile;

/// Outputs of one input; the most that are seen are six.
const MAX_OUTPUTS: u32 = 64;

/// Tells a provisioner whatever the bytes say, some of it as an honest device would, and panics when it breaks its
/// calling contract.
pub fn provisioner_inputs(data: &[u8]) {
    until_spent(data, |bytes| {
        let mut run = Run::new(bytes)?;
        while !bytes.is_empty() {
            run.step(bytes)?;
        }
        Ok(())
    });
}

/// A provisioner, and a device that answers where the bytes want honest answers.
struct Run {
    run: Provisioner,
    device: Device,
    connection: Connection,
    now: Instant,
    place: Option<Place>,
    last: Vec<Output>,
}

impl Run {
    fn new(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let persona = pick(bytes, &Persona::ALL)?;
        let device = Device::new(persona, device());
        let profile: Profile = profile(bytes)?;
        let order = pick(bytes, &[Order::Provision, Order::Rotate, Order::Deactivate])?;
        let ledger = Ledger::unknown(Record::new(super::actions::device()));
        let run = Provisioner::new(Instant::ZERO, ledger, profile, order, device.report());
        let connection = Connection::default();
        let mut begun = Self { run, device, connection, now: Instant::ZERO, place: None, last: Vec::new() };
        begun.drain();
        Ok(begun)
    }

    fn step(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let ended = self.run.outcome().cloned();
        // Three of four inputs are honest, or no run would get anywhere.
        let honest = if bytes.arbitrary::<u8>()? % 4 > 0 { self.honest() } else { Vec::new() };
        if honest.is_empty() {
            match input(bytes)? {
                Some(input) => self.run.handle(self.now, input),
                None => {
                    self.now = self.run.poll_timeout().map_or(self.now, |(at, _)| at);
                    self.run.handle_timeout(self.now);
                }
            }
        }
        self.last.clear();
        let mut count = self.drain();
        for input in honest {
            self.run.handle(self.now, input);
            count += self.drain();
        }
        if let Some(ended) = ended {
            assert_eq!(self.run.outcome(), Some(&ended), "an end absorbs");
            assert_eq!(count, 0, "something comes after the end");
        }
        match self.run.poll_timeout() {
            Some((at, _)) => assert!(at > self.now, "due at once"),
            None => assert!(self.run.outcome().is_some(), "waits for ever at {}", self.run.place()),
        }
        Ok(())
    }

    /// What comes of the last outputs where everybody is honest.
    fn honest(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for output in std::mem::take(&mut self.last) {
            match output {
                Output::Open(id, port) => inputs.push(match self.device.connect(port) {
                    Some(connection) => {
                        self.connection = connection;
                        Input::Opened(id)
                    }
                    None => Input::OpenFailed(id, OpenFault::Refused),
                }),
                Output::StartTls(id, _) => inputs.push(Input::TlsUp(id, self.device.shows())),
                Output::Request { channel, id, login, request } => {
                    match self.device.answer(&mut self.connection, login, &request) {
                        Answer::Reply(reply) => inputs.push(Input::Reply(id, reply)),
                        Answer::Restart(_) => inputs.push(Input::ChannelLost(channel)),
                    }
                }
                Output::Persist(generation, _) => inputs.push(Input::Persisted(generation)),
                Output::Issue(key) => inputs.push(Input::Issued(issue(&key))),
                Output::Close(_) | Output::Moved(_) | Output::Done(_) => {}
            }
        }
        inputs
    }

    /// Takes all outputs, as the contract wants it after every input; their number.
    fn drain(&mut self) -> u32 {
        let mut count = 0;
        while let Some(output) = self.run.poll_output() {
            count += 1;
            assert!(count < MAX_OUTPUTS, "outputs without end");
            if let Output::Moved(edge) = &output {
                assert!(edges().any(|declared| declared == *edge), "{edge} is not declared");
                assert!(self.place.is_none_or(|place| place == edge.from), "{edge} after {:?}", self.place);
                self.place = Some(edge.to);
            }
            self.last.push(output);
        }
        count
    }
}

/// An input as a peer, a store or a clock could send it, right or wrong. `None` is a wait to the deadline.
fn input(bytes: &mut Unstructured<'_>) -> Result<Option<Input>> {
    let channel = ChannelId(u32::from(bytes.arbitrary::<u8>()? % 8));
    let generation = Generation(u64::from(bytes.arbitrary::<u8>()? % 16));
    Ok(Some(match bytes.arbitrary::<u8>()? % 14 {
        0 => return Ok(None),
        1 => Input::Report(report(bytes)?),
        2 => Input::Opened(channel),
        3 => Input::OpenFailed(channel, pick(bytes, &[OpenFault::Refused, OpenFault::ClosedAtOnce])?),
        4 => Input::TlsUp(channel, peer(bytes)?),
        5 => Input::TlsFailed(channel, fault(bytes)?),
        6 | 7 => Input::Reply(RequestId(u32::from(bytes.arbitrary::<u8>()? % 64)), reply(bytes)?),
        8 => Input::ChannelLost(channel),
        9 => Input::LineLost,
        10 => Input::Persisted(generation),
        11 => Input::PersistFailed(generation, pick(bytes, &[StoreFault::Failed, StoreFault::LeaseLost])?),
        12 => Input::LeaseLost,
        _ => Input::NotIssued,
    }))
}

fn uuid(bytes: &mut Unstructured<'_>) -> Result<Uuid> {
    Ok(if bytes.arbitrary()? { device() } else { Uuid::from_bytes([7; 16]).unwrap_or_else(|_| device()) })
}

fn report(bytes: &mut Unstructured<'_>) -> Result<DeviceReport> {
    Ok(DeviceReport {
        uuid: uuid(bytes)?,
        version: pick(bytes, &Persona::ALL)?.version,
        mode: mode(bytes)?,
        local_tls: pick(bytes, &[LocalTls::On, LocalTls::Off])?,
    })
}

fn mode(bytes: &mut Unstructured<'_>) -> Result<ControlMode> {
    pick(bytes, &[ControlMode::PreProvisioning, ControlMode::Client, ControlMode::Admin])
}

fn spki(bytes: &mut Unstructured<'_>) -> Result<SpkiHash> {
    Ok(SpkiHash::from_bytes([bytes.arbitrary::<u8>()? % 4; 32]))
}

fn peer(bytes: &mut Unstructured<'_>) -> Result<Peer> {
    let rom_ca = RomCaHash::from_bytes([bytes.arbitrary::<u8>()? % 4; 32]);
    Ok(Peer { spki: spki(bytes)?, voucher: pick(bytes, &[Voucher::Nobody, Voucher::Odca(rom_ca)])? })
}

fn fault(bytes: &mut Unstructured<'_>) -> Result<TlsFault> {
    let stranger = TlsFault::Stranger(Some(spki(bytes)?));
    let other = TlsFault::StrangeRomCa(RomCaHash::from_bytes([3; 32]));
    pick(bytes, &[TlsFault::Broken, TlsFault::Revoked, TlsFault::Stranger(None), stranger, other])
}

fn reply(bytes: &mut Unstructured<'_>) -> Result<Reply> {
    Ok(match bytes.arbitrary::<u8>()? % 10 {
        0 => Reply::Done,
        1 => Reply::GeneralSettings(DigestRealm([1; 16])),
        2 => Reply::Uuid(uuid(bytes)?),
        3 => Reply::ControlMode(mode(bytes)?, FirmwareNonce([bytes.arbitrary()?; 20])),
        4 => Reply::ProvisioningState(
            ProvisioningState::from_code(bytes.int_in_range(0..=2)?).unwrap_or(ProvisioningState::Pre),
        ),
        5 => {
            let handle = KeyHandle(format!("Handle: {}", bytes.arbitrary::<u8>()? % 4));
            Reply::KeyPairs(vec![KeyPair { handle, spki: spki(bytes)?, public_key: vec![1] }])
        }
        6 => Reply::Certificates(Vec::new()),
        7 => Reply::CredentialContext(None),
        8 => Reply::TlsSettings(TlsSettings { remote: bytes.arbitrary()?, local: bytes.arbitrary()? }),
        _ => Reply::Refused(match bytes.arbitrary::<u8>()? % 5 {
            0 => Refusal::Unauthorized,
            1 => Refusal::ReturnValue(bytes.arbitrary::<u16>()?.into()),
            2 => Refusal::AlreadyExists,
            3 => Refusal::Fault(500),
            _ => Refusal::Unintelligible,
        }),
    })
}
