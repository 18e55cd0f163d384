//! What the firmware refuses, one by one (wsman.md §2.19).

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::peer::Expectation;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, PKCS_RSA_SHA384,
    SignatureAlgorithm,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::provisioning::{add_chain, ccm_line, firmware_nonce, in_ccm, setup_parameters, signed};
use super::rig::*;
use crate::http::digest::{Account, Ha1, Session};
use crate::pki::authority::{DeploymentAuthority, DeviceKey, Serial};
use crate::simulator::config::DeviceConfig;
use crate::simulator::firmware::{Class, MAX_CERTIFICATES, MAX_KEYS};
use crate::simulator::identity::{Identity, generate_rsa_key};
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningMark, ProvisioningShape};
use crate::wsman::envelope::FaultKind;
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;
use crate::wsman::{Call, EnumerationContext, Operation, Parameter, Reference, ResourceUri, Selector};

const HBS: Class = Class::HostBasedSetupService;
const SCS: Class = Class::SetupAndConfigurationService;
const PKM: Class = Class::PublicKeyManagementService;

/// Before provisioning, as the local system account.
fn lsa_line(rig: &mut Rig) -> Line<'_> {
    let client = rig.tls(any_odca());
    let session = rig.local_system();
    Line { rig, client, session }
}

fn rsa_2048() -> [(&'static str, Parameter); 2] {
    [("KeyAlgorithm", 0.into()), ("KeyLength", 2048.into())]
}

fn blob(der: &[u8]) -> [(&'static str, Parameter); 1] {
    [("CertificateBlob", STANDARD.encode(der).as_str().into())]
}

fn certificate_reference(handle: u32) -> Reference {
    let instance = Selector::instance_id(format!("Intel(r) AMT Certificate: Handle: {handle}"));
    Reference::new(Class::PublicKeyCertificate.uri(), [instance])
}

/// The return values of a chain whose certificates carry the flags that their places ask for.
fn chain(line: &mut Line<'_>, certificates: &[CertificateDer<'_>]) -> Vec<u32> {
    let last = certificates.len() - 1;
    let add = |(at, der): (usize, &CertificateDer<'_>)| next(line, der, at == 0, at == last && at > 0);
    certificates.iter().enumerate().map(add).collect()
}

fn next(line: &mut Line<'_>, der: &[u8], leaf: bool, root: bool) -> u32 {
    let der = STANDARD.encode(der);
    let parameters = [
        ("NextCertificate", der.as_str().into()),
        ("IsLeafCertificate", leaf.into()),
        ("IsRootCertificate", root.into()),
    ];
    line.invoke(HBS, "AddNextCertInChain", parameters).0
}

fn upgrade(line: &mut Line<'_>, parameters: [(&'static str, Parameter); 3]) -> u32 {
    line.invoke(HBS, "UpgradeClientToAdmin", parameters).0
}

#[test]
fn setup_wants_the_hash_in_its_one_form_and_only_once() {
    let mut rig = Rig::new(&amt_19());
    let mut line = lsa_line(&mut rig);
    for (kind, password) in
        [(2, ADMIN_PASSWORD), (2, ""), (1, "79d3ee92009b75d66bd8179bf8e11450"), (2, "79D3EE92009B75D66BD8179BF8E11450")]
    {
        let parameters = [("NetAdminPassEncryptionType", kind.into()), ("NetworkAdminPassword", password.into())];
        assert_eq!(line.invoke(HBS, "Setup", parameters).0, 3, "{password}");
    }
    let setup = setup_parameters(&mut line);
    assert_eq!(line.invoke(HBS, "Setup", setup.clone()).0, 0);
    line.session = admin(ADMIN_PASSWORD);
    assert_eq!(line.invoke(HBS, "Setup", setup).0, 2);
    assert_eq!((rig.truth().counters.setups, rig.truth().counters.repeated), (1, 1));
}

