//! Each class against a device that answers in the firmware's shape (wsman.md §2, §2.21).

use amt_provision_fsm::firmware::{ControlMode, KeySuite, ProvisioningState};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::certificate::{Certificate, CertificateHandle};
use super::host_based_setup::{ChainPosition, ChainProgress, SigningAlgorithm};
use super::key_pair::{KeyHandle, KeyPair};
use super::time_synchronization::UnixSeconds;
use super::tls_setting_data::{Clients, PlainText, RemoteMode, TlsSettings};
use super::*;
use crate::http::digest::Ha1;
use crate::wsman::envelope::{
    DeviceMessageId, Fault, FaultKind, MessageId, ReplyError, Request, created_reply, enumerate_reply, method_reply,
    pull_reply, read_request, write_fault, write_response,
};
use crate::wsman::namespace::{ADDRESSING, ENUMERATION, WSMAN};
use crate::wsman::status::{ChainStatus, PtStatus, SetupStatus};
use crate::wsman::xml::{self, Limits, Node};
use crate::wsman::{
    Call, EnumerationContext, Listing, MAX_ITEMS, MAX_PAGES, Operation, Progress, Query, Reference, ResourceUri,
    Selector, SelectorValue,
};

const ID: MessageId = MessageId(7);

fn asked<T>(query: &Query<T>) -> Request {
    read_request(query.to_request(ID).as_bytes(), Limits::DEFAULT).unwrap()
}

/// What the query makes of `body`, sent by a device.
fn answered<T>(query: &Query<T>, body: Option<Node>) -> Result<T, ReplyError> {
    let text = write_response(&asked(query), DeviceMessageId(1), body);
    query.read_reply(200, text.as_bytes(), ID, Limits::DEFAULT)
}

fn returns<T>(query: &Query<T>, outputs: impl IntoIterator<Item = Node>, value: u32) -> Result<T, ReplyError> {
    answered(query, Some(method_reply(query.call(), outputs, value)))
}

/// An instance with these properties, as XML without its namespace.
fn instance(resource: &ResourceUri, properties: &str) -> Node {
    let class = resource.class();
    let text =
        format!("<g:{class} xmlns:g='{resource}' xmlns:b='{ADDRESSING}' xmlns:c='{WSMAN}'>{properties}</g:{class}>");
    xml::read(text.as_bytes(), Limits::DEFAULT).unwrap()
}

/// The body of a request, without its envelope.
fn body<T>(query: &Query<T>) -> String {
    let request = query.to_request(ID);
    let body = request.split_once("<Body>").and_then(|(_, rest)| rest.split_once("</Body>")).unwrap().0;
    body.replace(&format!(" xmlns:h=\"{}\"", query.call().resource), "").replace("h:", "")
}

/// Everything that a device with these pages gives to a listing.
fn listed<T>(mut listing: Listing<T>, pages: &[Vec<Node>]) -> Result<Vec<T>, ReplyError> {
    let mut at = 0;
    loop {
        let request = read_request(listing.to_request(ID).as_bytes(), Limits::DEFAULT).unwrap();
        let reply = match &request.call.operation {
            Operation::Enumerate => enumerate_reply(&EnumerationContext("start".into())),
            _ => {
                at += 1;
                let next = EnumerationContext(format!("page {at}"));
                pull_reply(pages[at - 1].clone(), (at < pages.len()).then_some(&next))
            }
        };
        let reply = write_response(&request, DeviceMessageId(1), Some(reply));
        listing = match listing.read_reply(200, reply.as_bytes(), ID, Limits::DEFAULT)? {
            Progress::More(listing) => listing,
            Progress::Complete(items) => return Ok(items),
        };
    }
}

fn one_page<T>(listing: Listing<T>, items: impl IntoIterator<Item = Node>) -> Result<Vec<T>, ReplyError> {
    listed(listing, &[items.into_iter().collect()])
}

