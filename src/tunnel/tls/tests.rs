//! Handshakes in memory with a real rustls server in the device's place.

use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::identity::{RomCaHash, SpkiHash};
use amt_provision_fsm::peer::{Expectation, OdcaExpectation, Peer, Unvouched, Voucher};
use proptest::prelude::*;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;
use rustls::{
    NamedGroup, ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, SignatureScheme,
    SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};

use super::verifier::Verifier;
use super::*;
use crate::pki::authority::{DeploymentAuthority, DeviceKey, Serial};
use crate::pki::odca::revocation::{Revocation, RevocationList, RevocationPolicy};
use crate::pki::odca::{OdcaRefusal, OdcaTrust};
use crate::pki::spki::spki_hash_of_certificate;
use crate::simulator::identity::{
    ChainShape, Identity, LeafPurpose, SimulatorAuthority, Subject, generate_p384_key, generate_rsa_key,
};
use crate::simulator::revocation::ListShape;

const VERSIONS: [TlsVersion; 2] = [TlsVersion::V1_2, TlsVersion::V1_3];

static AUTHORITY: LazyLock<SimulatorAuthority> = LazyLock::new(|| SimulatorAuthority::generate().unwrap());
static TRUST: LazyLock<Arc<OdcaTrust>> = LazyLock::new(|| Arc::new(AUTHORITY.trusted_as("simulator").unwrap()));
static ODCA: LazyLock<Identity> = LazyLock::new(|| AUTHORITY.device(&ChainShape::default()).unwrap());
static SELF_SIGNED: LazyLock<Identity> = LazyLock::new(|| Identity::self_signed(generate_rsa_key().unwrap()).unwrap());
static SELF_SIGNED_V1: LazyLock<Identity> =
    LazyLock::new(|| Identity::self_signed_v1(generate_rsa_key().unwrap()).unwrap());
static SELF_SIGNED_P384: LazyLock<Identity> =
    LazyLock::new(|| Identity::self_signed(generate_p384_key().unwrap()).unwrap());
static SELF_SIGNED_P384_V1: LazyLock<Identity> =
    LazyLock::new(|| Identity::self_signed_v1(generate_p384_key().unwrap()).unwrap());
static ISSUED: LazyLock<Identity> = LazyLock::new(|| {
    let key = generate_rsa_key().unwrap();
    let device_key = DeviceKey::from_der_key(KeySuite::Rsa2048Sha256, key.public_key_raw()).unwrap();
    let uuid = "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().unwrap();
    let authority = DeploymentAuthority::generate().unwrap();
    let certificate = authority.issue(uuid, &device_key, Serial::from_random([9; 16])).unwrap();
    Identity::new(key, vec![certificate])
});

fn identities() -> [&'static Identity; 6] {
    [&ODCA, &SELF_SIGNED, &SELF_SIGNED_V1, &SELF_SIGNED_P384, &SELF_SIGNED_P384_V1, &ISSUED]
}

fn single_certificates() -> [&'static Identity; 5] {
    [&SELF_SIGNED, &SELF_SIGNED_V1, &SELF_SIGNED_P384, &SELF_SIGNED_P384_V1, &ISSUED]
}

fn key_of(identity: &Identity) -> SpkiHash {
    spki_hash_of_certificate(&identity.chain[0]).unwrap()
}

fn rom_ca_of(identity: &Identity) -> RomCaHash {
    RomCaHash::from_bytes(Sha256::digest(&identity.chain[3]).into())
}

fn pin(identity: &Identity) -> Expectation {
    Expectation { pins: vec![key_of(identity)], ..Expectation::default() }
}

fn any_device() -> Expectation {
    Expectation { odca: OdcaExpectation::AnyDevice, ..Expectation::default() }
}

fn self_signed() -> Expectation {
    Expectation { unvouched: Unvouched::SelfSigned, ..Expectation::default() }
}

fn client(expectation: Expectation, max_version: TlsVersion) -> TlsClient {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    TlsClient::new(expectation, Arc::clone(&TRUST), now, max_version).unwrap()
}

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

