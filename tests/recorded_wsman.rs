//! Replies recorded from real devices: all of them are read, and those of our classes give typed values.
//!
//! The recordings are not part of this repository. They are looked for in `$AMT_PROVISION_FIXTURES`, else in
//! `../shared/fixtures` beside the checkout; `REQUIRE_FIXTURES=1` makes their absence a failure.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use amt_provision::fsm::firmware::{ControlMode, ProvisioningState};
use amt_provision::wsman::class::host_based_setup::{ChainPosition, ChainProgress, SigningAlgorithm};
use amt_provision::wsman::class::tls_setting_data::TlsSettings;
use amt_provision::wsman::class::{
    authorization, certificate, concrete_dependency, general_settings, host_based_setup, key_pair,
    public_key_management, setup_and_configuration, time_synchronization, tls_credential_context, tls_setting_data,
};
use amt_provision::wsman::envelope::{
    DeviceMessageId, MessageId, Request, enumerate_reply, pull_reply, read_response, write_response,
};
use amt_provision::wsman::namespace::{ADDRESSING, ENUMERATION, SOAP, TRANSFER, WSMAN};
use amt_provision::wsman::xml::{self, Limits, Node};
use amt_provision::wsman::{EnumerationContext, Listing, Progress, Query};

/// The folder with the recorded replies, or `None` after a loud line about it.
fn recordings() -> Option<PathBuf> {
    common::recorded("wsman")
}

fn read(folder: &Path, path: &str) -> Vec<u8> {
    fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn header<'a>(envelope: &'a Node, ns: &str, name: &str) -> &'a str {
    envelope.child(SOAP, "Header").and_then(|header| header.child(ns, name)).map_or("", Node::value)
}

fn message_id(bytes: &[u8]) -> MessageId {
    let envelope = xml::read(bytes, Limits::DEFAULT).unwrap();
    MessageId(header(&envelope, ADDRESSING, "RelatesTo").parse().unwrap())
}

/// What `query` makes of a recorded reply.
fn answer<T>(folder: &Path, path: &str, query: &Query<T>) -> T {
    let bytes = read(folder, path);
    query.read_reply(200, &bytes, message_id(&bytes), Limits::DEFAULT).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What `listing` makes of a recorded EnumerateResponse and PullResponse.
fn list<T>(folder: &Path, enumerate: &str, pull: &str, listing: Listing<T>) -> Vec<T> {
    list_bytes(&read(folder, enumerate), &read(folder, pull), listing)
}

fn list_bytes<T>(enumerate: &[u8], pull: &[u8], listing: Listing<T>) -> Vec<T> {
    let Progress::More(listing) = listing.read_reply(200, enumerate, message_id(enumerate), Limits::DEFAULT).unwrap()
    else {
        panic!("the list is over before its first page")
    };
    let Progress::Complete(items) = listing.read_reply(200, pull, message_id(pull), Limits::DEFAULT).unwrap() else {
        panic!("the page is not the last")
    };
    items
}

/// A list of one: the instance of a recorded GetResponse on a page of its own.
fn list_of_one<T>(folder: &Path, get: &str, listing: Listing<T>) -> Vec<T> {
    let bytes = read(folder, get);
    let instance = read_response(200, &bytes, message_id(&bytes), Limits::DEFAULT).unwrap().unwrap();
    let request = Request { message_id: "1".to_owned(), call: listing.call().clone() };
    let enumerate = enumerate_reply(&EnumerationContext("1".to_owned()));
    let reply = |body| write_response(&request, DeviceMessageId(1), Some(body));
    list_bytes(reply(enumerate).as_bytes(), reply(pull_reply([instance], None)).as_bytes(), listing)
}

#[test]
fn every_recorded_reply_is_read_for_what_it_is() {
    let Some(folder) = recordings() else { return };
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let mut kinds = BTreeMap::new();
    for line in index.lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let [path, class, action, returned, items, ..] = columns[..] else { panic!("{line}") };
        let bytes = read(&folder, path);
        let envelope = xml::read(&bytes, Limits::DEFAULT).unwrap_or_else(|error| panic!("{path}: {error}"));
        let resource = header(&envelope, WSMAN, "ResourceURI");
        assert!(resource.ends_with(&format!("/{class}")), "{path}: {resource}");
        let full_action = header(&envelope, ADDRESSING, "Action");
        assert!(full_action.ends_with(&format!("/{action}")), "{path}: {full_action}");

        let id = message_id(&bytes);
        let body = read_response(200, &bytes, id, Limits::DEFAULT).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(read_response(200, &bytes, MessageId(id.0 + 1), Limits::DEFAULT).is_err(), "{path}: another request's");

        let kind = match full_action.rsplit_once('/') {
            Some((TRANSFER | ENUMERATION, action)) => action,
            _ => "method",
        };
        *kinds.entry(kind.to_owned()).or_insert(0) += 1;
        match (kind, &body) {
            ("EnumerateResponse", Some(body)) => {
                assert!(
                    body.property("EnumerationContext").is_some_and(|context| !context.value().is_empty()),
                    "{path}"
                );
            }
            ("PullResponse", Some(body)) => {
                let expected: usize = items.split(' ').next().and_then(|count| count.parse().ok()).unwrap();
                let items = body.property("Items").unwrap();
                assert_eq!(items.children().len(), expected, "{path}");
                assert!(items.children().iter().all(|item| item.is(resource, class)), "{path}");
            }
            ("GetResponse", Some(body)) => assert!(body.is(resource, class), "{path}"),
            ("PutResponse" | "DeleteResponse", body) => {
                assert!(body.as_ref().is_none_or(|body| body.is(resource, class)), "{path}");
            }
            ("method", Some(body)) => {
                let value = body.property("ReturnValue").map(Node::value);
                assert_eq!(value, returned.strip_prefix("RV="), "{path}");
            }
            other => panic!("{path}: {other:?}"),
        }
        // What we would write again is the same document.
        let again = xml::write("", &envelope, &xml::Scope::new([], 'a').with_namespaces_of(&envelope));
        assert!(xml::read(again.as_bytes(), Limits::DEFAULT).unwrap() == envelope, "{path}");
    }
    assert!(kinds.len() >= 5 && kinds.values().sum::<i32>() > 130, "{kinds:?}");
}