#[test]
fn the_local_system_account_reads_and_sets_up_and_no_more() {
    let mut rig = Rig::new(&amt_19());
    let mut line = lsa_line(&mut rig);
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", rsa_2048()).0, 16);
    assert_eq!(line.invoke(SCS, "CommitChanges", []).0, 16);
    assert_eq!(line.invoke(SCS, "SetMEBxPassword", [("Password", "M3Bx!Passw0rd".into())]).0, 16);
    assert_eq!(line.invoke(SCS, "Unprovision", [("ProvisioningMode", 1.into())]).0, 32);
    let settings = line.list(Class::TlsSettingData).remove(0);
    let fault = line.fault(&Call::new(Class::TlsSettingData.uri(), Operation::Put(settings)));
    assert_eq!((fault.kind, fault.status), (FaultKind::AccessDenied, Some(PtStatus::NotPermitted)));
    assert_eq!((rig.truth().keys, rig.truth().counters.commits), (0, 0));
}

#[test]
fn nobody_logs_in_out_of_turn() {
    let get = Call::new(Class::GeneralSettings.uri(), Operation::Get);
    let mut rig = Rig::new(&amt_19());
    let local_system = rig.local_system();
    let mut line = lsa_line(&mut rig);
    for session in [admin(ADMIN_PASSWORD), admin(""), Session::new(Account::new("$$OsAdmin", "wrong"))] {
        line.session = session;
        assert!(matches!(line.try_call(&get), Err(Failure::Unauthorized)));
    }
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    for session in [local_system, line.rig.local_system(), admin("P@ssw0rd-other")] {
        line.session = session;
        assert!(matches!(line.try_call(&get), Err(Failure::Unauthorized)));
    }
}

#[test]
fn admin_setup_is_gone_from_amt_19_and_works_before() {
    let mut rig = Rig::new(&amt_19());
    let mut line = lsa_line(&mut rig);
    let nonce = firmware_nonce(&mut line);
    let parameters = |line: &mut Line<'_>, nonce| setup_parameters(line).into_iter().chain(signed(nonce));
    let setup: Vec<_> = parameters(&mut line, &nonce).collect();
    assert_eq!(line.invoke(HBS, "AdminSetup", setup).0, 4);

    let mut rig = Rig::new(&config(AmtVersion::new(18, 0)));
    let client = rig.dial(Port::Plain, Expectation::default()).unwrap();
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    let nonce = firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    let setup: Vec<_> = parameters(&mut line, &nonce).collect();
    line.invoke_once(HBS, "AdminSetup", setup);
    assert_eq!(rig.truth().mode, ControlMode::Admin);
    assert!(rig.truth().admin_password_is(ADMIN_PASSWORD));
}

#[test]
fn an_upgrade_needs_ccm() {
    let mut rig = Rig::new(&amt_19());
    let mut line = lsa_line(&mut rig);
    let nonce = firmware_nonce(&mut line);
    assert_eq!(upgrade(&mut line, signed(&nonce)), 2);

    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let nonce = firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    line.invoke_once(HBS, "UpgradeClientToAdmin", signed(&nonce));
    let mut line = ccm_line(&mut rig);
    let nonce = firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    assert_eq!(upgrade(&mut line, signed(&nonce)), 2);
    assert_eq!((rig.truth().counters.upgrades, rig.truth().counters.repeated), (1, 1));
}

