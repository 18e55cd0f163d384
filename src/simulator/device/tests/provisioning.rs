//! The way to ACM, per persona and firmware, with every reply lost that the persona loses.

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, KeySuite, Port, ProvisioningState};
use amt_provision_fsm::identity::SpkiHash;
use amt_provision_fsm::peer::{Expectation, Unvouched, Voucher};
use amt_provision_fsm::time::Millis;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::rig::*;
use crate::http::digest::{DigestRealm, Ha1, Session};
use crate::pki::authority::{DeploymentAuthority, DeviceKey, Serial};
use crate::pki::spki::spki_hash_of_certificate;
use crate::simulator::config::{ConnectionHabit, DeviceConfig};
use crate::simulator::device::MAX_CONNECTIONS;
use crate::simulator::firmware::{Class, Counters, Shown};
use crate::simulator::persona::{AfterCommit, LastReply, Persona};
use crate::wsman::{Call, Operation, Parameter, Reference, Selector};

const MEBX_PASSWORD: &str = "M3Bx!Passw0rd";

fn decoded(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn pinned(pin: SpkiHash) -> Expectation {
    Expectation { pins: vec![pin], ..Expectation::default() }
}

/// The admin password's hash, as Setup takes it.
pub(super) fn setup_parameters(line: &mut Line<'_>) -> [(&'static str, Parameter); 2] {
    let realm: DigestRealm = text(&line.get(Class::GeneralSettings), "DigestRealm").parse().unwrap();
    let ha1 = Ha1::new("admin", &realm, ADMIN_PASSWORD).to_hex();
    [("NetAdminPassEncryptionType", 2.into()), ("NetworkAdminPassword", ha1.as_str().into())]
}

/// The key of the bound certificate, if one is bound.
fn bound_key(line: &mut Line<'_>) -> Option<SpkiHash> {
    let contexts = line.list(Class::TlsCredentialContext);
    let bound = Reference::read(contexts.first()?.property("ElementInContext")?).unwrap();
    let certificate = line.call(
        &Call::new(Class::PublicKeyCertificate.uri(), Operation::Get)
            .with_selector(Selector::instance_id(bound.selector("InstanceID").unwrap())),
    );
    let der = decoded(&text(&certificate, "X509Certificate"));
    Some(spki_hash_of_certificate(&der.into()).unwrap())
}

/// Generates a key, certifies and binds it; returns its hash.
fn own_certificate(line: &mut Line<'_>, suite: KeySuite) -> SpkiHash {
    let kind = match suite {
        KeySuite::Rsa2048Sha256 => [("KeyAlgorithm", 0.into()), ("KeyLength", 2048.into())],
        KeySuite::EcP384Sha384 => [("KeyAlgorithm", 1.into()), ("KeyLength", 384.into())],
    };
    let (code, reply) = line.invoke(Class::PublicKeyManagementService, "GenerateKeyPair", kind);
    assert_eq!(code, 0);
    let made = Reference::read(reply.property("KeyPair").unwrap()).unwrap();
    let pairs = line.list(Class::PublicPrivateKeyPair);
    let pair = pairs.iter().find(|pair| Some(text(pair, "InstanceID").as_str()) == made.selector("InstanceID"));
    let key = DeviceKey::from_der_key(suite, &decoded(&text(pair.unwrap(), "DERKey"))).unwrap();
    let authority = DeploymentAuthority::generate().unwrap();
    let der = authority.issue(line.rig.truth().uuid, &key, Serial::from_random([3; 16])).unwrap();
    let blob = STANDARD.encode(&der);
    let (code, reply) =
        line.invoke(Class::PublicKeyManagementService, "AddCertificate", [("CertificateBlob", blob.as_str().into())]);
    assert_eq!(code, 0);
    let stored = Reference::read(reply.property("CreatedCertificate").unwrap()).unwrap();

    let context = credential_context(&stored);
    let bound = !line.list(Class::TlsCredentialContext).is_empty();
    let operation = if bound { Operation::Put(context) } else { Operation::Create(context) };
    line.call(&Call::new(Class::TlsCredentialContext.uri(), operation));
    assert_eq!(line.list(Class::ConcreteDependency).len(), 1);
    assert_eq!(bound_key(line), Some(key.spki_hash()));
    key.spki_hash()
}

