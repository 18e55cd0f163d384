//! Bytes are the body of a device's reply.

use std::fmt::Debug;

use amt_provision_fsm::firmware::KeySuite;

use crate::wsman::class::{
    certificate, concrete_dependency, general_settings, host_based_setup, key_pair, public_key_management,
    setup_and_configuration, time_synchronization, tls_credential_context, tls_setting_data,
};
use crate::wsman::envelope::{MessageId, ReplyError, read_request};
use crate::wsman::xml::{self, Limits, Node, Scope};
use crate::wsman::{Listing, Progress, Query};

const LIMITS: Limits = Limits { bytes: 16 * 1024, depth: 24, nodes: 512 };
/// What every reply must relate to.
const ID: MessageId = MessageId(7);
/// The longest explanation: some words, and excerpts of what was sent.
const MAX_EXPLANATION: usize = 2048;

/// Reads a body as XML, as a request and as the reply to the question that the first byte names.
pub fn wsman_reply(data: &[u8]) {
    let Some((&question, body)) = data.split_first() else { return };
    tree(body);
    // A request is read by the simulated device: hostile too, for whoever dials one.
    let _ = read_request(body, LIMITS);
    match question % 12 {
        0 => ask(&general_settings::get(), body),
        1 => ask(&host_based_setup::get(), body),
        2 => ask(&setup_and_configuration::get(), body),
        3 => ask(&setup_and_configuration::get_uuid(), body),
        4 => ask(&setup_and_configuration::commit_changes(), body),
        5 => ask(&time_synchronization::get_low_accuracy(), body),
        6 => ask(&public_key_management::generate_key_pair(KeySuite::Rsa2048Sha256), body),
        7 => list(certificate::list(), body),
        8 => list(concrete_dependency::list(), body),
        9 => list(key_pair::list(), body),
        10 => list(tls_credential_context::list(), body),
        _ => list(tls_setting_data::list(), body),
    }
}

fn tree(body: &[u8]) {
    let Ok(node) = xml::read(body, LIMITS) else { return };
    if names_a_qname(&node) {
        return;
    }
    let text = xml::write("", &node, &Scope::new([], 'a').with_namespaces_of(&node));
    // What is written declares namespaces anew and escapes more, so it may be longer.
    let roomy = Limits { bytes: usize::MAX, ..LIMITS };
    assert_eq!(xml::read(text.as_bytes(), roomy), Ok(node), "{}", *text);
}

/// A name in a fault's text means what its prefix means there, and prefixes are chosen anew: nobody writes such a tree.
fn names_a_qname(node: &Node) -> bool {
    node.qname().is_some() || node.children().iter().any(names_a_qname)
}

fn ask<T: Debug>(query: &Query<T>, body: &[u8]) {
    for status in [200, 400] {
        if let Err(error) = query.read_reply(status, body, ID, LIMITS) {
            explained(&error);
        }
    }
}

/// The body is each page in turn: the list ends all the same.
fn list<T: Debug>(mut listing: Listing<T>, body: &[u8]) {
    loop {
        listing = match listing.read_reply(200, body, ID, LIMITS) {
            Ok(Progress::More(listing)) => listing,
            Ok(Progress::Complete(_)) => return,
            Err(error) => return explained(&error),
        };
    }
}

fn explained(error: &ReplyError) {
    let words = error.to_string();
    assert!(!words.is_empty() && words.len() <= MAX_EXPLANATION, "{} bytes: {words}", words.len());
}