type UpgradeParameters = [(&'static str, Parameter); 3];

#[test]
fn only_a_signature_over_both_nonces_by_the_leaf_is_taken() {
    let other = ProvisioningChain::mint(&ProvisioningShape::for_domain(DOMAIN)).unwrap();
    let changed = |change: &dyn Fn(&[u8; 20], &mut UpgradeParameters)| {
        let mut rig = in_ccm(&amt_19());
        let mut line = ccm_line(&mut rig);
        let nonce = firmware_nonce(&mut line);
        assert_eq!(add_chain(&mut line), [0, 0, 0]);
        let mut parameters = signed(&nonce);
        change(&nonce, &mut parameters);
        let code = upgrade(&mut line, parameters);
        assert_eq!(rig.truth().mode, if code == 0 { ControlMode::Admin } else { ControlMode::Client });
        code
    };
    let base64 = |bytes: &[u8]| Parameter::from(STANDARD.encode(bytes).as_str());
    assert_eq!(changed(&|_, _| {}), 0);
    assert_eq!(changed(&|_, parameters| parameters[0].1 = base64(&[8; 20])), 5, "another McNonce");
    assert_eq!(changed(&|_, parameters| parameters[0].1 = base64(&[9; 19])), 3, "a short McNonce");
    assert_eq!(changed(&|_, parameters| parameters[0].1 = "no base64!".into()), 3);
    assert_eq!(changed(&|_, parameters| parameters[1].1 = 3.into()), 3, "SHA-384 before AMT 21");
    assert_eq!(changed(&|_, parameters| parameters[1].1 = "x".into()), 3);
    assert_eq!(changed(&|_, parameters| parameters[2].1 = base64(&[0; 256])), 5);
    let by_another = |nonce: &[u8; 20], parameters: &mut UpgradeParameters| {
        parameters[2].1 = base64(&other.sign(nonce, &[9; 20]).unwrap());
    };
    assert_eq!(changed(&by_another), 5, "another leaf");
    let swapped = |nonce: &[u8; 20], parameters: &mut UpgradeParameters| {
        parameters[2].1 = base64(&PROVISIONING.sign(&[9; 20], nonce).unwrap());
    };
    assert_eq!(changed(&swapped), 5, "the nonces the other way round");
}

#[test]
fn a_nonce_is_good_once_until_the_next_and_in_its_digest_session_only() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let first = firmware_nonce(&mut line);
    let second = firmware_nonce(&mut line);
    assert_ne!(first, second);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    assert_eq!(upgrade(&mut line, signed(&first)), 5, "stale");
    assert_eq!(upgrade(&mut line, signed(&second)), 5, "used up by the wrong try");

    let elsewhere = firmware_nonce(&mut line);
    line.session = admin(ADMIN_PASSWORD);
    assert_eq!(add_chain(&mut line), [3, 3, 3], "no nonce was asked for in this session");
    firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    assert_eq!(upgrade(&mut line, signed(&elsewhere)), 5, "a nonce of another session");
    assert_eq!(rig.truth().counters.upgrades, 0);
}

#[test]
fn the_chain_belongs_to_the_digest_session_and_not_to_the_connection() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let nonce = firmware_nonce(&mut line);
    let [leaf, intermediate, root] = PROVISIONING.certificates() else { panic!() };
    assert_eq!(next(&mut line, leaf, true, false), 0);
    line.client = line.rig.tls(any_odca());
    assert_eq!(next(&mut line, intermediate, false, false), 0);
    line.client = line.rig.tls(any_odca());
    assert_eq!(next(&mut line, root, false, true), 0);
    line.client = line.rig.tls(any_odca());
    line.invoke_once(HBS, "UpgradeClientToAdmin", signed(&nonce));
    assert_eq!(rig.truth().mode, ControlMode::Admin);
}

#[test]
fn chains_are_taken_leaf_first_and_whole_only() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let [leaf, intermediate, root] = PROVISIONING.certificates() else { panic!() };
    let codes = |line: &mut Line<'_>, steps: &[(&CertificateDer<'_>, bool, bool)]| -> Vec<u32> {
        firmware_nonce(line);
        steps.iter().map(|(der, leaf, root)| next(line, der, *leaf, *root)).collect()
    };
    assert_eq!(codes(&mut line, &[(root, false, true)]), [3], "the root first");
    assert_eq!(codes(&mut line, &[(root, true, false)]), [4], "the root as leaf");
    assert_eq!(codes(&mut line, &[(leaf, true, true)]), [1]);
    assert_eq!(codes(&mut line, &[(leaf, true, false), (leaf, true, false)]), [0, 3], "two leaves");
    assert_eq!(codes(&mut line, &[(leaf, true, false), (root, false, true)]), [0, 4], "a gap");
    assert_eq!(codes(&mut line, &[(leaf, true, false), (intermediate, false, true)]), [0, 4], "no root");
    let started_over = [(leaf, true, false), (root, false, true), (intermediate, false, false)];
    assert_eq!(codes(&mut line, &started_over), [0, 4, 3], "a chain with a refused certificate is thrown away");
    let whole = [(leaf, true, false), (intermediate, false, false), (root, false, true), (root, false, true)];
    assert_eq!(codes(&mut line, &whole), [0, 0, 0, 3], "nothing after the root");

    let nonce = firmware_nonce(&mut line);
    assert_eq!((next(&mut line, leaf, true, false), next(&mut line, intermediate, false, false)), (0, 0));
    assert_eq!(upgrade(&mut line, signed(&nonce)), 5, "an incomplete chain");
}