#[test]
fn general_settings_give_the_realm() {
    let query = general_settings::get();
    assert_eq!(query.call().to_string(), "AMT_GeneralSettings.Get");
    let reply = |realm: &str| {
        instance(
            &general_settings::RESOURCE,
            &format!(
                "<g:AMTNetworkEnabled>1</g:AMTNetworkEnabled><g:DigestRealm>{realm}</g:DigestRealm>\
                 <g:DomainName></g:DomainName><g:HostName>a &amp; b</g:HostName><g:New>x</g:New>"
            ),
        )
    };
    let settings = answered(&query, Some(reply("Digest:F3EB554784E729164447A89F60B641C5"))).unwrap();
    assert_eq!(settings.digest_realm.to_string(), "Digest:F3EB554784E729164447A89F60B641C5");
    assert_eq!((settings.network_enabled, settings.domain_name), (Some(true), None));
    assert_eq!((settings.host_name.as_deref(), settings.shared_fqdn), (Some("a & b"), None));
    assert_eq!(settings.instance.property("New").map(Node::text), Some("x"));

    let Err(ReplyError::Unexpected(error)) = answered(&query, Some(reply("Digest:F3"))) else { panic!() };
    assert_eq!(
        error.to_string(),
        "AMT_GeneralSettings.DigestRealm: expected Digest: and 32 hexadecimal digits, got Digest:F3"
    );
    assert!(matches!(answered(&query, None), Err(ReplyError::Unexpected(_))));
    let other = instance(&key_pair::RESOURCE, "");
    assert!(matches!(answered(&query, Some(other)), Err(ReplyError::Unexpected(_))), "another class");
}

#[test]
fn the_provisioning_state_and_the_uuid_are_typed() {
    let get = |state: u32| {
        let properties = format!(
            "<g:ProvisioningMode>4</g:ProvisioningMode><g:ProvisioningState> {state}\n</g:ProvisioningState>\
             <g:TrustedDNSSuffix>example.org</g:TrustedDNSSuffix>"
        );
        answered(&setup_and_configuration::get(), Some(instance(&setup_and_configuration::RESOURCE, &properties)))
    };
    let service = get(2).unwrap();
    assert_eq!(service.provisioning_state, ProvisioningState::Post);
    assert_eq!((service.provisioning_mode, service.trusted_dns_suffix.as_deref()), (Some(4), Some("example.org")));
    assert!(get(3).is_err(), "no such state");

    let query = setup_and_configuration::get_uuid();
    let uuid = |base64: &str| {
        let mut uuid = query.call().resource.element("UUID");
        uuid.set_text(base64);
        [uuid]
    };
    // 4c4c4544-0044-4b10-8034-b7c04f4e3332, its first three fields turned round.
    let answer = returns(&query, uuid("REVMTEQAEEuANLfAT04zMg=="), 0).unwrap().unwrap();
    assert_eq!(answer.to_string(), "4c4c4544-0044-4b10-8034-b7c04f4e3332");
    assert!(returns(&query, uuid("AAAAAAAAAAAAAAAAAAAAAA=="), 0).is_err(), "a placeholder");
    assert!(returns(&query, uuid("AAAA"), 0).is_err(), "too short");
    assert_eq!(returns(&query, [], 16).unwrap(), Err(PtStatus::NotPermitted));
}

#[test]
fn commit_mebx_and_unprovision_say_what_they_were_refused_for() {
    let commit = setup_and_configuration::commit_changes();
    assert_eq!(body(&commit), "<CommitChanges_INPUT></CommitChanges_INPUT>");
    assert_eq!(returns(&commit, [], 0).unwrap(), Ok(()));
    assert_eq!(returns(&commit, [], 2057).unwrap(), Err(PtStatus::DataMissing));
    let no_value = commit.call().resource.element("CommitChanges_OUTPUT");
    assert!(matches!(answered(&commit, Some(no_value)), Err(ReplyError::Unexpected(_))));

    let mebx = setup_and_configuration::set_mebx_password(&Zeroizing::new("P<&>1\"'x".to_owned()));
    assert!(body(&mebx).contains("<Password>P&lt;&amp;&gt;1&quot;&apos;x</Password>"));
    let Operation::Invoke { input, .. } = asked(&mebx).call.operation else { panic!() };
    assert_eq!(input.property("Password").map(Node::text), Some("P<&>1\"'x"));
    assert!(!format!("{mebx:?} {:?}", mebx.call()).contains("P<"), "nothing prints it");
    assert_eq!(returns(&mebx, [], 2054).unwrap(), Err(PtStatus::InvalidPassword));

    let unprovision = setup_and_configuration::unprovision();
    assert_eq!(body(&unprovision), "<Unprovision_INPUT><ProvisioningMode>1</ProvisioningMode></Unprovision_INPUT>");
    assert_eq!(returns(&unprovision, [], 2076).unwrap(), Err(PtStatus::BlockingComponent));
}

