//! Every request of the core: which calls it takes, and what its reply is.

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};
use amt_provision_fsm::identity::CertificateHash;
use amt_provision_fsm::request::{
    Certificate, CertificateHandle, DigestRealm, FirmwareNonce, KeyHandle, KeyPair, StoredCertificate, TlsInterface,
    TlsSettings,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::PublicKeyData;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use webpki::EndEntityCert;
use webpki::aws_lc_rs::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384};

use super::device::{DEVICE_CLOCK, Instead, NONCE, REALM_BYTES, UUID, body, http, realm};
use super::*;
use crate::http::digest::Ha1;
use crate::pki::spki::{spki_hash, spki_hash_of_certificate};
use crate::simulator::identity::{Identity, generate_p384_key};
use crate::wsman::envelope::FaultKind;
use crate::wsman::{Reference, Selector};

const REALM: DigestRealm = DigestRealm(REALM_BYTES);

fn done(request: Request, calls: &[&str]) -> Device {
    done_by(Device::new(), request, calls)
}

fn done_by(mut device: Device, request: Request, calls: &[&str]) -> Device {
    let mut channel = plain();
    assert_eq!(reply(&mut channel, &mut device, request), Reply::Done);
    assert_eq!(device.names(), calls);
    assert!(channel.is_idle());
    device
}

fn answer(device: &mut Device, request: Request) -> Reply {
    reply(&mut plain(), device, request)
}

fn handle(n: u8) -> CertificateHandle {
    CertificateHandle(format!("Intel(r) AMT Certificate: Handle: {n}"))
}

#[test]
fn single_instances_are_read() {
    let mut device = Device::new();
    let mut read = |request| answer(&mut device, request);
    assert_eq!(read(Request::ReadGeneralSettings), Reply::GeneralSettings(REALM));
    assert_eq!(read(Request::ReadUuid), Reply::Uuid(UUID.parse().unwrap()));
    assert_eq!(read(Request::ReadControlMode), Reply::ControlMode(ControlMode::Client, FirmwareNonce(NONCE)));
    assert_eq!(read(Request::ReadProvisioningState), Reply::ProvisioningState(ProvisioningState::Post));
    assert_eq!(
        device.names(),
        [
            "AMT_GeneralSettings.Get",
            "AMT_SetupAndConfigurationService.GetUuid",
            "IPS_HostBasedSetupService.Get",
            "AMT_SetupAndConfigurationService.Get"
        ]
    );
}

#[test]
fn keys_are_read_page_by_page_with_their_pins_and_keys_of_other_suites_are_passed_over() {
    let (rsa, p384) = (generate_rsa_key().unwrap(), generate_p384_key().unwrap());
    let mut device = Device::new();
    device.keys = vec![p384.subject_public_key_info(), rsa.public_key_raw().to_vec(), b"no key".to_vec()];
    let pair = |n: u8, key: &rcgen::KeyPair, der: &[u8]| KeyPair {
        handle: KeyHandle(format!("Intel(r) AMT Key: Handle: {n}")),
        spki: spki_hash(&SubjectPublicKeyInfoDer::from(key.subject_public_key_info())),
        public_key: der.to_vec(),
    };
    let expected = pair(1, &rsa, rsa.public_key_raw());
    assert_eq!(answer(&mut device, Request::ReadKeyPairs), Reply::KeyPairs(vec![expected]));
    assert_eq!(device.names().len(), 4, "Enumerate and three pages");

    let settings = Settings { suite: KeySuite::EcP384Sha384, ..settings() };
    let mut channel = Channel::plain(settings, Remembered::default(), Carriage::Kept);
    let expected = pair(0, &p384, &p384.subject_public_key_info());
    assert_eq!(reply(&mut channel, &mut device, Request::ReadKeyPairs), Reply::KeyPairs(vec![expected]));
}

#[test]
fn certificates_of_any_version_are_read_with_the_pins_of_their_keys() {
    let v3 = Identity::self_signed(generate_p384_key().unwrap()).unwrap();
    let v1 = Identity::self_signed_v1(generate_rsa_key().unwrap()).unwrap();
    let mut device = Device::new();
    device.certificates = vec![v3.chain[0].to_vec(), b"damaged".to_vec(), v1.chain[0].to_vec()];
    let stored = |n, identity: &Identity| StoredCertificate {
        handle: handle(n),
        spki: spki_hash_of_certificate(&identity.chain[0]).unwrap(),
    };
    let expected = Reply::Certificates(vec![stored(0, &v3), stored(2, &v1)]);
    assert_eq!(answer(&mut device, Request::ReadCertificates), expected);
}