#[test]
fn the_chain_status_tells_how_far_it_had_come() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let status = |line: &mut Line<'_>| text(&line.get(HBS), "CertChainStatus");
    assert_eq!(status(&mut line), "0");
    next(&mut line, &PROVISIONING.certificates()[0], true, false);
    assert_eq!(status(&mut line), "1");
    add_chain(&mut line);
    assert_eq!(status(&mut line), "2");
    assert_eq!(status(&mut line), "0");
}

#[test]
fn provisioning_certificates_are_judged_by_root_mark_name_and_length() {
    let codes = |shape: &ProvisioningShape, trusted: bool| {
        let minted = ProvisioningChain::mint(shape).unwrap();
        let mut config = amt_19();
        if trusted {
            config.roots = config.roots.with_root("another", minted.root()).unwrap();
        }
        let mut rig = in_ccm(&config);
        let mut line = ccm_line(&mut rig);
        firmware_nonce(&mut line);
        chain(&mut line, minted.certificates())
    };
    let shape = ProvisioningShape::for_domain(DOMAIN);
    assert_eq!(codes(&shape, true), [0, 0, 0]);
    assert_eq!(codes(&shape, false), [0, 0, 4], "a root that the device does not know");
    assert_eq!(codes(&ProvisioningShape { mark: ProvisioningMark::Unit, ..shape.clone() }, true), [0, 0, 0]);
    assert_eq!(codes(&ProvisioningShape { mark: ProvisioningMark::Missing, ..shape.clone() }, true)[0], 4);
    assert_eq!(codes(&ProvisioningShape::for_domain("elsewhere.test"), true)[0], 4);
    assert_eq!(codes(&ProvisioningShape::for_domain("evilvprodemo.test"), true)[0], 4, "no suffix of labels");
    assert_eq!(codes(&ProvisioningShape { intermediates: 2, ..shape.clone() }, true), [0, 0, 0, 0]);
    assert_eq!(codes(&ProvisioningShape { intermediates: 3, ..shape }, true), [0, 0, 0, 0, 5]);
}

/// A provisioning leaf directly under a root that devices trust.
fn leaf_and_root(hash: &'static SignatureAlgorithm, root_is: IsCa) -> [CertificateDer<'static>; 2] {
    let key = || {
        let der = generate_rsa_key().unwrap().serialize_der();
        KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), hash).unwrap()
    };
    let named = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut root = named("root");
    root.is_ca = root_is;
    let root = CertifiedIssuer::self_signed(root, key()).unwrap();
    let mut leaf = named(&format!("provisioning.{DOMAIN}"));
    leaf.distinguished_name.push(DnType::OrganizationalUnitName, "Intel(R) Client Setup Certificate");
    let leaf = leaf.signed_by(&key(), &root).unwrap();
    [leaf.into(), root.der().clone()]
}

#[test]
fn the_root_must_be_an_authority_and_the_hash_one_that_the_firmware_has() {
    let codes = |version: u16, certificates: &[CertificateDer<'static>; 2]| {
        let mut config = DeviceConfig { version: AmtVersion::new(version, 0), ..amt_19() };
        config.roots = config.roots.with_root("another", &certificates[1]).unwrap();
        let mut rig = in_ccm(&config);
        let mut line = ccm_line(&mut rig);
        firmware_nonce(&mut line);
        chain(&mut line, certificates)
    };
    let authority = || IsCa::Ca(BasicConstraints::Unconstrained);
    let sha_256 = leaf_and_root(&PKCS_RSA_SHA256, authority());
    assert_eq!((codes(19, &sha_256), codes(22, &sha_256)), (vec![0, 0], vec![4, 3]));
    let sha_384 = leaf_and_root(&PKCS_RSA_SHA384, authority());
    assert_eq!((codes(20, &sha_384), codes(21, &sha_384)), (vec![4, 3], vec![0, 0]));
    assert_eq!(codes(19, &leaf_and_root(&PKCS_RSA_SHA256, IsCa::NoCa)), [0, 4]);
}

