//! The same inside TLS, with a real rustls server in the device's place.

use std::io::{Read, Write};

use amt_provision_fsm::identity::{CertificateHash, RomCaHash, SpkiHash};
use amt_provision_fsm::peer::{Expectation, OdcaExpectation, Voucher};
use amt_provision_fsm::request::{Certificate, CertificateHandle, DigestRealm, FirmwareNonce, TlsInterface};
use amt_provision_fsm::stage::TlsFault;
use proptest::prelude::*;
use rustls::sign::SingleCertAndKey;
use rustls::{ServerConfig, ServerConnection};

use super::device::{Closes, NONCE, REALM_BYTES};
use super::*;
use crate::pki::odca::OdcaTrust;
use crate::pki::odca::revocation::{Revocation, RevocationPolicy};
use crate::pki::spki::spki_hash_of_certificate;
use crate::simulator::identity::{ChainShape, Identity, SimulatorAuthority};
use crate::tunnel::tls::TlsVersion;

pub(super) static AUTHORITY: LazyLock<SimulatorAuthority> = LazyLock::new(|| SimulatorAuthority::generate().unwrap());
pub(super) static TRUST: LazyLock<Arc<OdcaTrust>> =
    LazyLock::new(|| Arc::new(AUTHORITY.trusted_as("simulator").unwrap()));
static ODCA: LazyLock<Identity> = LazyLock::new(|| AUTHORITY.device(&ChainShape::default()).unwrap());

pub(super) fn key() -> SpkiHash {
    spki_hash_of_certificate(&ODCA.chain[0]).unwrap()
}

pub(super) fn pinned() -> Expectation {
    Expectation { pins: vec![key()], ..Expectation::default() }
}

pub(super) fn channel(expectation: Expectation) -> Channel {
    let tls = TlsOptions { expectation, trust: Arc::clone(&TRUST), max_version: TlsVersion::V1_3 };
    Channel::tls(settings(), Remembered::default(), tls, now()).unwrap()
}

/// A device behind TLS.
pub(super) struct Secured {
    pub(super) tls: ServerConnection,
    pub(super) device: Device,
}

impl Secured {
    pub(super) fn new() -> Self {
        Self::showing(&ODCA)
    }

    pub(super) fn showing(identity: &Identity) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = Arc::unwrap_or_clone(identity.certified_key().unwrap());
        let config = config.with_no_client_auth().with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        Self { tls: ServerConnection::new(Arc::new(config)).unwrap(), device: Device::new() }
    }

    /// What it answers to everything that the channel has to send.
    pub(super) fn answer(&mut self, channel: &mut Channel) -> Vec<u8> {
        let sent = channel.take_output();
        let mut rest = &sent[..];
        while !rest.is_empty() {
            self.tls.read_tls(&mut rest).unwrap();
            if self.tls.process_new_packets().is_err() {
                return Vec::new();
            }
            let mut text = Vec::new();
            let _ = self.tls.reader().read_to_end(&mut text);
            let reply = self.device.take(&text);
            self.tls.writer().write_all(&reply).unwrap();
        }
        self.flush()
    }

    pub(super) fn flush(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Talks until both are silent, with the device's bytes cut into pieces of these sizes.
    pub(super) fn converse(&mut self, channel: &mut Channel, mut cuts: impl Iterator<Item = usize>) {
        loop {
            let bytes = self.answer(channel);
            if bytes.is_empty() {
                return;
            }
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(cuts.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
                channel.feed(piece, now());
                rest = after;
            }
        }
    }
}

/// A session that is up.
pub(super) fn up() -> (Channel, Secured) {
    let (mut channel, mut secured) = (channel(pinned()), Secured::new());
    secured.converse(&mut channel, std::iter::empty());
    assert!(matches!(events(&mut channel)[..], [Event::TlsUp(_)]));
    (channel, secured)
}

fn asking() -> (Channel, Secured) {
    let (mut channel, mut secured) = up();
    channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
    let challenge = secured.answer(&mut channel);
    channel.feed(&challenge, now());
    (channel, secured)
}