fn tls_on(line: &mut Line<'_>) {
    for mut settings in line.list(Class::TlsSettingData) {
        let selector = Selector::instance_id(text(&settings, "InstanceID"));
        settings.set_property("Enabled", "true");
        line.call(&Call::new(Class::TlsSettingData.uri(), Operation::Put(settings)).with_selector(selector));
    }
}

fn set_clock(line: &mut Line<'_>, to: u32) {
    let class = Class::TimeSynchronizationService;
    let (_, reply) = line.invoke(class, "GetLowAccuracyTimeSynch", []);
    let ta0 = text(&reply, "Ta0");
    let parameters = [("Ta0", ta0.as_str().into()), ("Tm1", to.into()), ("Tm2", to.into())];
    assert_eq!(line.invoke(class, "SetHighAccuracyTimeSynch", parameters).0, 0);
}

pub(super) fn add_chain(line: &mut Line<'_>) -> Vec<u32> {
    let certificates = PROVISIONING.certificates();
    let last = certificates.len() - 1;
    let flags = certificates.iter().enumerate().map(|(at, der)| (der, at == 0, at == last));
    flags
        .map(|(der, leaf, root)| {
            let der = STANDARD.encode(der);
            let parameters = [
                ("NextCertificate", der.as_str().into()),
                ("IsLeafCertificate", leaf.into()),
                ("IsRootCertificate", root.into()),
            ];
            line.invoke(Class::HostBasedSetupService, "AddNextCertInChain", parameters).0
        })
        .collect()
}

pub(super) fn firmware_nonce(line: &mut Line<'_>) -> [u8; 20] {
    decoded(&text(&line.get(Class::HostBasedSetupService), "ConfigurationNonce")).try_into().unwrap()
}