#[test]
fn certificates_that_are_none_are_refused() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let mut altered = PROVISIONING.certificates()[1].to_vec();
    *altered.last_mut().unwrap() ^= 1;
    firmware_nonce(&mut line);
    assert_eq!(next(&mut line, &PROVISIONING.certificates()[0], true, false), 0);
    // Its own signature is for the next one to check.
    assert_eq!(next(&mut line, &altered, false, false), 0);
    assert_eq!(next(&mut line, PROVISIONING.root(), false, true), 4);
    firmware_nonce(&mut line);
    assert_eq!(next(&mut line, b"not a certificate", true, false), 4);
    let parameters = [
        ("NextCertificate", "-----BEGIN CERTIFICATE-----".into()),
        ("IsLeafCertificate", true.into()),
        ("IsRootCertificate", false.into()),
    ];
    assert_eq!(line.invoke(HBS, "AddNextCertInChain", parameters).0, 1);
}

#[test]
fn a_commit_with_tls_but_no_certificate_is_refused() {
    let mut rig = Rig::new(&config(AmtVersion::new(12, 0)));
    let client = rig.dial(Port::Plain, Expectation::default()).unwrap();
    let session = rig.local_system();
    let mut line = Line { rig: &mut rig, client, session };
    let setup = setup_parameters(&mut line);
    line.invoke_once(HBS, "Setup", setup);
    line.session = admin(ADMIN_PASSWORD);
    for mut settings in line.list(Class::TlsSettingData) {
        settings.set_property("Enabled", "true");
        line.call(&Call::new(Class::TlsSettingData.uri(), Operation::Put(settings)));
    }
    assert_eq!(line.invoke(SCS, "CommitChanges", []).0, 2057);
    assert_eq!((rig.truth().counters.commits, rig.truth().port), (0, Port::Plain));
}

#[test]
fn some_firmware_wants_the_mebx_password_before_it_commits() {
    let mut rig = in_ccm(&DeviceConfig { persona: "mebx-first".parse().unwrap(), ..amt_19() });
    let mut line = ccm_line(&mut rig);
    let nonce = firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    assert_eq!(upgrade(&mut line, signed(&nonce)), 0);
    let mut line = ccm_line(&mut rig);
    assert_eq!(line.invoke(SCS, "CommitChanges", []).0, 2057);
    assert_eq!(line.invoke(SCS, "SetMEBxPassword", [("Password", "M3Bx!Passw0rd".into())]).0, 0);
    assert_eq!(line.invoke(SCS, "CommitChanges", []).0, 0);
}

#[test]
fn the_mebx_password_is_for_acm_and_must_be_strong() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    assert_eq!(line.invoke(SCS, "SetMEBxPassword", [("Password", "M3Bx!Passw0rd".into())]).0, 16);
    let nonce = firmware_nonce(&mut line);
    assert_eq!(add_chain(&mut line), [0, 0, 0]);
    line.invoke_once(HBS, "UpgradeClientToAdmin", signed(&nonce));
    let mut line = ccm_line(&mut rig);
    assert_eq!(line.invoke(SCS, "SetMEBxPassword", [("Password", "weak".into())]).0, 2054);
    assert_eq!(rig.truth().counters.mebx_passwords, 0);
}

#[test]
fn a_changed_admin_password_counts_from_the_next_request_on() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let realm = text(&line.get(Class::GeneralSettings), "DigestRealm").parse().unwrap();
    let digest = Ha1::new("admin", &realm, "N3w-P@ssw0rd").to_base64();
    let change = |name: &str, digest: &str| [("Username", name.into()), ("DigestPassword", digest.into())];
    let class = Class::AuthorizationService;
    assert_eq!(line.invoke(class, "SetAdminAclEntryEx", change("root", &digest)).0, 12);
    assert_eq!(line.invoke(class, "SetAdminAclEntryEx", change("admin", "N3w-P@ssw0rd")).0, 2054);
    assert_eq!(line.invoke(class, "SetAdminAclEntryEx", change("admin", &digest)).0, 0);
    let get = Call::new(Class::GeneralSettings.uri(), Operation::Get);
    assert!(matches!(line.try_call(&get), Err(Failure::Unauthorized)));
    line.session = admin("N3w-P@ssw0rd");
    assert!(line.try_call(&get).is_ok());
    assert!(rig.truth().admin_password_is("N3w-P@ssw0rd"));
}