fn server(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    wants_certificate: bool,
) -> ServerConnection {
    ServerConnection::new(server_config(identity, versions, wants_certificate)).unwrap()
}

fn server_config(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    wants_certificate: bool,
) -> Arc<ServerConfig> {
    let asking = if wants_certificate { Asking::ForOne } else { Asking::Not };
    server_config_asking(identity, versions, asking)
}

/// Whether a device asks for a certificate of ours.
enum Asking {
    Not,
    ForOne,
    /// And goes on if it gets none.
    Idly,
}

fn server_config_asking(
    identity: &Identity,
    versions: &[&'static SupportedProtocolVersion],
    asking: Asking,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = || {
        let mut roots = RootCertStore::empty();
        roots.add(AUTHORITY.root().clone()).unwrap();
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
    };
    let verifier = match asking {
        Asking::Not => WebPkiClientVerifier::no_client_auth(),
        Asking::ForOne => verifier().build().unwrap(),
        Asking::Idly => verifier().allow_unauthenticated().build().unwrap(),
    };
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let key = Arc::unwrap_or_clone(identity.certified_key().unwrap());
    let resolver = Arc::new(SingleCertAndKey::from(key));
    Arc::new(builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver))
}

/// Carries bytes both ways, cut into pieces of the given sizes in turn, until nobody has anything to say.
/// Ends with the client's first error.
struct Relay<C: Iterator<Item = usize>> {
    cuts: C,
    /// The byte, counted from the first one towards the client, that is replaced by its complement.
    alter: Option<usize>,
    towards_client: usize,
}

impl<C: Iterator<Item = usize>> Relay<C> {
    fn cutting(cuts: C) -> Self {
        Self { cuts, alter: None, towards_client: 0 }
    }

    fn run(&mut self, client: &mut TlsClient, server: &mut ServerConnection) -> Result<(), TlsError> {
        loop {
            let from_client = client.take_output();
            let mut from_server = Vec::new();
            let mut rest = &from_client[..];
            while !rest.is_empty() {
                let (mut piece, after) = rest.split_at(self.cut(rest.len()));
                rest = after;
                while !piece.is_empty() && server.read_tls(&mut piece).unwrap() > 0 {
                    let _ = server.process_new_packets();
                }
            }
            while server.wants_write() {
                server.write_tls(&mut from_server).unwrap();
            }
            if from_client.is_empty() && from_server.is_empty() {
                return Ok(());
            }
            if let Some(at) = self.alter
                && let Some(byte) = at.checked_sub(self.towards_client).and_then(|at| from_server.get_mut(at))
            {
                *byte = !*byte;
            }
            self.towards_client += from_server.len();
            let mut rest = &from_server[..];
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(self.cut(rest.len()));
                rest = after;
                client.feed(piece)?;
            }
        }
    }

    fn cut(&mut self, at_most: usize) -> usize {
        self.cuts.next().unwrap_or(usize::MAX).clamp(1, at_most)
    }
}

fn connect(client: &mut TlsClient, server: &mut ServerConnection) -> Result<(), TlsError> {
    Relay::cutting(std::iter::empty()).run(client, server)
}