#[test]
fn host_based_setup_gives_mode_chain_and_nonce() {
    let get =
        |properties: &str| answered(&host_based_setup::get(), Some(instance(&host_based_setup::RESOURCE, properties)));
    let service = get(
        "<g:AllowedControlModes>2</g:AllowedControlModes><g:AllowedControlModes>1</g:AllowedControlModes>\
         <g:CertChainStatus>1</g:CertChainStatus><g:ConfigurationNonce>AAECAwQFBgcICQoLDA0ODxAREhM=</g:ConfigurationNonce>\
         <g:CurrentControlMode>1</g:CurrentControlMode>",
    )
    .unwrap();
    assert_eq!(service.current_control_mode, ControlMode::Client);
    assert_eq!(service.allowed_control_modes, [ControlMode::Admin, ControlMode::Client]);
    assert_eq!(service.chain, ChainProgress::InProgress);
    assert_eq!(service.configuration_nonce, Some(core::array::from_fn(|n| n as u8)));
    let bare = "<g:CertChainStatus>0</g:CertChainStatus><g:CurrentControlMode>0</g:CurrentControlMode>";
    assert_eq!(get(bare).unwrap().configuration_nonce, None);
    assert!(get(&bare.replace(">0</g:Cur", ">4</g:Cur")).is_err());
    assert!(get(&bare.replace(">0</g:Cert", ">x</g:Cert")).is_err());
    assert!(get(&format!("{bare}<g:ConfigurationNonce>AAAA</g:ConfigurationNonce>")).is_err());
}

#[test]
fn the_way_to_acm_is_asked_for_in_the_documented_order() {
    let ha1 = Ha1::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
    let setup = host_based_setup::setup(&ha1);
    assert_eq!(
        body(&setup),
        "<Setup_INPUT><NetAdminPassEncryptionType>2</NetAdminPassEncryptionType>\
         <NetworkAdminPassword>000102030405060708090a0b0c0d0e0f</NetworkAdminPassword></Setup_INPUT>"
    );
    assert_eq!(returns(&setup, [], 0).unwrap(), Ok(()));
    assert_eq!(returns(&setup, [], 6).unwrap(), Err(SetupStatus::FlashWriteLimitExceeded));

    let flags = [
        (ChainPosition::Leaf, "true", "false"),
        (ChainPosition::Intermediate, "false", "false"),
        (ChainPosition::Root, "false", "true"),
    ];
    for (position, leaf, root) in flags {
        let add = host_based_setup::add_next_certificate(&[1; 4], position);
        assert_eq!(
            body(&add),
            format!(
                "<AddNextCertInChain_INPUT><NextCertificate>AQEBAQ==</NextCertificate><IsLeafCertificate>{leaf}\
                 </IsLeafCertificate><IsRootCertificate>{root}</IsRootCertificate></AddNextCertInChain_INPUT>"
            )
        );
        assert_eq!(returns(&add, [], 4).unwrap(), Err(ChainStatus::VerifyFailed));
    }

    assert_eq!(SigningAlgorithm::from(KeySuite::EcP384Sha384), SigningAlgorithm::RsaSha384);
    let upgrade = host_based_setup::upgrade_client_to_admin(&[0; 20], KeySuite::Rsa2048Sha256.into(), &[255; 3]);
    assert_eq!(
        body(&upgrade),
        "<UpgradeClientToAdmin_INPUT><McNonce>AAAAAAAAAAAAAAAAAAAAAAAAAAA=</McNonce><SigningAlgorithm>2\
         </SigningAlgorithm><DigitalSignature>////</DigitalSignature></UpgradeClientToAdmin_INPUT>"
    );
    assert_eq!(returns(&upgrade, [], 5).unwrap(), Err(SetupStatus::AuthenticationFailed));

    let password = authorization::set_admin_acl_entry_ex(&ha1);
    assert_eq!(
        body(&password),
        "<SetAdminAclEntryEx_INPUT><Username>admin</Username><DigestPassword>AAECAwQFBgcICQoLDA0ODw==\
         </DigestPassword></SetAdminAclEntryEx_INPUT>"
    );
    assert_eq!(returns(&password, [], 2075).unwrap(), Err(PtStatus::AuditFail));
}