/// A key of the device, and a certificate over it that is not stored yet.
fn certified_key(line: &mut Line<'_>) -> CertificateDer<'static> {
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", rsa_2048()).0, 0);
    let pair = line.list(Class::PublicPrivateKeyPair).pop().unwrap();
    let der = STANDARD.decode(text(&pair, "DERKey")).unwrap();
    let key = DeviceKey::from_der_key(AmtVersion::new(19, 0).suite(), &der).unwrap();
    let uuid = line.rig.truth().uuid;
    DeploymentAuthority::generate().unwrap().issue(uuid, &key, Serial::from_random([3; 16])).unwrap()
}

#[test]
fn a_bound_certificate_and_its_key_cannot_be_deleted_and_others_can() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let certificate = certified_key(&mut line);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(&certificate)).0, 0);
    let context = Class::TlsCredentialContext.uri();
    let create = Call::new(context.clone(), Operation::Create(credential_context(&certificate_reference(0))));
    line.call(&create);
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", rsa_2048()).0, 0);

    let delete =
        |class: Class, id: &str| Call::new(class.uri(), Operation::Delete).with_selector(Selector::instance_id(id));
    let certificate = delete(Class::PublicKeyCertificate, "Intel(r) AMT Certificate: Handle: 0");
    let key = |handle: u32| delete(Class::PublicPrivateKeyPair, &format!("Intel(r) AMT Key: Handle: {handle}"));
    assert_eq!(line.fault(&certificate).kind, FaultKind::AccessDenied);
    assert_eq!(line.fault(&key(0)).kind, FaultKind::AccessDenied);
    assert!(matches!(line.try_call(&key(1)), Ok(None)));
    assert_eq!(line.fault(&key(1)).kind, FaultKind::InvalidSelectors);
    assert_eq!(line.fault(&Call::new(context, Operation::Delete)).kind, FaultKind::AccessDenied, "TLS is on");
    assert_eq!((rig.truth().keys, rig.truth().certificates), (1, 1));
}

#[test]
fn a_credential_context_is_made_once_and_of_a_leaf_whose_key_is_here() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let context = |operation: fn(Node) -> Operation, handle| {
        Call::new(Class::TlsCredentialContext.uri(), operation(credential_context(&certificate_reference(handle))))
    };
    assert_eq!(line.invoke(PKM, "AddTrustedRootCertificate", blob(PROVISIONING.root())).0, 0);
    assert_eq!(line.fault(&context(Operation::Create, 0)).kind, FaultKind::InvalidRepresentation, "a root");
    assert_eq!(line.fault(&context(Operation::Create, 7)).kind, FaultKind::InvalidRepresentation, "nothing");
    assert_eq!(line.fault(&context(Operation::Put, 0)).kind, FaultKind::InvalidSelectors, "none to replace");
    let certificate = certified_key(&mut line);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(&certificate)).0, 0);
    line.call(&context(Operation::Create, 1));
    assert_eq!(line.fault(&context(Operation::Create, 1)).kind, FaultKind::AlreadyExists);
    line.call(&context(Operation::Put, 1));
}

#[test]
fn certificates_are_stored_once_and_only_over_keys_of_the_device() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(b"garbage")).0, 2063);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(&[0x30; 5000])).0, 2063);
    let foreign = Identity::self_signed(generate_rsa_key().unwrap()).unwrap().chain.remove(0);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(&foreign)).0, 2063, "a leaf of a key that is not here");
    let own = certified_key(&mut line);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(&own)).0, 0);
    assert_eq!(line.invoke(PKM, "AddCertificate", blob(&own)).0, 2058);
    assert_eq!(line.invoke(PKM, "AddCertificate", [("CertificateBlob", "%".into())]).0, 36);
    while line.rig.truth().certificates < MAX_CERTIFICATES {
        let root = DeploymentAuthority::generate().unwrap();
        assert_eq!(line.invoke(PKM, "AddTrustedRootCertificate", blob(root.certificate())).0, 0);
    }
    let root = DeploymentAuthority::generate().unwrap();
    assert_eq!(line.invoke(PKM, "AddTrustedRootCertificate", blob(root.certificate())).0, 23);
}

