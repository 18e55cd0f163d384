//! Real handshakes, cut anywhere and with pauses anywhere, to a peer that discards as RPS does.

use std::sync::{Arc, LazyLock};

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::{Instant, Millis};
use proptest::prelude::*;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use crate::relay::line::flight::{BRISK, Due, HELD};
use crate::relay::line::records::SEALED;
use crate::relay::line::session::Session;

const REQUEST: &[u8] = b"a request";
const REPLY: &[u8] = b"and its reply";

/// A device's certificate with its key: a chain of this many certificates, to make flights longer.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let device = rcgen::generate_simple_self_signed(["device".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(device.signing_key.serialize_der()).unwrap();
    Identity { chain: vec![device.cert.der().clone()], key }
});

/// What the two ends are.
#[derive(Clone, Debug)]
struct Ends {
    is_13: bool,
    /// Certificates in the chain.
    chain: usize,
    /// The device's longest record, if it is short.
    fragment: Option<usize>,
    tickets: usize,
    /// Whether the device answers the first ClientHello with a HelloRetryRequest.
    retry: bool,
    /// Whether the device has seen this client before.
    resumed: bool,
}

impl Ends {
    fn device(&self) -> Arc<ServerConfig> {
        let mut provider = aws_lc_rs::default_provider();
        if self.retry {
            provider.kx_groups = vec![kx_group::SECP384R1];
        }
        let version = if self.is_13 { &TLS13 } else { &TLS12 };
        let config =
            ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&[version]).unwrap();
        let chain = IDENTITY.chain.iter().cycle().take(self.chain).cloned().collect();
        let mut config = config.with_no_client_auth().with_single_cert(chain, IDENTITY.key.clone_key()).unwrap();
        config.max_fragment_size = self.fragment;
        config.send_tls13_tickets = self.tickets;
        Arc::new(config)
    }

    fn peer(&self) -> Arc<ClientConfig> {
        let mut provider = aws_lc_rs::default_provider();
        provider.kx_groups = vec![kx_group::X25519, kx_group::SECP384R1];
        let mut roots = RootCertStore::empty();
        roots.add(IDENTITY.chain[0].clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
        let mut config = config.unwrap().with_root_certificates(roots).with_no_client_auth();
        if !self.resumed {
            config.resumption = Resumption::disabled();
        }
        Arc::new(config)
    }
}

/// How the device's bytes come: so many, after so long.
type Script = Vec<(usize, u64)>;

/// A session between a peer and a device, with a relay's view of it between them.
struct Run {
    peer: ClientConnection,
    device: ServerConnection,
    session: Session,
    now: Instant,
    /// What the peer had from the device, by message.
    messages: Vec<Vec<u8>>,
    /// Whether a flight was not at its end when it left.
    refuted: bool,
    heard: Vec<u8>,
}

impl Run {
    fn new(device: &Arc<ServerConfig>, peer: &Arc<ClientConfig>) -> Self {
        Self {
            peer: ClientConnection::new(peer.clone(), ServerName::try_from("device").unwrap()).unwrap(),
            device: ServerConnection::new(device.clone()).unwrap(),
            session: Session::new(Port::Tls, BRISK),
            now: Instant::ZERO,
            messages: Vec::new(),
            refuted: false,
            heard: Vec::new(),
        }
    }

    /// Runs until the peer has its reply, or nothing moves any more.
    fn play(mut self, script: &Script) -> Self {
        let mut script = script.iter().copied().cycle();
        let (mut asked, mut on_the_way) = (false, Vec::new());
        while self.heard.len() < REPLY.len() {
            if !asked && !self.peer.is_handshaking() {
                std::io::Write::write_all(&mut self.peer.writer(), REQUEST).unwrap();
                asked = true;
            }
            self.peer_speaks();
            on_the_way.extend(self.device_speaks());
            if on_the_way.is_empty() {
                let Some(at) = self.session.deadline() else { break };
                self.wait(at);
                continue;
            }
            let (cut, pause) = script.next().unwrap();
            self.wait(self.now + Millis(pause));
            let part = on_the_way.drain(..cut.min(on_the_way.len())).collect();
            for message in self.session.on_device_bytes(self.now, part).unwrap() {
                self.peer_hears(message);
            }
        }
        self
    }

    fn wait(&mut self, until: Instant) {
        while let Some(at) = self.session.deadline().filter(|at| *at <= until) {
            match self.session.expire(at) {
                Some(Due::Message(message)) => self.peer_hears(message),
                Some(Due::Rest(messages)) => {
                    self.refuted = true;
                    messages.into_iter().for_each(|message| self.peer_hears(message));
                }
                other => panic!("{other:?} at {at:?}, after {} messages", self.messages.len()),
            }
            // What the relay sent may have been what the peer waited for.
            self.peer_speaks();
        }
        self.now = until;
    }