#[test]
fn the_bound_certificate_and_the_tls_settings_are_read() {
    let mut device = Device::new();
    assert_eq!(answer(&mut device, Request::ReadCredentialContext), Reply::CredentialContext(None));
    device.bound = Some(3);
    assert_eq!(answer(&mut device, Request::ReadCredentialContext), Reply::CredentialContext(Some(handle(3))));
    let settings = TlsSettings { remote: true, local: false };
    assert_eq!(answer(&mut device, Request::ReadTlsSettings), Reply::TlsSettings(settings));
}

#[test]
fn setup_carries_the_hash_of_the_new_password_in_the_device_s_own_spelling_of_its_realm() {
    let mut device = Device::new();
    let mut channel = plain();
    ask_as(Login::LocalSystem, &mut channel, &mut device, Request::ReadGeneralSettings);
    let setup = Request::Setup { password: PasswordId(2), realm: REALM };
    assert!(matches!(
        ask_as(Login::LocalSystem, &mut channel, &mut device, setup)[..],
        [Event::Reply(ID, Reply::Done)]
    ));
    assert_eq!(device.last().to_string(), "IPS_HostBasedSetupService.Setup");
    assert_eq!(device.sent("NetworkAdminPassword"), *Ha1::new("admin", &realm(), "P@ssw0rd2").to_hex());
    assert!(device.calls.iter().all(|(_, login)| login.username == "$$OsAdmin"));
    let wire = String::from_utf8(device.received).unwrap();
    assert!(!wire.contains("P@ssw0rd2") && !wire.contains("osadmin-secret"));
}

#[test]
fn a_password_is_changed_by_its_hash_and_the_mebx_one_by_itself() {
    let request = Request::SetAdminPassword { password: PasswordId(2), realm: REALM };
    let mut device = Device::new();
    let mut channel = plain();
    reply(&mut channel, &mut device, Request::ReadGeneralSettings);
    assert_eq!(reply(&mut channel, &mut device, request), Reply::Done);
    assert_eq!(device.sent("DigestPassword"), *Ha1::new("admin", &realm(), "P@ssw0rd2").to_base64());
    let device = done(Request::SetMebxPassword(PasswordId(0)), &["AMT_SetupAndConfigurationService.SetMEBxPassword"]);
    assert_eq!(device.sent("Password"), "M&bx<P@ss1");
}

#[test]
fn methods_are_invoked_with_their_parameters() {
    let device = done(Request::CommitChanges, &["AMT_SetupAndConfigurationService.CommitChanges"]);
    assert_eq!(body(device.last()).children().len(), 0);
    let device = done(Request::Unprovision, &["AMT_SetupAndConfigurationService.Unprovision"]);
    assert_eq!(device.sent("ProvisioningMode"), "1");
    for (suite, algorithm, length) in [(KeySuite::Rsa2048Sha256, "0", "2048"), (KeySuite::EcP384Sha384, "1", "384")] {
        let device = done(Request::GenerateKeyPair(suite), &["AMT_PublicKeyManagementService.GenerateKeyPair"]);
        assert_eq!((device.sent("KeyAlgorithm").as_str(), device.sent("KeyLength").as_str()), (algorithm, length));
    }
    let certificate = Certificate {
        der: ISSUED.chain[0].to_vec(),
        hash: CertificateHash::from_bytes([0; 32]),
        spki: spki_hash_of_certificate(&ISSUED.chain[0]).unwrap(),
    };
    let request = Request::AddCertificate(certificate);
    let device = done(request, &["AMT_PublicKeyManagementService.AddCertificate"]);
    assert_eq!(STANDARD.decode(device.sent("CertificateBlob")).unwrap(), ISSUED.chain[0].to_vec());
}

#[test]
fn the_clock_is_read_and_set_to_our_time_at_the_answer() {
    let get = "AMT_TimeSynchronizationService.GetLowAccuracyTimeSynch";
    let set = "AMT_TimeSynchronizationService.SetHighAccuracyTimeSynch";
    let device = done(Request::SynchronizeClock, &[get, set]);
    assert_eq!(device.sent("Ta0"), DEVICE_CLOCK.to_string());
    assert_eq!((device.sent("Tm1"), device.sent("Tm2")), (NOW.to_string(), NOW.to_string()));
}

/// The selector `name` of the reference in the last body's `property`.
fn named(device: &Device, property: &str, name: &str) -> String {
    let reference = Reference::read(body(device.last()).property(property).unwrap()).unwrap();
    reference.selector(name).unwrap().to_owned()
}