pub(super) fn signed(firmware_nonce: &[u8; 20]) -> [(&'static str, Parameter); 3] {
    let ours = [9; 20];
    let signature = STANDARD.encode(PROVISIONING.sign(firmware_nonce, &ours).unwrap());
    [
        ("McNonce", STANDARD.encode(ours).as_str().into()),
        ("SigningAlgorithm", 2.into()),
        ("DigitalSignature", signature.as_str().into()),
    ]
}

fn mode(line: &mut Line<'_>) -> ControlMode {
    let code = text(&line.get(Class::HostBasedSetupService), "CurrentControlMode");
    ControlMode::from_code(code.parse().unwrap()).unwrap()
}

fn state(line: &mut Line<'_>) -> ProvisioningState {
    let code = text(&line.get(Class::SetupAndConfigurationService), "ProvisioningState");
    ProvisioningState::from_code(code.parse().unwrap()).unwrap()
}

/// From pre-provisioning to ACM as a careful server does it; every step checks what the persona promises.
fn to_acm(config: &DeviceConfig) -> Rig {
    let mut rig = Rig::new(config);
    let persona = config.persona;

    let client = rig.tls(any_odca());
    let Voucher::Odca(rom_ca) = client.tls.as_ref().unwrap().peer().unwrap().voucher else { panic!("not by ODCA") };
    assert_eq!(rom_ca, rig.truth().rom_ca);
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    let (_, reply) = line.invoke(Class::SetupAndConfigurationService, "GetUuid", []);
    assert_eq!(decoded(&text(&reply, "UUID")), config.uuid.to_guid());
    assert_eq!((mode(&mut line), state(&mut line)), (ControlMode::PreProvisioning, ProvisioningState::Pre));
    let interim = bound_key(&mut line);
    assert_eq!(interim.is_some(), persona.after_commit == AfterCommit::DefaultListed);
    let setup = setup_parameters(&mut line);
    line.invoke_once(Class::HostBasedSetupService, "Setup", setup);
    drop(line);

    // The device still shows ODCA: nothing was committed.
    let mut client = rig.tls(any_odca());
    let mut line = Line { rig: &mut rig, client, session: admin(ADMIN_PASSWORD) };
    assert_eq!(mode(&mut line), ControlMode::Client);
    let after_setup = match persona.after_commit {
        AfterCommit::Keeps => Expectation::default(),
        AfterCommit::Odca => any_odca(),
        AfterCommit::DefaultListed => pinned(interim.unwrap()),
        AfterCommit::DefaultUnlisted => Expectation { unvouched: Unvouched::SelfSigned, ..Expectation::default() },
    };
    if persona.after_commit == AfterCommit::Keeps {
        assert_eq!(state(&mut line), ProvisioningState::Post);
    } else {
        assert_eq!(state(&mut line), ProvisioningState::In);
        line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
        drop(line);
        client = rig.tls(after_setup);
        line = Line { rig: &mut rig, client, session: admin(ADMIN_PASSWORD) };
        assert_eq!(state(&mut line), ProvisioningState::Post);
    }

    let pin = own_certificate(&mut line, config.version.suite());
    set_clock(&mut line, 1_800_000_000);
    tls_on(&mut line);
    assert!(!line.rig.truth().tls.remote.enabled && line.rig.truth().staged_tls.remote.enabled);
    line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
    drop(line);

    let client = rig.tls(pinned(pin));
    let mut line = Line { rig: &mut rig, client, session: admin(ADMIN_PASSWORD) };
    let nonce = firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    line.invoke_once(Class::HostBasedSetupService, "UpgradeClientToAdmin", signed(&nonce));
    drop(line);

    let client = rig.tls(pinned(pin));
    let mut line = Line { rig: &mut rig, client, session: admin(ADMIN_PASSWORD) };
    assert_eq!((mode(&mut line), state(&mut line)), (ControlMode::Admin, ProvisioningState::Post));
    let password = [("Password", MEBX_PASSWORD.into())];
    assert_eq!(line.invoke(Class::SetupAndConfigurationService, "SetMEBxPassword", password).0, 0);
    line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
    drop(line);

    let truth = rig.truth();
    assert_eq!((truth.shown, truth.shown_key), (Shown::Own, pin));
    rig
}

#[test]
fn every_persona_of_every_firmware_gets_to_acm() {
    for (persona, version) in Persona::ALL.into_iter().zip([19, 20, 21, 19, 20, 21]) {
        let config = DeviceConfig { persona, ..config(AmtVersion::new(version, 0)) };
        let rig = to_acm(&config);
        let truth = rig.truth();
        assert_eq!((truth.mode, truth.state, truth.port), (ControlMode::Admin, ProvisioningState::Post, Port::Tls));
        assert!(truth.admin_password_is(ADMIN_PASSWORD) && !truth.admin_password_is("other"), "{persona}");
        assert!(truth.mebx_password_is(MEBX_PASSWORD) && !truth.mebx_password_is(""), "{persona}");
        assert!(truth.tls.remote.enabled && truth.tls.local.enabled && truth.clock_was_set, "{persona}");
        let commits = if persona.after_commit == AfterCommit::Keeps { 2 } else { 3 };
        let applied = Counters {
            setups: 1,
            upgrades: 1,
            commits,
            keys_generated: 1,
            certificates_added: 1,
            mebx_passwords: 1,
            changes: truth.counters.changes,
            ..Counters::default()
        };
        assert_eq!(truth.counters, applied, "{persona}");
        assert_eq!(rig.device.traffic().plain_requests, 0);
    }
}

#[test]
fn the_reply_to_a_restart_is_delivered_cut_or_lost_and_the_request_applied() {
    let commit = |last_reply| {
        let mut rig = in_ccm(&DeviceConfig { persona: Persona { last_reply, ..amt_19().persona }, ..amt_19() });
        let mut line = ccm_line(&mut rig);
        line.get(Class::GeneralSettings);
        let before = line.rig.bytes_out;
        let call = Call::invoke(Class::SetupAndConfigurationService.uri(), "CommitChanges", []);
        let answered = line.try_call(&call).is_ok();
        assert!(line.rig.is_closed(&line.client) && !line.client.tls.as_ref().unwrap().is_closed_by_peer());
        assert_eq!(line.rig.truth().counters.commits, 1);
        (answered, line.rig.bytes_out - before)
    };
    let (answered, whole) = commit(LastReply::Delivered);
    assert!(answered);
    assert_eq!(commit(LastReply::CutInHalf), (false, whole / 2));
    assert_eq!(commit(LastReply::Lost), (false, 0));
}

#[test]
fn setup_ends_the_session_where_the_persona_says_so() {
    for (name, ends) in [("keeps-session", false), ("drops-listed", true), ("drops-unlisted", false)] {
        let mut rig = Rig::new(&DeviceConfig { persona: name.parse().unwrap(), ..amt_19() });
        let client = rig.tls(any_odca());
        let session = rig.local_system();
        let mut line = Line { rig: &mut rig, client, session };
        let setup = setup_parameters(&mut line);
        line.invoke_once(Class::HostBasedSetupService, "Setup", setup);
        assert_eq!(line.rig.is_closed(&line.client), ends, "{name}");
        assert_eq!(line.rig.truth().counters.setups, 1);
    }
}

#[test]
fn a_clock_of_2015_or_2040_is_right_once_it_was_set() {
    for clock in [DeviceConfig::CLOCK_2015, DeviceConfig::CLOCK_2040] {
        let rig = to_acm(&DeviceConfig { clock, ..amt_19() });
        assert!((1_800_000_000..1_800_000_060).contains(&rig.truth().clock), "{}", rig.truth().clock);
    }
}

#[test]
fn a_provisioning_chain_that_is_not_valid_yet_or_any_more_is_refused() {
    for clock in [DeviceConfig::CLOCK_2015, DeviceConfig::CLOCK_2040] {
        let mut rig = in_ccm(&DeviceConfig { clock, ..amt_19() });
        let mut line = ccm_line(&mut rig);
        firmware_nonce(&mut line);
        assert_eq!(add_chain(&mut line)[0], 4);
    }
}

#[test]
fn it_works_byte_by_byte_and_with_small_chunks_and_pages() {
    let config = DeviceConfig { chunks: crate::http::Chunks(vec![1, 7]), page: 1, ..amt_19() };
    let mut rig = Rig::new(&config);
    rig.piece = 1;
    let client = rig.tls(any_odca());
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    assert_eq!(line.list(Class::TlsSettingData).len(), 2);
    assert!(line.rig.device.traffic().unauthorized == 1);
}

#[test]
fn amt_22_generates_p_384_keys() {
    let mut rig = in_ccm(&DeviceConfig { version: AmtVersion::new(22, 0), ..amt_19() });
    let mut line = ccm_line(&mut rig);
    let pin = own_certificate(&mut line, KeySuite::EcP384Sha384);
    line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
    drop(line);
    rig.tls(pinned(pin));
    assert_eq!(rig.truth().shown, Shown::Own);
}

#[test]
fn before_amt_19_it_begins_in_plain_text_and_changes_the_port_with_the_commit() {
    let mut rig = Rig::new(&config(AmtVersion::new(18, 0)));
    assert_eq!(rig.ports, [Port::Plain]);
    let client = rig.dial(Port::Plain, Expectation::default()).unwrap();
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    let setup = setup_parameters(&mut line);
    line.invoke_once(Class::HostBasedSetupService, "Setup", setup);
    line.session = admin(ADMIN_PASSWORD);
    let pin = own_certificate(&mut line, KeySuite::Rsa2048Sha256);
    tls_on(&mut line);
    line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
    drop(line);
    assert_eq!(rig.ports, [Port::Plain], "LMS goes on listening while the device is away");
    rig.tls(pinned(pin));
    assert_eq!(rig.ports, [Port::Tls]);
    assert!(rig.dial(Port::Plain, Expectation::default()).is_err());
    assert!(rig.device.traffic().plain_requests > 0);
}

#[test]
fn unprovisioning_makes_it_a_new_device_with_the_same_rom() {
    let mut rig = to_acm(&amt_19());
    let (rom_ca, pin) = (rig.truth().rom_ca, rig.truth().shown_key);
    let client = rig.tls(pinned(pin));
    let mut line = Line { rig: &mut rig, client, session: admin(ADMIN_PASSWORD) };
    line.invoke_once(Class::SetupAndConfigurationService, "Unprovision", [("ProvisioningMode", 1.into())]);
    drop(line);
    let client = rig.tls(any_odca());
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    assert_eq!(mode(&mut line), ControlMode::PreProvisioning);
    assert!(line.list(Class::PublicPrivateKeyPair).is_empty());
    let truth = line.rig.truth();
    assert_eq!((truth.rom_ca, truth.shown, truth.counters.unprovisions), (rom_ca, Shown::Odca, 1));
    assert!(!truth.admin_password_is(ADMIN_PASSWORD));
}

#[test]
fn the_port_is_away_for_its_time_and_that_time_is_accounted() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    line.invoke_once(Class::SetupAndConfigurationService, "CommitChanges", []);
    let committed = line.rig.now;
    drop(line);
    let turned_away = rig.device.traffic().turned_away;
    assert!(matches!(rig.dial(Port::Tls, any_odca()), Err(None)), "accepted, then closed");
    assert_eq!(rig.device.traffic().turned_away, turned_away + 1);
    let elapsed = |now: amt_provision_fsm::time::Instant| std::time::Duration::from_millis(now.as_millis());
    let busy = rig.device.occupied_until(elapsed(committed));
    rig.tls(any_odca());
    assert_eq!(rig.now.since(committed), amt_19().timings.away);
    let occupied = rig.device.occupied_until(elapsed(rig.now));
    assert_eq!(occupied - busy, std::time::Duration::from_millis(amt_19().timings.away.0));
}