#[test]
fn new_keys_and_certificates_are_known_by_the_returned_reference() {
    let generate = public_key_management::generate_key_pair(KeySuite::Rsa2048Sha256);
    assert!(body(&generate).contains("<KeyAlgorithm>0</KeyAlgorithm><KeyLength>2048</KeyLength>"));
    let ec = public_key_management::generate_key_pair(KeySuite::EcP384Sha384);
    assert!(body(&ec).contains("<KeyAlgorithm>1</KeyAlgorithm><KeyLength>384</KeyLength>"));

    let key = KeyHandle::new("Intel(r) AMT Key: Handle: 0");
    let output = |reference: Reference, name: &'static str| {
        [reference.write_into(public_key_management::RESOURCE.element(name))]
    };
    assert_eq!(returns(&generate, output(key.reference(), "KeyPair"), 0).unwrap(), Ok(key.clone()));
    assert_eq!(returns(&generate, [], 23).unwrap(), Err(PtStatus::MaxLimitReached));
    assert!(returns(&generate, [], 0).is_err(), "success without a reference");
    let elsewhere = CertificateHandle::new("x").reference();
    assert!(returns(&generate, output(elsewhere, "KeyPair"), 0).is_err(), "a reference to another class");

    let add = public_key_management::add_certificate(b"\x30\x00");
    assert_eq!(body(&add), "<AddCertificate_INPUT><CertificateBlob>MAA=</CertificateBlob></AddCertificate_INPUT>");
    let certificate = CertificateHandle::new("Intel(r) AMT Certificate: Handle: 1");
    let created = output(certificate.reference(), "CreatedCertificate");
    assert_eq!(returns(&add, created, 0).unwrap(), Ok(certificate));
    assert_eq!(returns(&add, [], 2058).unwrap(), Err(PtStatus::Duplicate));
}

fn key(n: usize) -> Node {
    let properties = format!("<g:DERKey>MAA=</g:DERKey><g:InstanceID>Intel(r) AMT Key: Handle: {n}</g:InstanceID>");
    instance(&key_pair::RESOURCE, &properties)
}

#[test]
fn keys_certificates_and_their_bindings_are_listed() {
    let pair = KeyPair { handle: KeyHandle::new("Intel(r) AMT Key: Handle: 3"), der_key: vec![0x30, 0] };
    assert_eq!(one_page(key_pair::list(), [key(3)]).unwrap(), [pair.clone()]);
    assert_eq!(one_page(key_pair::list(), []).unwrap(), []);

    let text = "<g:InstanceID>c</g:InstanceID><g:TrustedRootCertficate>true</g:TrustedRootCertficate>\
                <g:X509Certificate>MA\n  A=</g:X509Certificate>";
    let certificate = CertificateHandle::new("c");
    assert_eq!(
        one_page(certificate::list(), [instance(&certificate::RESOURCE, text)]).unwrap(),
        [Certificate { handle: certificate.clone(), der: vec![0x30, 0], trusted_root: true, read_only: false }]
    );
    let broken = instance(&certificate::RESOURCE, &text.replace("MA\n", "M!\n"));
    assert!(one_page(certificate::list(), [broken]).is_err());

    let row = |antecedent: &Reference, dependent: &Reference| {
        let row = concrete_dependency::RESOURCE.instance();
        row.with(antecedent.write_into(concrete_dependency::RESOURCE.element("Antecedent")))
            .with(dependent.write_into(concrete_dependency::RESOURCE.element("Dependent")))
    };
    let identity = Reference::new(general_settings::RESOURCE, [Selector::instance_id("x")]);
    let rows = [
        row(&identity, &identity),
        row(&certificate.reference(), &pair.handle.reference()),
        row(&certificate.reference(), &identity),
    ];
    let bindings = one_page(concrete_dependency::list(), rows).unwrap();
    assert_eq!(bindings, [concrete_dependency::KeyBinding { certificate, key: pair.handle }]);
}