    fn peer_speaks(&mut self) {
        let mut bytes = Vec::new();
        while self.peer.wants_write() {
            self.peer.write_tls(&mut bytes).unwrap();
        }
        if !bytes.is_empty() {
            let freed = self.session.on_server_bytes(&bytes);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                self.device.read_tls(&mut rest).unwrap();
                self.device.process_new_packets().unwrap();
            }
            freed.into_iter().for_each(|message| self.peer_hears(message));
        }
    }

    fn device_speaks(&mut self) -> Vec<u8> {
        let mut heard = [0; 64];
        if std::io::Read::read(&mut self.device.reader(), &mut heard).is_ok_and(|count| count == REQUEST.len()) {
            std::io::Write::write_all(&mut self.device.writer(), REPLY).unwrap();
        }
        let mut bytes = Vec::new();
        while self.device.wants_write() {
            self.device.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// RPS's rule, and TLS behind it, which notices each byte that is missing.
    fn peer_hears(&mut self, message: Vec<u8>) {
        let is_discarded = self.peer.is_handshaking() && message.len() >= 5 && message[0] == SEALED;
        assert!(!is_discarded, "{} bytes that RPS throws away", message.len());
        assert!(!self.peer.is_handshaking() || message[0] != SEALED || self.refuted);
        let mut rest = &message[..];
        while !rest.is_empty() {
            self.peer.read_tls(&mut rest).unwrap();
            let state = self.peer.process_new_packets().unwrap();
            let mut text = vec![0; state.plaintext_bytes_to_read()];
            std::io::Read::read_exact(&mut self.peer.reader(), &mut text).unwrap();
            self.heard.extend(text);
        }
        self.messages.push(message);
    }
}

fn any_ends() -> impl Strategy<Value = Ends> {
    let fragment = prop::option::of(prop_oneof![64_usize..700, 700_usize..4096]);
    (any::<bool>(), 1_usize..9, fragment, 0_usize..4, any::<bool>(), any::<bool>()).prop_map(
        |(is_13, chain, fragment, tickets, retry, resumed)| Ends { is_13, chain, fragment, tickets, retry, resumed },
    )
}

/// Mostly no pause or a short one; sometimes longer than any gap, but not so long that the device is taken for dead.
fn any_script() -> impl Strategy<Value = Script> {
    let pause = prop_oneof![4 => Just(0), 2 => 0_u64..40, 1 => 0..HELD.0];
    prop::collection::vec((prop_oneof![1_usize..8, 1_usize..900], pause), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_handshake_ends_however_its_bytes_are_cut_and_whenever_they_come(ends in any_ends(), script in any_script()) {
        let (device, peer) = (ends.device(), ends.peer());
        if ends.resumed {
            prop_assert_eq!(Run::new(&device, &peer).play(&vec![(usize::MAX, 0)]).heard, REPLY);
        }
        let run = Run::new(&device, &peer).play(&script);
        prop_assert_eq!(run.heard, REPLY);
    }
}

/// All places of one cut, with a pause there that refutes every guess.
#[test]
fn a_pause_at_any_byte_of_a_flight_loses_nothing() {
    let mut refuted = 0;
    for (is_13, fragment) in [(true, None), (true, Some(400)), (false, Some(400))] {
        let ends = Ends { is_13, chain: 2, fragment, tickets: 2, retry: false, resumed: false };
        let (device, peer) = (ends.device(), ends.peer());
        for cut in 1..1100 {
            let run = Run::new(&device, &peer).play(&vec![(cut, 0), (usize::MAX, 5000)]);
            assert_eq!(run.heard, REPLY, "{ends:?} cut at {cut}");
            refuted += usize::from(run.refuted);
        }
    }
    // Behind each of the two records of TLS 1.3 that look like a whole flight.
    assert_eq!(refuted, 2);
}

#[test]
fn a_whole_flight_is_one_message() {
    for is_13 in [true, false] {
        let ends = Ends { is_13, chain: 3, fragment: None, tickets: 0, retry: false, resumed: false };
        let run = Run::new(&ends.device(), &ends.peer()).play(&vec![(11, 0)]);
        assert_eq!((run.heard.as_slice(), run.refuted), (REPLY, false));
        let flights: Vec<_> = run.messages.iter().take_while(|message| message[0] != SEALED).map(Vec::len).collect();
        // TLS 1.2: the one with the certificate, and the one with Finished.
        assert_eq!(flights.len(), if is_13 { 1 } else { 2 }, "{flights:?}");
    }
}