/// The error of a handshake that must fail, and that the device got nothing but an alert.
fn refusal(expectation: Expectation, identity: &Identity, version: TlsVersion) -> Refusal {
    let mut client = client(expectation, version);
    let mut server = server(identity, BOTH, false);
    let error = connect(&mut client, &mut server).unwrap_err();
    assert_eq!(client.peer(), None);
    assert_eq!(client.write_plaintext(b"secret"), Err(error.clone()), "an error is final");
    assert_eq!(client.feed(b"anything"), Err(error.clone()));
    let alert = client.take_output();
    server.read_tls(&mut &alert[..]).unwrap();
    assert!(matches!(server.process_new_packets(), Err(rustls::Error::AlertReceived(_))));
    assert!(server.is_handshaking());
    match error {
        TlsError::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn exchange(relay: &mut Relay<impl Iterator<Item = usize>>, client: &mut TlsClient, server: &mut ServerConnection) {
    let request: Vec<u8> = (0..40_000_u32).map(|i| i as u8).collect();
    client.write_plaintext(&request).unwrap();
    let mut received = Vec::new();
    while received.len() < request.len() {
        let bytes = client.take_output();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            let io = server.process_new_packets().unwrap();
            let start = received.len();
            received.resize(start + io.plaintext_bytes_to_read(), 0);
            server.reader().read_exact(&mut received[start..]).unwrap();
        }
    }
    assert_eq!(received, request);
    server.writer().write_all(&request).unwrap();
    relay.run(client, server).unwrap();
    assert_eq!(client.read_plaintext(), request);
    assert!(client.read_plaintext().is_empty());
}

#[test]
fn every_identity_is_known_by_its_pin_in_both_versions() {
    for identity in identities() {
        for (version, agreed) in VERSIONS.into_iter().zip([ProtocolVersion::TLSv1_2, ProtocolVersion::TLSv1_3]) {
            let mut client = client(pin(identity), version);
            let mut server = server(identity, BOTH, false);
            let mut relay = Relay::cutting(std::iter::empty());
            relay.run(&mut client, &mut server).unwrap();
            assert_eq!(client.peer(), Some(Peer { spki: key_of(identity), voucher: Voucher::Nobody }));
            assert_eq!(client.negotiated().unwrap().version, agreed);
            assert_eq!(client.odca_identity(), None);
            exchange(&mut relay, &mut client, &mut server);
        }
    }
}

#[test]
fn a_genuine_device_is_known_by_its_rom_ca() {
    let enrolled = Expectation { odca: OdcaExpectation::Enrolled(rom_ca_of(&ODCA)), ..Expectation::default() };
    let pinned_too = Expectation { pins: vec![key_of(&ODCA)], unvouched: Unvouched::SelfSigned, ..any_device() };
    for expectation in [any_device(), enrolled, pinned_too] {
        for version in VERSIONS {
            let mut client = client(expectation.clone(), version);
            let mut server = server(&ODCA, BOTH, false);
            connect(&mut client, &mut server).unwrap();
            let peer = Peer { spki: key_of(&ODCA), voucher: Voucher::Odca(rom_ca_of(&ODCA)) };
            assert_eq!(client.peer(), Some(peer));
            assert_eq!(client.odca_identity().unwrap().rom_ca, rom_ca_of(&ODCA));
        }
    }
}

#[test]
fn a_self_signed_certificate_is_accepted_where_it_is_expected() {
    for identity in [&SELF_SIGNED, &SELF_SIGNED_V1, &SELF_SIGNED_P384, &SELF_SIGNED_P384_V1] {
        for version in VERSIONS {
            let mut client = client(self_signed(), version);
            connect(&mut client, &mut server(identity, BOTH, false)).unwrap();
            assert_eq!(client.peer(), Some(Peer { spki: key_of(identity), voucher: Voucher::Nobody }));
        }
    }
}

#[test]
fn a_self_signed_certificate_is_accepted_where_a_chain_would_be_too() {
    let either = Expectation { unvouched: Unvouched::SelfSigned, ..any_device() };
    for identity in [&SELF_SIGNED, &SELF_SIGNED_V1, &SELF_SIGNED_P384, &SELF_SIGNED_P384_V1] {
        let mut client = client(either.clone(), TlsVersion::V1_3);
        connect(&mut client, &mut server(identity, BOTH, false)).unwrap();
        assert_eq!(client.peer(), Some(Peer { spki: key_of(identity), voucher: Voucher::Nobody }));
    }
}

#[test]
fn a_chain_that_is_not_genuine_is_known_by_its_pin_or_adopted_and_nobody_vouches_for_it() {
    let stranger = SimulatorAuthority::generate().unwrap().device(&ChainShape::default()).unwrap();
    let pinned = Expectation { pins: vec![key_of(&stranger)], ..any_device() };
    let adopting = Expectation { unvouched: Unvouched::Any, ..any_device() };
    for expectation in [pinned, adopting] {
        for version in VERSIONS {
            let mut client = client(expectation.clone(), version);
            connect(&mut client, &mut server(&stranger, BOTH, false)).unwrap();
            assert_eq!(client.peer(), Some(Peer { spki: key_of(&stranger), voucher: Voucher::Nobody }));
            assert_eq!(client.odca_identity(), None);
        }
    }
}

#[test]
fn another_key_than_the_pinned_ones_is_refused() {
    let stranger = SpkiHash::from_bytes([7; 32]);
    for identity in identities() {
        for version in VERSIONS {
            let expectation = Expectation { pins: vec![stranger, stranger], ..Expectation::default() };
            let expected = Refusal::NotPinned { found: key_of(identity), pins: 2 };
            assert_eq!(refusal(expectation, identity, version), expected);
        }
    }
}

#[test]
fn a_genuine_device_that_is_not_the_enrolled_one_is_refused() {
    let enrolled = RomCaHash::from_bytes([7; 32]);
    let found = rom_ca_of(&ODCA);
    for version in VERSIONS {
        let expectation = Expectation { odca: OdcaExpectation::Enrolled(enrolled), ..Expectation::default() };
        assert_eq!(refusal(expectation, &ODCA, version), Refusal::OtherDevice { enrolled, found });
    }
}

#[test]
fn a_single_certificate_is_refused_where_a_chain_is_expected() {
    for identity in single_certificates() {
        for version in VERSIONS {
            assert_eq!(refusal(any_device(), identity, version), OdcaRefusal::SingleCertificate.into());
        }
    }
}

#[test]
fn a_certificate_that_is_not_self_signed_is_refused_where_a_self_signed_one_is_expected() {
    let mut two = Identity::self_signed(generate_p384_key().unwrap()).unwrap();
    two.chain.push(two.chain[0].clone());
    for (identity, presented) in [(&*ISSUED, 1), (&*ODCA, 6), (&two, 2)] {
        for version in VERSIONS {
            let expected = Refusal::NotSelfSigned { found: key_of(identity), presented };
            assert_eq!(refusal(self_signed(), identity, version), expected);
        }
    }
}

#[test]
fn nothing_is_accepted_where_nothing_is_expected() {
    for identity in identities() {
        assert_eq!(refusal(Expectation::default(), identity, TlsVersion::V1_3), Refusal::NothingExpected);
    }
}

#[test]
fn every_wrong_chain_is_refused_during_the_handshake() {
    let shaped = |change: &dyn Fn(&mut ChainShape)| {
        let mut shape = ChainShape::default();
        change(&mut shape);
        AUTHORITY.device(&shape).unwrap()
    };
    let presenting = |change: &dyn Fn(&mut Vec<CertificateDer<'static>>)| {
        let mut identity = shaped(&|_| {});
        change(&mut identity.chain);
        identity
    };
    let stranger = SimulatorAuthority::generate().unwrap();
    let wrong = [
        ("another root", stranger.device(&ChainShape::default()).unwrap()),
        (
            "a sibling branch",
            AUTHORITY.sibling("ODCA CA2 OSSE Intermediate CA").unwrap().device(&ChainShape::default()).unwrap(),
        ),
        (
            "engineering silicon",
            shaped(&|shape| shape.authorities[0] = Subject::unit("ODCA 2 CSME E_SIM SOC 00000001 Issuing CA")),
        ),
        ("another use of the die", shaped(&|shape| shape.leaf = Subject::named("AMT WS-MAN"))),
        ("no purpose", shaped(&|shape| shape.purpose = LeafPurpose::Unstated)),
        ("a client's purpose", shaped(&|shape| shape.purpose = LeafPurpose::ClientAuth)),
        ("expired", shaped(&|shape| shape.not_after = rcgen::date_time_ymd(2026, 1, 1))),
        ("oversized", shaped(&|shape| shape.ballast = 4096)),
        ("4 certificates", presenting(&|chain| chain.truncate(4))),
        ("30 certificates", presenting(&|chain| *chain = chain.iter().cycle().take(30).cloned().collect())),
        ("a decoy for the ROM CA", presenting(&|chain| chain[3] = ODCA.chain[3].clone())),
    ];
    for (what, identity) in &wrong {
        for version in VERSIONS {
            let refusal = refusal(any_device(), identity, version);
            assert!(matches!(refusal, Refusal::Odca(_)), "{what}: {refusal}");
        }
    }
}

#[test]
fn a_revoked_chain_is_refused_during_the_handshake_though_its_key_is_pinned_or_anybodys() {
    let silicon = AUTHORITY.silicon(&ChainShape::default()).unwrap();
    let identity = &silicon.identity;
    let kernel = AUTHORITY.indirect_list(&ListShape::revoking([identity.chain[2].clone()])).unwrap();
    let rom = silicon.platform_list(&ListShape::revoking([identity.chain[3].clone()])).unwrap();
    let pinned = Expectation { pins: vec![key_of(identity)], ..any_device() };
    let adopting = Expectation { unvouched: Unvouched::Any, ..any_device() };
    for (list, policy, words) in [
        (
            Some(&kernel),
            RevocationPolicy::IfPresent,
            "the kernel CA `ODCA 2 CSME SIM SOC SVN 01 Kernel CA`, serial number",
        ),
        (Some(&rom), RevocationPolicy::IfPresent, "the ROM CA `ODCA 2 CSME SIM SOC ROM CA`, serial number"),
        (
            None,
            RevocationPolicy::Required,
            "none covers the CSME intermediate `ODCA CA2 CSME Intermediate CA`: there is none",
        ),
    ] {
        let lists = list.map(|der| Arc::new(RevocationList::read("a.crl", der).unwrap()));
        let revocation = Revocation { policy, lists: Arc::new(lists.into_iter().collect()) };
        let trust = Arc::new(OdcaTrust::clone(&TRUST).with_revocation(revocation));
        for (expectation, version) in
            [(any_device(), TlsVersion::V1_2), (pinned.clone(), TlsVersion::V1_3), (adopting.clone(), TlsVersion::V1_3)]
        {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
            let mut client = TlsClient::new(expectation, Arc::clone(&trust), now, version).unwrap();
            let mut server = server(identity, BOTH, false);
            let error = connect(&mut client, &mut server).unwrap_err();
            let TlsError::Refused(Refusal::Odca(refusal)) = error else { panic!("{error}") };
            assert!(refusal.is_about_revocation() && refusal.to_string().contains(words), "{refusal}");
        }
    }
}

#[test]
fn a_chain_in_another_order_and_with_its_root_is_accepted() {
    let mut identity = AUTHORITY.device(&ChainShape::default()).unwrap();
    let rom_ca = rom_ca_of(&identity);
    identity.chain[1..].reverse();
    identity.chain.push(AUTHORITY.root().clone());
    let mut client = client(any_device(), TlsVersion::V1_3);
    connect(&mut client, &mut server(&identity, BOTH, false)).unwrap();
    assert_eq!(client.peer().unwrap().voucher, Voucher::Odca(rom_ca));
}

/// rustls takes one certificate in a handshake, and no second handshake.
#[test]
fn a_second_certificate_in_one_session_is_refused_though_it_is_the_same() {
    let verifier = Verifier::new(any_device(), Arc::clone(&TRUST));
    let name = ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into());
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    let show = || verifier.verify_server_cert(&ODCA.chain[0], &ODCA.chain[1..], &name, &[], now);
    assert!(show().is_ok());
    assert!(show().is_err());
}