#[test]
fn the_credential_context_is_made_or_its_certificate_replaced() {
    let device = done(Request::CreateCredentialContext(handle(4)), &["AMT_TLSCredentialContext.Create"]);
    assert_eq!(named(&device, "ElementInContext", "InstanceID"), handle(4).0);

    let class = "AMT_TLSCredentialContext";
    let mut bound = Device::new();
    bound.bound = Some(0);
    let calls = ["Enumerate", "Pull", "Put"].map(|verb| format!("{class}.{verb}"));
    let device = done_by(bound, Request::PutCredentialContext(handle(4)), &calls.each_ref().map(|call| &**call));
    assert_eq!(named(&device, "ElementInContext", "InstanceID"), handle(4).0);
    let collection = named(&device, "ElementProvidingContext", "ElementName");
    assert_eq!(collection, "TLSProtocolEndpoint Instances Collection", "as the device spells it");

    let mut unbound = Device::new();
    let put = Request::PutCredentialContext(handle(4));
    assert_eq!(refusal(&mut plain(), &mut unbound, put), Refusal::Unintelligible);
}

#[test]
fn tls_settings_go_back_as_they_were_read_with_tls_on() {
    use crate::wsman::class::tls_setting_data::{LOCAL, REMOTE};
    for (interface, id, plain) in [(TlsInterface::Remote, REMOTE, "false"), (TlsInterface::Local, LOCAL, "true")] {
        let calls = ["Enumerate", "Pull", "Pull", "Put"].map(|verb| format!("AMT_TLSSettingData.{verb}"));
        let device = done(Request::PutTlsSettings(interface), &calls.each_ref().map(|call| &**call));
        assert_eq!(device.last().selectors, [Selector::instance_id(id)]);
        assert_eq!((device.sent("ElementName").as_str(), device.sent("Enabled").as_str()), (id, "true"));
        assert_eq!(device.sent("AcceptNonSecureConnections"), plain);
    }
}

#[test]
fn the_way_to_acm_is_the_chain_and_a_signature_over_both_nonces_under_one_digest_nonce() {
    for (suite, algorithm, code) in [
        (KeySuite::Rsa2048Sha256, RSA_PKCS1_2048_8192_SHA256, "2"),
        (KeySuite::EcP384Sha384, RSA_PKCS1_2048_8192_SHA384, "3"),
    ] {
        let mut device = Device::new();
        let mut channel = Channel::plain(Settings { suite, ..settings() }, Remembered::default(), Carriage::Kept);
        reply(&mut channel, &mut device, Request::ReadControlMode);
        for index in 0..3 {
            let request = Request::AddChainCertificate { index };
            assert_eq!(reply(&mut channel, &mut device, request), Reply::Done);
            let sent = STANDARD.decode(device.sent("NextCertificate")).unwrap();
            assert_eq!(sent, ISSUED.chain[usize::from(index)].to_vec());
            let ends = (device.sent("IsLeafCertificate"), device.sent("IsRootCertificate"));
            assert_eq!(ends, ((index == 0).to_string(), (index == 2).to_string()));
        }
        let upgrade = Request::UpgradeClientToAdmin { nonce: FirmwareNonce(NONCE) };
        assert_eq!(reply(&mut channel, &mut device, upgrade), Reply::Done);
        assert_eq!(device.sent("SigningAlgorithm"), code);
        let ours = STANDARD.decode(device.sent("McNonce")).unwrap();
        assert_eq!(ours, [3; 20]);
        let signature = STANDARD.decode(device.sent("DigitalSignature")).unwrap();
        let leaf = EndEntityCert::try_from(&ISSUED.chain[0]).unwrap();
        leaf.verify_signature(algorithm, &[&NONCE[..], &ours].concat(), &signature).unwrap();
        assert!(device.calls.iter().all(|(_, login)| login.nonce == "nonce1"));
    }
}