#[test]
fn a_list_goes_on_over_pages_and_passes_other_classes_over() {
    let pages = [vec![key(0), key(1)], vec![], vec![instance(&general_settings::RESOURCE, ""), key(2)]];
    let keys = listed(key_pair::list(), &pages).unwrap();
    let numbers: Vec<_> = keys.iter().map(|key| key.handle.as_str().rsplit(' ').next().unwrap()).collect();
    assert_eq!(numbers, ["0", "1", "2"]);
}

#[test]
fn a_page_without_context_means_the_same_context() {
    let Progress::More(listing) = reply_to(key_pair::list(), enumerate_reply(&EnumerationContext("c".into()))) else {
        panic!()
    };
    let page = Node::new(ENUMERATION, "PullResponse");
    let items = Node::new(ENUMERATION, "Items");
    let full = page.clone().with(items.clone().with(key(1)));
    let Progress::More(listing) = reply_to(listing, full) else { panic!() };
    assert_eq!(listing.call().operation, Operation::Pull(EnumerationContext("c".into())));
    let Progress::Complete(keys) = reply_to(listing.clone(), page.clone().with(items)) else { panic!() };
    assert_eq!(keys.len(), 1);
    let Progress::Complete(keys) = reply_to(listing, page) else { panic!() };
    assert_eq!(keys.len(), 1);
}

fn try_reply_to<T>(listing: Listing<T>, body: Node) -> Result<Progress<T>, ReplyError> {
    let request = read_request(listing.to_request(ID).as_bytes(), Limits::DEFAULT).unwrap();
    let reply = write_response(&request, DeviceMessageId(1), Some(body));
    listing.read_reply(200, reply.as_bytes(), ID, Limits::DEFAULT)
}

fn reply_to<T>(listing: Listing<T>, body: Node) -> Progress<T> {
    try_reply_to(listing, body).unwrap()
}

#[test]
fn a_list_that_never_ends_is_given_up_at_the_limit() {
    let next = EnumerationContext("on and on".into());
    let endless = |items: usize| {
        let mut pages = 0;
        let mut progress = try_reply_to(key_pair::list(), enumerate_reply(&next));
        while let Ok(Progress::More(listing)) = progress {
            progress = try_reply_to(listing, pull_reply((0..items).map(key), Some(&next)));
            pages += 1;
        }
        assert!(matches!(progress, Err(ReplyError::NotAReply(_))));
        pages
    };
    assert_eq!(endless(0), MAX_PAGES);
    assert_eq!(endless(100), MAX_ITEMS / 100 + 1);
}

#[test]
fn a_list_takes_only_its_own_replies() {
    let pull = pull_reply([], None);
    assert!(try_reply_to(key_pair::list(), pull).is_err(), "a page where a context was asked for");
    let no_context = enumerate_reply(&EnumerationContext(String::new()));
    assert!(try_reply_to(key_pair::list(), no_context).is_err());
    let Progress::More(listing) = reply_to(key_pair::list(), enumerate_reply(&EnumerationContext("c".into()))) else {
        panic!()
    };
    let again = enumerate_reply(&EnumerationContext("c".into()));
    assert!(try_reply_to(listing.clone(), again).is_err());
    let fault = write_fault(Some("7"), DeviceMessageId(1), &Fault::new(FaultKind::InvalidEnumerationContext));
    let Err(ReplyError::Fault(fault)) = listing.read_reply(500, fault.as_bytes(), ID, Limits::DEFAULT) else {
        panic!()
    };
    assert_eq!(fault.kind, FaultKind::InvalidEnumerationContext);
}