#[test]
fn keys_are_of_the_firmware_s_one_kind_and_of_a_number_that_fits() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let kind = |algorithm: u32, length: u32| [("KeyAlgorithm", algorithm.into()), ("KeyLength", length.into())];
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", kind(0, 3072)).0, 2066);
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", kind(1, 384)).0, 2066);
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", []).0, 36);
    for _ in 0..MAX_KEYS {
        assert_eq!(line.invoke(PKM, "GenerateKeyPair", rsa_2048()).0, 0);
    }
    assert_eq!(line.invoke(PKM, "GenerateKeyPair", rsa_2048()).0, 23);
    assert_eq!(rig.truth().keys, MAX_KEYS);
}

#[test]
fn tls_settings_are_named_by_selector_or_body_and_keep_what_cannot_change() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let put = |settings: &Node| Call::new(Class::TlsSettingData.uri(), Operation::Put(settings.clone()));
    let [remote, local] = line.list(Class::TlsSettingData).try_into().unwrap();
    assert_eq!(text(&local, "InstanceID"), "Intel(r) AMT LMS TLS Settings");
    let with = |node: &Node, name: &'static str, value: &str| {
        let mut node = node.clone();
        node.set_property(name, value);
        node
    };
    assert_eq!(line.fault(&put(&with(&local, "Enabled", "false"))).kind, FaultKind::AccessDenied);
    let plain = with(&with(&remote, "Enabled", "true"), "AcceptNonSecureConnections", "true");
    assert_eq!(line.fault(&put(&plain)).kind, FaultKind::AccessDenied);
    assert_eq!(line.fault(&put(&with(&remote, "InstanceID", "elsewhere"))).kind, FaultKind::InvalidSelectors);
    assert_eq!(line.fault(&put(&with(&remote, "Enabled", "perhaps"))).kind, FaultKind::InvalidRepresentation);
    let on = put(&with(&remote, "Enabled", "true"));
    let crossed = on.clone().with_selector(Selector::instance_id("Intel(r) AMT LMS TLS Settings"));
    assert_eq!(line.fault(&crossed).kind, FaultKind::InvalidRepresentation);
    assert_eq!(text(&line.call(&on), "Enabled"), "true");
    let mutual = with(&with(&remote, "Enabled", "true"), "MutualAuthentication", "true");
    line.call(&put(&mutual));
    assert_eq!(line.invoke(SCS, "CommitChanges", []).0, 2057, "neither a certificate nor a root");
}

#[test]
fn general_settings_keep_what_is_absent_and_what_is_read_only() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let before = line.get(Class::GeneralSettings);
    let partial = Class::GeneralSettings.uri().instance();
    let partial = partial.with_property("DigestRealm", "Digest:0").with_property("HostName", "a & <b>");
    let echoed = line.call(&Call::new(Class::GeneralSettings.uri(), Operation::Put(partial)));
    assert_eq!(text(&echoed, "HostName"), "a & <b>");
    assert_eq!(text(&echoed, "DigestRealm"), text(&before, "DigestRealm"));
    assert_eq!(line.get(Class::GeneralSettings), echoed);
    let names: Vec<_> = echoed.children().iter().map(|property| property.name().local.to_string()).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn what_does_not_exist_is_answered_with_the_devices_faults() {
    let mut rig = Rig::new(&amt_19());
    let mut line = lsa_line(&mut rig);
    let wifi = ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_WiFiPortConfigurationService");
    assert_eq!(line.fault(&Call::new(wifi, Operation::Get)).kind, FaultKind::DestinationUnreachable);
    let call = Call::invoke(HBS.uri(), "Teardown", []);
    assert_eq!(line.fault(&call).kind, FaultKind::ActionNotSupported);
    let absent = Call::new(Class::PublicPrivateKeyPair.uri(), Operation::Get)
        .with_selector(Selector::instance_id("Intel(r) AMT Key: Handle: 0"));
    assert_eq!(line.fault(&absent).kind, FaultKind::InvalidSelectors);

    let reply = line.call(&Call::new(Class::TlsSettingData.uri(), Operation::Enumerate));
    let context = EnumerationContext(text(&reply, "EnumerationContext"));
    let other_class = Call::new(Class::GeneralSettings.uri(), Operation::Pull(context.clone()));
    assert_eq!(line.fault(&other_class).kind, FaultKind::InvalidEnumerationContext);
    let pull = Call::new(Class::TlsSettingData.uri(), Operation::Pull(context));
    line.call(&pull);
    assert_eq!(line.fault(&pull).kind, FaultKind::InvalidEnumerationContext);
}