fn failed(expectation: Expectation) -> (TlsFault, Lost) {
    let (mut channel, mut secured) = (channel(expectation), Secured::new());
    secured.converse(&mut channel, std::iter::empty());
    assert_eq!(channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()), Err(AskError::NotOpen));
    assert!(secured.device.received.is_empty());
    match <[Event; 1]>::try_from(events(&mut channel)) {
        Ok([Event::TlsFailed(fault, why)]) => (fault, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_asked_before_the_handshake_has_shown_the_peer() {
    let mut channel = channel(Expectation { odca: OdcaExpectation::AnyDevice, ..Expectation::default() });
    assert_eq!(channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()), Err(AskError::NotOpen));
    let mut secured = Secured::new();
    secured.converse(&mut channel, std::iter::empty());
    let events_so_far = events(&mut channel);
    let [Event::TlsUp(peer)] = &events_so_far[..] else { panic!("{events_so_far:?}") };
    assert_eq!(peer.spki, key());
    assert!(matches!(peer.voucher, Voucher::Odca(_)));
    assert!(channel.tls_client().unwrap().odca_identity().is_some());
    channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
    secured.converse(&mut channel, std::iter::empty());
    assert!(matches!(events(&mut channel)[..], [Event::Reply(ID, Reply::Uuid(_))]));
    assert!(String::from_utf8(secured.device.received).unwrap().contains(":16993\r\n"));
}

#[test]
fn a_peer_that_is_not_expected_is_told_by_its_key_or_its_rom_ca() {
    let (fault, why) = failed(Expectation { pins: vec![SpkiHash::from_bytes([1; 32])], ..Expectation::default() });
    assert_eq!(fault, TlsFault::Stranger(Some(key())));
    assert!(matches!(why, Lost::Peer(PeerFault::Tls(_))));
    let enrolled = OdcaExpectation::Enrolled(RomCaHash::from_bytes([1; 32]));
    let (fault, _) = failed(Expectation { odca: enrolled, ..Expectation::default() });
    assert!(matches!(fault, TlsFault::StrangeRomCa(_)));
    let (fault, _) = failed(Expectation::default());
    assert_eq!(fault, TlsFault::Stranger(None));
}

#[test]
fn a_genuine_peer_that_revocation_speaks_against_is_told_as_that() {
    let revocation = Revocation { policy: RevocationPolicy::Required, lists: Arc::default() };
    let trust = Arc::new(OdcaTrust::clone(&TRUST).with_revocation(revocation));
    let expectation = Expectation { odca: OdcaExpectation::AnyDevice, ..Expectation::default() };
    let tls = TlsOptions { expectation, trust, max_version: TlsVersion::V1_3 };
    let mut channel = Channel::tls(settings(), Remembered::default(), tls, now()).unwrap();
    Secured::new().converse(&mut channel, std::iter::empty());
    let events = events(&mut channel);
    let [Event::TlsFailed(TlsFault::Revoked, why)] = &events[..] else { panic!("{events:?}") };
    assert!(why.to_string().contains("revocation lists are required"), "{why}");
}

#[test]
fn a_handshake_that_breaks_off_is_broken() {
    let mut garbage = channel(pinned());
    garbage.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n", now());
    assert!(matches!(events(&mut garbage)[..], [Event::TlsFailed(TlsFault::Broken, Lost::Peer(_))]));
    garbage.feed(b"more", now());
    garbage.end_of_stream(now());
    assert!(garbage.poll_event().is_none());

    let mut cut = channel(pinned());
    cut.end_of_stream(now());
    assert!(matches!(events(&mut cut)[..], [Event::TlsFailed(TlsFault::Broken, Lost::Link(LinkFault::Cut))]));
}

#[test]
fn close_notify_ends_the_connection_and_not_the_channel() {
    let (mut channel, mut secured) = asking();
    let mut bytes = secured.answer(&mut channel);
    secured.tls.send_close_notify();
    bytes.extend(secured.flush());
    channel.feed(&bytes, now());
    let events = events(&mut channel);
    assert!(matches!(events[..], [Event::Reply(ID, Reply::Uuid(_))]), "{events:?}");
    channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
    assert!(matches!(channel.poll_event(), Some(Event::Reopen)));
}

#[test]
fn an_end_without_close_notify_is_a_cut() {
    let (mut channel, _) = up();
    channel.end_of_stream(now());
    assert!(matches!(events(&mut channel)[..], [Event::Lost(Lost::Link(LinkFault::Cut))]));

    let (mut channel, mut secured) = asking();
    let bytes = secured.answer(&mut channel);
    channel.feed(&bytes[..bytes.len() / 2], now());
    channel.end_of_stream(now());
    assert!(matches!(events(&mut channel)[..], [Event::Lost(Lost::Link(LinkFault::Cut))]));

    let (mut channel, mut secured) = asking();
    secured.tls.send_close_notify();
    channel.feed(&secured.flush(), now());
    assert!(matches!(events(&mut channel)[..], [Event::Lost(Lost::InsteadOfReply)]));
}

#[test]
fn a_byte_that_was_altered_on_the_way_ends_the_connection() {
    let (mut channel, mut secured) = asking();
    let mut bytes = secured.answer(&mut channel);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    channel.feed(&bytes, now());
    assert!(matches!(events(&mut channel)[..], [Event::Lost(Lost::Peer(PeerFault::Tls(_)))]));
}

#[test]
fn the_digest_session_goes_on_in_the_next_tls_session() {
    let (mut channel, mut secured) = up();
    secured.device.closes = Closes::WithChallenges;
    channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
    secured.converse(&mut channel, std::iter::empty());
    assert!(matches!(events(&mut channel)[..], [Event::Reopen]));

    let mut again = Secured { device: secured.device, ..Secured::new() };
    again.device.reconnect();
    let tls = TlsOptions { expectation: pinned(), trust: Arc::clone(&TRUST), max_version: TlsVersion::V1_2 };
    let mut channel = Channel::tls(settings(), channel.into_remembered(), tls, now()).unwrap();
    again.converse(&mut channel, std::iter::empty());
    channel.ask(ID, ADMIN, Request::ReadUuid, &Passwords::new()).unwrap();
    again.converse(&mut channel, std::iter::empty());
    assert!(matches!(events(&mut channel)[..], [Event::TlsUp(_), Event::Reply(ID, Reply::Uuid(_))]));
    assert_eq!(again.device.challenges(), 1);
}

#[test]
fn every_request_is_answered_inside_tls() {
    let certificate = Certificate {
        der: ISSUED.chain[0].to_vec(),
        hash: CertificateHash::from_bytes([0; 32]),
        spki: spki_hash_of_certificate(&ISSUED.chain[0]).unwrap(),
    };
    let handle = || CertificateHandle("Intel(r) AMT Certificate: Handle: 0".into());
    let (password, realm) = (PasswordId(2), DigestRealm(REALM_BYTES));
    let requests = [
        Request::ReadGeneralSettings,
        Request::ReadUuid,
        Request::ReadControlMode,
        Request::ReadProvisioningState,
        Request::ReadKeyPairs,
        Request::ReadCertificates,
        Request::ReadCredentialContext,
        Request::ReadTlsSettings,
        Request::Setup { password, realm },
        Request::CommitChanges,
        Request::GenerateKeyPair(KeySuite::Rsa2048Sha256),
        Request::AddCertificate(certificate),
        Request::CreateCredentialContext(handle()),
        Request::PutCredentialContext(handle()),
        Request::SynchronizeClock,
        Request::PutTlsSettings(TlsInterface::Remote),
        Request::PutTlsSettings(TlsInterface::Local),
        Request::AddChainCertificate { index: 0 },
        Request::UpgradeClientToAdmin { nonce: FirmwareNonce(NONCE) },
        Request::SetAdminPassword { password, realm },
        Request::SetMebxPassword(PasswordId(0)),
        Request::Unprovision,
    ];
    let (mut channel, mut secured) = up();
    secured.device.bound = Some(0);
    for request in requests {
        let name = request.name();
        channel.ask(ID, ADMIN, request, &Passwords::new()).unwrap();
        secured.converse(&mut channel, std::iter::empty());
        let events = events(&mut channel);
        let answered = matches!(&events[..], [Event::Reply(ID, reply)] if !matches!(reply, Reply::Refused(_)));
        assert!(answered, "{name}: {events:?}");
    }
    assert_eq!(secured.device.challenges(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn how_tls_is_cut_does_not_matter(cuts in proptest::collection::vec(1..700_usize, 1..40)) {
        let (mut channel, mut secured) = (channel(pinned()), Secured::new());
        let mut cuts = cuts.into_iter().cycle();
        secured.converse(&mut channel, &mut cuts);
        channel.ask(ID, ADMIN, Request::ReadTlsSettings, &Passwords::new()).unwrap();
        secured.converse(&mut channel, &mut cuts);
        let up_and_answered = matches!(events(&mut channel)[..], [Event::TlsUp(_), Event::Reply(ID, Reply::TlsSettings(_))]);
        prop_assert!(up_and_answered);
    }
}