#[test]
fn a_key_takes_its_time() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    line.get(Class::GeneralSettings);
    let before = line.rig.now;
    let kind = [("KeyAlgorithm", 0.into()), ("KeyLength", 2048.into())];
    line.invoke(Class::PublicKeyManagementService, "GenerateKeyPair", kind);
    assert_eq!(line.rig.now.since(before), Millis(300));
}

#[test]
fn connections_close_after_each_reply_where_that_is_the_habit() {
    let mut rig = Rig::new(&DeviceConfig { connections: ConnectionHabit::Always, ..amt_19() });
    let client = rig.tls(any_odca());
    let session: Session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    let get = Call::new(Class::GeneralSettings.uri(), Operation::Get);
    assert!(matches!(line.try_call(&get), Err(Failure::Lost)), "the 401 was the last reply");
    assert!(line.rig.is_closed(&line.client) && line.client.tls.as_ref().unwrap().is_closed_by_peer());
    line.client = line.rig.tls(any_odca());
    assert!(line.try_call(&get).is_ok(), "the challenge outlives its connection");
    assert!(line.rig.is_closed(&line.client));
}

#[test]
fn no_more_connections_are_served_than_there_are_channels() {
    let mut rig = Rig::new(&amt_19());
    let mut clients: Vec<_> = (0..MAX_CONNECTIONS).map(|_| rig.tls(any_odca())).collect();
    assert!(matches!(rig.dial(Port::Tls, any_odca()), Err(None)));
    let gone = clients.pop().unwrap();
    rig.device.disconnected(rig.now, gone.id);
    assert!(rig.dial(Port::Tls, any_odca()).is_ok());
}

/// A device in CCM, committed where it has to be.
pub(super) fn in_ccm(config: &DeviceConfig) -> Rig {
    let mut rig = Rig::new(config);
    let client = rig.tls(any_odca());
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    let setup = setup_parameters(&mut line);
    line.invoke_once(Class::HostBasedSetupService, "Setup", setup);
    rig
}

pub(super) fn ccm_line(rig: &mut Rig) -> Line<'_> {
    let client = rig.tls(any_odca());
    Line { rig, client, session: admin(ADMIN_PASSWORD) }
}