#[test]
fn certificates_without_their_key_prove_nothing() {
    for (victim, expectation) in [
        (&*ODCA, any_device()),
        (&*SELF_SIGNED_P384_V1, pin(&SELF_SIGNED_P384_V1)),
        (&*SELF_SIGNED_P384, self_signed()),
    ] {
        let thief = Identity::new(generate_p384_key().unwrap(), victim.chain.clone());
        for version in VERSIONS {
            let mut client = client(expectation.clone(), version);
            let error = connect(&mut client, &mut server(&thief, BOTH, false)).unwrap_err();
            assert!(matches!(error, TlsError::Protocol(rustls::Error::InvalidCertificate(_))), "{error}");
            assert_eq!(client.peer(), None);
        }
    }
}

#[test]
fn a_short_rsa_key_is_refused_even_if_pinned() {
    struct Rsa1024(Vec<u8>);
    impl rcgen::PublicKeyData for Rsa1024 {
        fn der_bytes(&self) -> &[u8] {
            &self.0
        }
        fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
            &rcgen::PKCS_RSA_SHA256
        }
    }
    let modulus = [0xc5; 128];
    let key = Rsa1024([b"\x30\x81\x89\x02\x81\x81\x00", &modulus[..], b"\x02\x03\x01\x00\x01"].concat());
    let params = rcgen::CertificateParams::default();
    let signer = generate_p384_key().unwrap();
    let certificate = params.signed_by(&key, &rcgen::Issuer::from_params(&params, &signer)).unwrap();
    let identity = Identity::new(generate_p384_key().unwrap(), vec![certificate.into()]);
    for version in VERSIONS {
        assert_eq!(refusal(pin(&identity), &identity, version), Refusal::WeakKey { bits: 1024 });
    }
}