#[test]
fn the_state_of_a_recorded_device_is_typed() {
    let Some(folder) = recordings() else { return };
    let settings = answer(&folder, "amt/general/get.xml", &general_settings::get());
    assert_eq!(settings.digest_realm.to_string(), "Digest:F3EB554784E729164447A89F60B641C5");
    assert_eq!(settings.network_enabled, Some(true));

    let service = answer(&folder, "amt/setupandconfiguration/get.xml", &setup_and_configuration::get());
    assert_eq!((service.provisioning_state, service.provisioning_mode), (ProvisioningState::Post, Some(1)));

    let setup = answer(&folder, "ips/hostbasedsetup/get.xml", &host_based_setup::get());
    assert_eq!((setup.current_control_mode, setup.chain), (ControlMode::Admin, ChainProgress::NotStarted));
    assert_eq!(setup.allowed_control_modes, [ControlMode::Admin, ControlMode::Client]);
    assert!(setup.configuration_nonce.is_some());

    let time = answer(
        &folder,
        "amt/timesynchronization/getlowaccuracytimesynch.xml",
        &time_synchronization::get_low_accuracy(),
    );
    assert_eq!(time.map(|time| time.0), Ok(1_704_586_865));
}

#[test]
fn recorded_methods_succeeded() {
    let Some(folder) = recordings() else { return };
    let ha1 = amt_provision::http::digest::Ha1::from_hex(&"0".repeat(32)).unwrap();
    let service = "amt/setupandconfiguration";
    assert!(
        answer(&folder, &format!("{service}/commitchanges.xml"), &setup_and_configuration::commit_changes()).is_ok()
    );
    let mebx = setup_and_configuration::set_mebx_password(&Default::default());
    assert!(answer(&folder, &format!("{service}/setmebxpassword.xml"), &mebx).is_ok());
    assert!(answer(&folder, &format!("{service}/unprovision.xml"), &setup_and_configuration::unprovision()).is_ok());
    assert!(answer(&folder, "ips/hostbasedsetup/setup.xml", &host_based_setup::setup(&ha1)).is_ok());
    let add = host_based_setup::add_next_certificate(&[], ChainPosition::Leaf);
    assert!(answer(&folder, "ips/hostbasedsetup/addnextcertinchain.xml", &add).is_ok());
    let password = authorization::set_admin_acl_entry_ex(&ha1);
    assert!(answer(&folder, "amt/authorization/setadminaclentryex.xml", &password).is_ok());

    // A reply to one method is not taken for that of another.
    let upgrade = host_based_setup::upgrade_client_to_admin(&[0; 20], SigningAlgorithm::RsaSha256, &[]);
    let bytes = read(&folder, "ips/hostbasedsetup/setup.xml");
    assert!(upgrade.read_reply(200, &bytes, message_id(&bytes), Limits::DEFAULT).is_err());
}

#[test]
fn recorded_keys_certificates_and_settings_are_typed() {
    let Some(folder) = recordings() else { return };
    let generate = public_key_management::generate_key_pair(amt_provision::fsm::firmware::KeySuite::Rsa2048Sha256);
    let key = answer(&folder, "amt/publickey/management/generatekeypair.xml", &generate).unwrap();
    assert_eq!(key.0, "Intel(r) AMT Key: Handle: 0");
    let add = public_key_management::add_certificate(&[]);
    let added = answer(&folder, "amt/publickey/management/addcertificate.xml", &add).unwrap();
    assert_eq!(added.0, "Intel(r) AMT Certificate: Handle: 1");

    let pairs = list_of_one(&folder, "amt/publicprivate/get.xml", key_pair::list());
    assert_eq!((&pairs[0].handle, pairs[0].der_key.len()), (&key, 270));
    let certificates = list_of_one(&folder, "amt/publickey/certificate/get.xml", certificate::list());
    assert!(certificates[0].trusted_root && certificates[0].der.starts_with(&[0x30, 0x82]));

    let enumerate = "amt/tls/credentialcontext/enumerate.xml";
    let contexts = list(&folder, enumerate, "amt/tls/credentialcontext/pull.xml", tls_credential_context::list());
    assert_eq!(contexts[0].certificate.0, "Intel(r) AMT Certificate: Handle: 3");
    // The recorded context is of another class than the dependency list, whose items it therefore is not.
    let enumerate = "cim/concrete/dependency/enumerate.xml";
    assert_eq!(list(&folder, enumerate, "amt/tls/credentialcontext/pull.xml", concrete_dependency::list()), []);

    let (enumerate, pull) = ("amt/tls/settingdata/enumerate.xml", "amt/tls/settingdata/pull.xml");
    let settings = list(&folder, enumerate, pull, tls_setting_data::list());
    let [TlsSettings::Remote(remote), TlsSettings::Local(local)] = settings.as_slice() else { panic!("{settings:?}") };
    assert!(!remote.enabled && !remote.accepts_plain && !local.enabled && local.accepts_plain);
}