#[test]
fn the_credential_context_is_created_or_replaced() {
    let certificate = CertificateHandle::new("Intel(r) AMT Certificate: Handle: 1");
    let create = tls_credential_context::create(&certificate);
    let request = asked(&create).call;
    assert!(request.selectors.is_empty());
    let Operation::Create(new) = request.operation else { panic!() };
    let shown = Reference::read(new.property("ElementInContext").unwrap()).unwrap();
    assert_eq!((shown.address.as_ref(), shown.resource), ("/wsman", certificate::RESOURCE));
    let endpoints = Reference::read(new.property("ElementProvidingContext").unwrap()).unwrap();
    assert_eq!(endpoints.selector("ElementName"), Some(tls_credential_context::COLLECTION_NAME));

    let created = Reference::new(
        tls_credential_context::RESOURCE,
        [Selector {
            name: "ElementInContext".into(),
            value: SelectorValue::Reference(Box::new(certificate.reference())),
        }],
    );
    assert_eq!(answered(&create, Some(created_reply(&created))), Ok(()));
    assert!(answered(&create, None).is_err());
    let fault = Fault::new(FaultKind::AlreadyExists);
    let reply = write_fault(Some("7"), DeviceMessageId(1), &fault);
    let result = create.read_reply(400, reply.as_bytes(), ID, Limits::DEFAULT);
    assert_eq!(result, Err(ReplyError::Fault(Box::new(fault))));

    let stored = new.with_property("Unknown", "stays");
    let contexts = one_page(tls_credential_context::list(), [stored]).unwrap();
    assert_eq!(contexts[0].certificate, certificate);
    let other = CertificateHandle::new("Intel(r) AMT Certificate: Handle: 2");
    let put = tls_credential_context::put(&contexts[0], &other);
    let call = asked(&put).call;
    assert!(call.selectors.is_empty());
    let Operation::Put(instance) = call.operation else { panic!() };
    let shown = Reference::read(instance.property("ElementInContext").unwrap()).unwrap();
    assert_eq!(CertificateHandle::from_reference(&shown), Some(other));
    assert_eq!(instance.property("Unknown").map(Node::text), Some("stays"));
    assert_eq!(instance.children().len(), 3);
    assert_eq!((answered(&put, None), answered(&put, Some(instance))), (Ok(()), Ok(())));
}

#[test]
fn the_clock_counts_past_2038() {
    let get = time_synchronization::get_low_accuracy();
    let mut ta0 = time_synchronization::RESOURCE.element("Ta0");
    ta0.set_text("2208988800");
    let time = returns(&get, [ta0], 0).unwrap().unwrap();
    assert_eq!(time, UnixSeconds(2_208_988_800));
    let set = time_synchronization::set_high_accuracy(time, UnixSeconds(5), UnixSeconds(6));
    assert_eq!(
        body(&set),
        "<SetHighAccuracyTimeSynch_INPUT><Ta0>2208988800</Ta0><Tm1>5</Tm1><Tm2>6</Tm2></SetHighAccuracyTimeSynch_INPUT>"
    );
    assert_eq!(returns(&set, [], 36).unwrap(), Err(PtStatus::InvalidParameter));
}

fn tls(id: &str, more: &str) -> Node {
    let properties = format!(
        "<g:AcceptNonSecureConnections>true</g:AcceptNonSecureConnections><g:ElementName>{id}</g:ElementName>\
         <g:Enabled>false</g:Enabled><g:InstanceID>{id}</g:InstanceID><g:MutualAuthentication>false\
         </g:MutualAuthentication>{more}"
    );
    instance(&tls_setting_data::RESOURCE, &properties)
}

/// The properties of the instance that is put, and the selector.
fn put_properties(query: &Query<()>) -> (Vec<(String, String)>, Selector) {
    let Call { operation: Operation::Put(instance), selectors, .. } = asked(query).call else { panic!() };
    let properties = instance.children().iter();
    let properties = properties.map(|node| (node.name().local.to_string(), node.text().to_owned())).collect();
    (properties, selectors[0].clone())
}

