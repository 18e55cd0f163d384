//! Each class against a device that answers in the firmware's shape (wsman.md §2, §2.21).

use amt_provision_fsm::firmware::{ControlMode, KeySuite, ProvisioningState};
use amt_provision_fsm::request::{CertificateHandle, KeyHandle};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::certificate::Certificate;
use super::host_based_setup::{ChainPosition, ChainProgress, SigningAlgorithm};
use super::key_pair::KeyPair;
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
    Call, EnumerationContext, Listing, MAX_CONTEXT, MAX_ITEMS, MAX_LIST_BYTES, MAX_PAGES, Operation, Progress, Query,
    Reference, ResourceUri, Selector, SelectorValue,
};

mod lists;
mod services;
mod stores;
mod tls;

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

fn key(n: usize) -> Node {
    let properties = format!("<g:DERKey>MAA=</g:DERKey><g:InstanceID>Intel(r) AMT Key: Handle: {n}</g:InstanceID>");
    instance(&key_pair::RESOURCE, &properties)
}

fn try_reply_to<T>(listing: Listing<T>, body: Node) -> Result<Progress<T>, ReplyError> {
    let request = read_request(listing.to_request(ID).as_bytes(), Limits::DEFAULT).unwrap();
    let reply = write_response(&request, DeviceMessageId(1), Some(body));
    listing.read_reply(200, reply.as_bytes(), ID, Limits::DEFAULT)
}

fn reply_to<T>(listing: Listing<T>, body: Node) -> Progress<T> {
    try_reply_to(listing, body).unwrap()
}