#[test]
fn a_device_that_asks_for_a_certificate_ends_in_an_error_that_says_so() {
    for version in VERSIONS {
        for cuts in [usize::MAX, 1] {
            let mut client = client(any_device(), version);
            let mut server = server(&ODCA, BOTH, true);
            let error = Relay::cutting(std::iter::repeat(cuts)).run(&mut client, &mut server).unwrap_err();
            assert_eq!(error, TlsError::ClientCertificateRequested);
            assert_eq!(client.peer(), None);
        }
    }
}

#[test]
fn a_device_that_asks_for_a_certificate_is_told_nothing_though_it_would_go_on_without_one() {
    for version in VERSIONS {
        let mut client = client(any_device(), version);
        let mut server = ServerConnection::new(server_config_asking(&ODCA, BOTH, Asking::Idly)).unwrap();
        assert_eq!(connect(&mut client, &mut server), Err(TlsError::ClientCertificateRequested));
        assert_eq!(client.peer(), None);
        assert_eq!(client.write_plaintext(b"secret"), Err(TlsError::ClientCertificateRequested));
    }
}

#[test]
fn a_stranger_that_asks_for_a_certificate_is_refused_as_a_stranger() {
    for version in VERSIONS {
        let mut client = client(any_device(), version);
        let error = connect(&mut client, &mut server(&SELF_SIGNED, BOTH, true)).unwrap_err();
        assert_eq!(error, TlsError::Refused(OdcaRefusal::SingleCertificate.into()));
    }
}