#[test]
fn tls_settings_are_told_by_their_id_and_keep_what_is_not_known() {
    // The other order than devices have, and one interface more.
    let items = [
        tls(tls_setting_data::LOCAL, ""),
        tls("Intel(r) AMT Wi-Fi TLS Settings", ""),
        tls(tls_setting_data::REMOTE, "<g:New>x</g:New><g:TrustedCN>a</g:TrustedCN><g:TrustedCN>b</g:TrustedCN>"),
    ];
    let settings = one_page(tls_setting_data::list(), items).unwrap();
    let [TlsSettings::Local(local), TlsSettings::Remote(remote)] = settings.as_slice() else { panic!("{settings:?}") };
    assert!(!remote.enabled && remote.accepts_plain && remote.plain_is_configurable);
    assert_eq!(remote.trusted_names, ["a", "b"]);

    let (properties, selector) = put_properties(&tls_setting_data::put_local(local));
    assert_eq!(selector, Selector::instance_id(tls_setting_data::LOCAL));
    let expected = [
        ("AcceptNonSecureConnections", "true"),
        ("ElementName", tls_setting_data::LOCAL),
        ("Enabled", "true"),
        ("InstanceID", tls_setting_data::LOCAL),
        ("MutualAuthentication", "false"),
    ];
    assert_eq!(properties, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    let get = |properties: &[(String, String)], name: &str| -> Vec<String> {
        properties.iter().filter(|(n, _)| n == name).map(|(_, value)| value.clone()).collect()
    };
    let mode = RemoteMode { plain: PlainText::Refused, clients: Clients::Any };
    let (properties, selector) = put_properties(&tls_setting_data::put_remote(remote, &mode));
    assert_eq!(selector, Selector::instance_id(tls_setting_data::REMOTE));
    assert_eq!(get(&properties, "AcceptNonSecureConnections"), ["false"]);
    assert_eq!((get(&properties, "Enabled"), get(&properties, "New")), (vec!["true".into()], vec!["x".into()]));
    assert!(get(&properties, "TrustedCN").is_empty());

    let clients = Clients::WithCertificate(vec!["c".into(), "d".into()]);
    let mode = RemoteMode { plain: PlainText::Accepted, clients };
    let (properties, _) = put_properties(&tls_setting_data::put_remote(remote, &mode));
    assert_eq!(get(&properties, "AcceptNonSecureConnections"), ["true"]);
    assert_eq!(get(&properties, "MutualAuthentication"), ["true"]);
    assert_eq!(get(&properties, "TrustedCN"), ["c", "d"]);
}

#[test]
fn plain_text_is_left_alone_where_the_firmware_has_none() {
    let item =
        tls(tls_setting_data::REMOTE, "<g:NonSecureConnectionsSupported>false</g:NonSecureConnectionsSupported>");
    let settings = one_page(tls_setting_data::list(), [item]).unwrap();
    let [TlsSettings::Remote(remote)] = settings.as_slice() else { panic!() };
    let mode = RemoteMode { plain: PlainText::Refused, clients: Clients::Any };
    let (properties, _) = put_properties(&tls_setting_data::put_remote(remote, &mode));
    assert!(properties.contains(&("AcceptNonSecureConnections".to_owned(), "true".to_owned())), "as it was read");
}

proptest! {
    #[test]
    fn pages_do_not_matter(counts in proptest::collection::vec(0..5_usize, 1..8)) {
        let pages: Vec<Vec<Node>> = counts.iter().map(|count| (0..*count).map(key).collect()).collect();
        let keys = listed(key_pair::list(), &pages).unwrap();
        prop_assert_eq!(keys.len(), counts.iter().sum::<usize>());
    }

    #[test]
    fn any_password_reaches_the_device(password in "[ -~]{1,32}") {
        let query = setup_and_configuration::set_mebx_password(&Zeroizing::new(password.clone()));
        let Operation::Invoke { input, .. } = asked(&query).call.operation else { panic!() };
        prop_assert_eq!(input.property("Password").map(Node::text), Some(password.as_str()));
    }
}