#[test]
fn what_the_device_refuses_is_a_refusal_with_its_number_or_kind() {
    let commit = "AMT_SetupAndConfigurationService.CommitChanges";
    let page = http(403, "<html>Forbidden</html>");
    for (call, instead, request, expected) in [
        (commit, Instead::ReturnValue(2057), Request::CommitChanges, Refusal::DATA_MISSING),
        (commit, Instead::ReturnValue(777), Request::CommitChanges, Refusal::ReturnValue(777)),
        (commit, Instead::Fault(FaultKind::InternalError), Request::CommitChanges, Refusal::Fault(500)),
        (commit, Instead::Fault(FaultKind::AccessDenied), Request::CommitChanges, Refusal::Fault(400)),
        (commit, Instead::Bytes(page), Request::CommitChanges, Refusal::Fault(403)),
        (commit, Instead::Body("<not a reply/>"), Request::CommitChanges, Refusal::Unintelligible),
        (commit, Instead::Body("not even XML"), Request::CommitChanges, Refusal::Unintelligible),
        (
            "AMT_TLSCredentialContext.Create",
            Instead::Fault(FaultKind::AlreadyExists),
            Request::CreateCredentialContext(handle(0)),
            Refusal::AlreadyExists,
        ),
        (
            "AMT_PublicPrivateKeyPair.Pull",
            Instead::Fault(FaultKind::InvalidEnumerationContext),
            Request::ReadKeyPairs,
            Refusal::Fault(500),
        ),
        (
            "AMT_TimeSynchronizationService.GetLowAccuracyTimeSynch",
            Instead::ReturnValue(1),
            Request::SynchronizeClock,
            Refusal::ReturnValue(1),
        ),
    ] {
        let mut device = Device::instead_of(call, instead);
        let mut channel = plain();
        assert_eq!(refusal(&mut channel, &mut device, request), expected);
        assert!(channel.explanation().is_some());
        device.instead = None;
        assert_eq!(reply(&mut channel, &mut device, Request::CommitChanges), Reply::Done, "the channel goes on");
        assert!(channel.explanation().is_none());
    }
}

#[test]
fn a_request_that_cannot_be_made_sends_nothing_and_changes_nothing() {
    let mut device = Device::new();
    let mut channel =
        Channel::plain(Settings { provisioning: None, ..settings() }, Remembered::default(), Carriage::Kept);
    reply(&mut channel, &mut device, Request::ReadControlMode);
    let passwords = Passwords::new();
    let mut ask = |login, request| channel.ask(ID, login, request, &passwords).unwrap_err();
    let unknown = PasswordId(9);
    assert_eq!(ask(Login::Admin(unknown), Request::CommitChanges), AskError::NoPassword(unknown));
    assert_eq!(ask(ADMIN, Request::SetMebxPassword(unknown)), AskError::NoPassword(unknown));
    assert_eq!(ask(ADMIN, Request::AddChainCertificate { index: 0 }), AskError::NoProvisioningCertificate);
    assert!(channel.take_output().is_empty());
    assert_eq!(reply(&mut channel, &mut device, Request::CommitChanges), Reply::Done);

    let mut channel = plain();
    let ask = |channel: &mut Channel, request| channel.ask(ID, ADMIN, request, &passwords);
    let beyond = Request::AddChainCertificate { index: 3 };
    assert_eq!(ask(&mut channel, beyond), Err(AskError::NoChainCertificate(3)));
    assert_eq!(ask(&mut channel, Request::CommitChanges), Ok(()));
    assert_eq!(ask(&mut channel, Request::CommitChanges), Err(AskError::Busy));
    channel.close();
    assert_eq!(ask(&mut channel, Request::CommitChanges), Err(AskError::NotOpen));
    channel.feed(b"anything", now());
    assert!(channel.poll_event().is_none());
}

#[test]
fn without_random_bytes_the_connection_ends_at_any_call() {
    for draws in 0..6 {
        let entropy = Arc::new(RunsDry(draws.into()));
        let mut channel = Channel::plain(Settings { entropy, ..settings() }, Remembered::default(), Carriage::Kept);
        let events = ask(&mut channel, &mut Device::new(), Request::ReadTlsSettings);
        assert!(matches!(events[..], [Event::Lost(Lost::Ours(OurFault::Entropy))]), "{events:?}");
    }
}

#[test]
fn a_provisioning_certificate_is_of_its_key() {
    use ProvisioningCertificateError as Error;
    let error = |chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>| {
        ProvisioningCertificate::new(chain, &key).err().unwrap()
    };
    let (leaf, above) = ISSUED.chain.split_first().unwrap();
    assert_eq!(error(Vec::new(), ISSUED.key()), Error::Leaf);
    assert_eq!(error(vec![CertificateDer::from(vec![0x30, 0])], ISSUED.key()), Error::Leaf);
    assert_eq!(error(above.to_vec(), ISSUED.key()), Error::OtherKey);
    let not_of_the_leaf = PrivateKeyDer::Pkcs8(generate_p384_key().unwrap().serialize_der().into());
    assert_eq!(error(vec![leaf.clone()], not_of_the_leaf), Error::OtherKey);
    assert_eq!(error(ISSUED.chain.clone(), PrivateKeyDer::Pkcs8(vec![1].into())), Error::Key);
}