#[test]
fn the_first_flight_is_small_and_offers_only_what_a_firmware_may_have() {
    for version in VERSIONS {
        let hello = client(any_device(), version).take_output();
        assert!(hello.len() <= 300, "{} bytes", hello.len());
        let mut acceptor = rustls::server::Acceptor::default();
        acceptor.read_tls(&mut &hello[..]).unwrap();
        let accepted = acceptor.accept().unwrap().unwrap();
        let hello = accepted.client_hello();
        assert_eq!(hello.server_name(), None);
        let groups = [NamedGroup::X25519, NamedGroup::secp256r1, NamedGroup::secp384r1];
        assert_eq!(hello.named_groups().unwrap(), groups);
        let schemes = [
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA256,
        ];
        assert_eq!(hello.signature_schemes(), schemes, "neither Edwards nor P-521 nor post-quantum ones");
    }
}

#[test]
fn the_highest_version_is_a_choice() {
    let mut capped = client(any_device(), TlsVersion::V1_2);
    let error = connect(&mut capped, &mut server(&ODCA, &[&rustls::version::TLS13], false)).unwrap_err();
    assert!(matches!(error, TlsError::Protocol(_)), "{error}");

    let mut newer = client(any_device(), TlsVersion::V1_3);
    connect(&mut newer, &mut server(&ODCA, &[&rustls::version::TLS12], false)).unwrap();
    assert_eq!(newer.negotiated().unwrap().version, ProtocolVersion::TLSv1_2);
}

