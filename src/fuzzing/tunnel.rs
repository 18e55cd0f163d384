//! Bytes are what a relay does to a TLS session, or what it says in a device's place.

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use amt_provision_fsm::peer::Expectation;
use arbitrary::{Result, Unstructured};
use rustls::pki_types::UnixTime;
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, ServerConnection};

use super::actions::{pick, until_spent, up_to};
use crate::pki::odca::OdcaTrust;
use crate::pki::spki::spki_hash_of_certificate;
use crate::simulator::identity::{Identity, generate_p384_key};
use crate::tunnel::tls::{TlsClient, TlsVersion};

/// Steps of one session; a handshake costs as much as a thousand of them.
const MAX_STEPS: usize = 48;
/// Bytes of one write: more than a TLS record.
const MAX_WRITE: usize = 20_000;

/// Runs a session with a device through a relay that cuts, damages and invents bytes, and panics when one arrives that
/// was not sent, or one that was sent to an honest end does not.
pub fn tls_tunnel(data: &[u8]) {
    until_spent(data, |bytes| if bytes.arbitrary()? { invented(bytes) } else { Tunnel::new(bytes)?.run(bytes) });
}

/// Nothing but bytes: nobody is a peer without the key.
fn invented(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut client = client(bytes)?;
    let length = up_to(bytes, 64)?.max(1);
    let rest = bytes.bytes(bytes.len())?;
    for piece in rest.chunks(length) {
        let fed = client.feed(piece);
        assert!(client.peer().is_none() && client.read_plaintext().is_empty(), "a peer out of nothing");
        assert!(fed.is_ok() || client.feed(piece) == fed, "an error is final");
    }
    Ok(())
}

struct Tunnel {
    client: TlsClient,
    device: ServerConnection,
    /// The device's side has failed or closed, and reads no more.
    broken: bool,
    /// Somebody has closed, or a byte was damaged: not everything has to arrive.
    honest: bool,
    down: Way,
    up: Way,
}

/// One direction: what was sent, and what arrived.
#[derive(Default)]
struct Way {
    sent: Vec<u8>,
    arrived: Vec<u8>,
    /// Which of the next bytes is damaged.
    damage: Option<usize>,
}

impl Tunnel {
    fn new(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let device = ServerConnection::new(Arc::clone(&DEVICE.config)).unwrap_or_else(|error| panic!("{error}"));
        let client = client(bytes)?;
        Ok(Self { client, device, broken: false, honest: true, down: Way::default(), up: Way::default() })
    }

    fn run(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        for _ in 0..MAX_STEPS {
            let spent = bytes.is_empty();
            match bytes.arbitrary::<u8>()? % 8 {
                0 | 1 => {
                    let piece = self.down.next(bytes)?;
                    if self.client.write_plaintext(&piece).is_ok() {
                        self.down.sent.extend(piece);
                    }
                }
                2 | 3 if !self.device.is_handshaking() && !self.broken => {
                    let piece = self.up.next(bytes)?;
                    if self.device.writer().write_all(&piece).is_ok() {
                        self.up.sent.extend(piece);
                    }
                }
                4 => {
                    self.client.close();
                    self.honest = false;
                }
                5 => {
                    self.device.send_close_notify();
                    (self.broken, self.honest) = (true, false);
                }
                6 => {
                    let way = if bytes.arbitrary()? { &mut self.down } else { &mut self.up };
                    way.damage = Some(usize::from(bytes.arbitrary::<u16>()? % 2048));
                    self.honest = false;
                }
                _ => {}
            }
            let length = up_to(bytes, 4000)?.max(1);
            self.carry(length);
            if spent {
                break;
            }
        }
        Ok(())
    }

    /// Carries bytes both ways, in pieces of that length, until nobody has any.
    fn carry(&mut self, length: usize) {
        loop {
            let mut to_device = self.client.take_output();
            self.down.pass(&mut to_device);
            for mut piece in to_device.chunks(length) {
                while !self.broken && !piece.is_empty() && self.device.read_tls(&mut piece).is_ok_and(|n| n > 0) {
                    self.device_reads();
                }
            }
            let mut to_client = Vec::new();
            while self.device.wants_write() {
                let written = self.device.write_tls(&mut to_client);
                assert!(written.is_ok(), "writing to memory");
            }
            if to_device.is_empty() && to_client.is_empty() {
                break;
            }
            self.up.pass(&mut to_client);
            for piece in to_client.chunks(length) {
                let fed = self.client.feed(piece);
                self.up.arrived.extend(self.client.read_plaintext());
                assert!(!self.honest || fed.is_ok(), "an honest session failed: {fed:?}");
            }
        }
        self.down.judge(self.honest);
        self.up.judge(self.honest);
        assert!(!self.honest || self.client.peer().is_some(), "no peer after an honest handshake");
    }

    fn device_reads(&mut self) {
        match self.device.process_new_packets() {
            Ok(state) => {
                let start = self.down.arrived.len();
                self.down.arrived.resize(start + state.plaintext_bytes_to_read(), 0);
                let read = self.down.arrived.get_mut(start..).map(|tail| self.device.reader().read_exact(tail));
                assert!(matches!(read, Some(Ok(()))), "rustls has the bytes that it says it has");
            }
            Err(error) => {
                assert!(!self.honest, "an honest session failed: {error}");
                self.broken = true;
            }
        }
    }
}

impl Way {
    /// The next bytes to be sent: a sequence in which every place shows.
    fn next(&self, bytes: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let (start, length) = (self.sent.len(), up_to(bytes, MAX_WRITE)?);
        Ok((start..start + length).map(|n| (n ^ (n >> 8)) as u8).collect())
    }

    fn pass(&mut self, piece: &mut [u8]) {
        if let Some(byte) = self.damage.and_then(|at| piece.get_mut(at)) {
            *byte = !*byte;
            self.damage = None;
        }
    }

    fn judge(&self, honest: bool) {
        assert!(self.sent.starts_with(&self.arrived), "something arrived that was not sent");
        assert!(!honest || self.sent.len() == self.arrived.len(), "something was sent and did not arrive");
    }
}

fn client(bytes: &mut Unstructured<'_>) -> Result<TlsClient> {
    let version = pick(bytes, &[TlsVersion::V1_3, TlsVersion::V1_2])?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    let client = TlsClient::new(DEVICE.expected.clone(), Arc::clone(&DEVICE.trust), now, version);
    Ok(client.unwrap_or_else(|error| panic!("{error}")))
}

/// What all sessions share.
struct Device {
    config: Arc<ServerConfig>,
    expected: Expectation,
    trust: Arc<OdcaTrust>,
}

static DEVICE: LazyLock<Device> = LazyLock::new(|| make().unwrap_or_else(|error| panic!("{error}")));

fn make() -> std::result::Result<Device, Box<dyn std::error::Error>> {
    let identity = Identity::self_signed(generate_p384_key()?)?;
    let leaf = identity.chain.first().ok_or("a certificate")?;
    let expected = Expectation { pins: vec![spki_hash_of_certificate(leaf)?], ..Expectation::default() };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = Arc::unwrap_or_clone(identity.certified_key()?);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    config.send_tls13_tickets = 0;
    Ok(Device { config: Arc::new(config), expected, trust: Arc::new(OdcaTrust::production()) })
}