#[test]
fn a_second_session_with_the_same_device_is_a_full_handshake_again() {
    for version in VERSIONS {
        let device = server_config(&ODCA, BOTH, false);
        for _ in 0..2 {
            let mut client = client(any_device(), version);
            let mut server = ServerConnection::new(Arc::clone(&device)).unwrap();
            connect(&mut client, &mut server).unwrap();
            assert_eq!(server.handshake_kind(), Some(rustls::HandshakeKind::Full));
            assert!(client.peer().is_some());
        }
    }
}

#[test]
fn nothing_can_be_written_before_the_peer_is_known_or_after_the_close() {
    let mut client = client(any_device(), TlsVersion::V1_3);
    let mut server = server(&ODCA, BOTH, false);
    let hello = client.take_output();
    assert_eq!(client.write_plaintext(b"secret"), Err(TlsError::NotOpen));
    assert!(client.take_output().is_empty());
    server.read_tls(&mut &hello[..]).unwrap();
    server.process_new_packets().unwrap();
    connect(&mut client, &mut server).unwrap();
    client.write_plaintext(b"secret").unwrap();
    client.close();
    assert_eq!(client.write_plaintext(b"secret"), Err(TlsError::NotOpen));
    connect(&mut client, &mut server).unwrap();
    assert!(server.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn what_comes_behind_the_devices_end_is_dropped() {
    let mut client = client(any_device(), TlsVersion::V1_3);
    let mut server = server(&ODCA, BOTH, false);
    connect(&mut client, &mut server).unwrap();
    server.writer().write_all(b"last words").unwrap();
    server.send_close_notify();
    assert!(!client.is_closed_by_peer());
    connect(&mut client, &mut server).unwrap();
    assert!(client.is_closed_by_peer());
    assert_eq!(client.read_plaintext(), b"last words");
    assert_eq!(client.feed(b"not TLS at all"), Ok(()));
}

/// What the fuzz target `tls_tunnel` showed of rustls: it panics there, where its assertions are on.
#[test]
fn g11_what_comes_behind_our_own_end_is_not_looked_at() {
    for version in VERSIONS {
        let mut client = client(any_device(), version);
        let mut server = server(&ODCA, BOTH, false);
        connect(&mut client, &mut server).unwrap();
        client.close();
        let goodbye = client.take_output();
        assert_eq!(client.feed(b"not TLS at all"), Ok(()));
        server.writer().write_all(b"last words").unwrap();
        let mut last = Vec::new();
        server.write_tls(&mut last).unwrap();
        assert_eq!(client.feed(&last), Ok(()));
        assert!(client.read_plaintext().is_empty() && client.take_output().is_empty());
        server.read_tls(&mut &goodbye[..]).unwrap();
        assert!(server.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn what_waits_to_be_sent_or_read_is_bounded() {
    let mut client = client(any_device(), TlsVersion::V1_3);
    let mut server = server(&ODCA, BOTH, false);
    connect(&mut client, &mut server).unwrap();

    client.write_plaintext(&vec![0; MAX_UNSENT_BYTES]).unwrap();
    assert_eq!(client.write_plaintext(&[0]), Err(TlsError::Backlog));
    let taken = client.take_output();
    assert!(taken.len() < MAX_UNSENT_BYTES + 1024, "{} bytes", taken.len());
    assert_eq!(client.write_plaintext(&vec![0; MAX_UNSENT_BYTES + 1]), Err(TlsError::Backlog));
    client.write_plaintext(b"goes on").unwrap();

    let piece = vec![0; 16 * 1024];
    let mut flood = |client: &mut TlsClient, bytes: &[u8]| {
        server.writer().write_all(bytes).unwrap();
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.feed(&wire)
    };
    for _ in 0..MAX_UNREAD_BYTES / piece.len() {
        assert_eq!(flood(&mut client, &piece), Ok(()));
    }
    assert_eq!(flood(&mut client, &[0]), Err(TlsError::Flooded));
}

#[test]
fn a_relay_that_alters_replays_or_drops_a_record_ends_the_session() {
    for version in VERSIONS {
        for attack in [
            |first: &[u8], _: &[u8]| [&first[..first.len() - 1], &[!first[first.len() - 1]]].concat(),
            |first: &[u8], _: &[u8]| [first, first].concat(),
            |_: &[u8], second: &[u8]| second.to_vec(),
        ] {
            let mut client = client(any_device(), version);
            let mut server = server(&ODCA, BOTH, false);
            connect(&mut client, &mut server).unwrap();
            let [first, second] = [b"first", b"other"].map(|text| {
                server.writer().write_all(text).unwrap();
                let mut wire = Vec::new();
                server.write_tls(&mut wire).unwrap();
                wire
            });
            assert_eq!(client.feed(&attack(&first, &second)), Err(TlsError::Protocol(rustls::Error::DecryptError)));
            assert_ne!(client.read_plaintext(), b"other");
        }
    }
}

#[test]
fn bytes_that_are_not_tls_are_an_error_and_no_panic() {
    for bytes in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[0; 64], &[0x16; 70_000], &[0xff; 5]] {
        let mut client = client(any_device(), TlsVersion::V1_3);
        let error = client.feed(bytes).unwrap_err();
        assert!(matches!(error, TlsError::Protocol(_)), "{error}");
        assert_eq!(client.feed(&[]), Err(error));
    }
}

#[test]
fn bytes_one_at_a_time_make_the_same_session() {
    for identity in identities() {
        for version in VERSIONS {
            let mut client = client(pin(identity), version);
            let mut server = server(identity, BOTH, false);
            let mut relay = Relay::cutting(std::iter::repeat(1));
            relay.run(&mut client, &mut server).unwrap();
            assert_eq!(client.peer().unwrap().spki, key_of(identity));
            exchange(&mut relay, &mut client, &mut server);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bytes_cut_anywhere_make_the_same_session(
        which in 0usize..6,
        version in prop::sample::select(&VERSIONS[..]),
        cuts in prop::collection::vec(1usize..2000, 1..40),
    ) {
        let identity = identities()[which];
        let mut client = client(pin(identity), version);
        let mut server = server(identity, BOTH, false);
        let mut relay = Relay::cutting(cuts.into_iter().cycle());
        relay.run(&mut client, &mut server).unwrap();
        prop_assert_eq!(client.peer().unwrap().spki, key_of(identity));
        exchange(&mut relay, &mut client, &mut server);
    }

    /// Bytes that TLS does not look at, such as the minor version of a record, may change and do no harm.
    #[test]
    fn a_relay_that_alters_a_byte_changes_neither_the_peer_nor_the_data(
        version in prop::sample::select(&VERSIONS[..]),
        alter in 0usize..7000,
    ) {
        let mut client = client(any_device(), version);
        let mut server = server(&ODCA, BOTH, false);
        let mut relay = Relay { cuts: std::iter::empty(), alter: Some(alter), towards_client: 0 };
        let genuine = Peer { spki: key_of(&ODCA), voucher: Voucher::Odca(rom_ca_of(&ODCA)) };
        if relay.run(&mut client, &mut server).is_ok() && !server.is_handshaking() {
            prop_assert_eq!(client.peer(), Some(genuine));
            server.writer().write_all(&[0x5a; 3000]).unwrap();
            let _ = relay.run(&mut client, &mut server);
        }
        prop_assert!(client.peer().is_none_or(|peer| peer == genuine));
        prop_assert!(client.read_plaintext().iter().all(|byte| *byte == 0x5a));
    }
}
