//! The response envelope: written as a device does, read and checked by us.

use thiserror::Error;
use zeroize::Zeroizing;

use super::RESPONSE_DECLARATION;
use super::fault::{Fault, excerpt};
use super::request::{MessageId, Request};
use crate::wsman::call::{Call, EnumerationContext};
use crate::wsman::namespace::{
    ADDRESSING, ANONYMOUS, CIM_BINDING, ENUMERATION, EVENTING, SECURITY, SOAP, TRANSFER, TRUST, WSMAN, XSI,
};
use crate::wsman::properties::PropertyError;
use crate::wsman::reference::Reference;
use crate::wsman::xml::{self, Limits, Node, Scope, XmlError};

/// Why there is no answer in what came back.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// The device refused, in due form. Nothing is wrong with the connection.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
    /// An HTTP error whose body is no envelope, as when the firmware's web server refuses.
    #[error("expected a WS-Management reply, got HTTP status {status}: {text}")]
    Http {
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        text: String,
    },
    /// A body that is not XML or exceeds the limits.
    #[error("unreadable reply: {0}")]
    Xml(#[from] XmlError),
    /// XML that is no reply.
    #[error("not a WS-Management reply: {0} is missing or not as expected")]
    NotAReply(&'static str),
    /// A reply of the right form with something in it that the class does not have.
    #[error(transparent)]
    Unexpected(#[from] PropertyError),
    /// A reply to something else.
    #[error("expected the reply to message {expected}, got one to {got:?}: close this connection")]
    Unrelated {
        /// Our request.
        expected: MessageId,
        /// What the reply relates to.
        got: String,
    },
}

/// Reads the body of an HTTP response (any status but 401) as the reply to our request `expected`. The result is
/// the one element in the SOAP Body; Delete and some Puts are answered with none (wsman.md §1.3).
///
/// # Errors
/// [`ReplyError::Fault`] is the device's answer; everything else means that the peer misbehaves.
pub fn read_response(
    status: u16,
    body: &[u8],
    expected: MessageId,
    limits: Limits,
) -> Result<Option<Node>, ReplyError> {
    let envelope = match xml::read(body, limits) {
        Ok(envelope) if envelope.is(SOAP, "Envelope") => envelope,
        _ if status != 200 => {
            let text = String::from_utf8_lossy(body.get(..body.len().min(MAX_EXCERPT_SOURCE)).unwrap_or_default());
            return Err(ReplyError::Http { status, text: excerpt(&text) });
        }
        Ok(_) => return Err(ReplyError::NotAReply("Envelope")),
        Err(error) => return Err(error.into()),
    };
    let body = envelope.child(SOAP, "Body").ok_or(ReplyError::NotAReply("Body"))?;
    let fault = body.child(SOAP, "Fault").map(Fault::read);
    let relates_to = envelope.child(SOAP, "Header").and_then(|header| header.child(ADDRESSING, "RelatesTo"));
    match relates_to.map(Node::value) {
        Some(got) if got == expected.to_string() => {}
        Some(got) => return Err(ReplyError::Unrelated { expected, got: excerpt(got) }),
        // A device that could not read the request's header cannot relate its fault to it.
        None if fault.is_some() => {}
        None => return Err(ReplyError::NotAReply("RelatesTo")),
    }
    match fault {
        Some(fault) => Err(Box::new(fault).into()),
        None if status != 200 => Err(ReplyError::Http { status, text: "an envelope without a fault".to_owned() }),
        None if body.children().len() > 1 => Err(ReplyError::NotAReply("one element in the Body")),
        None => Ok(body.children().first().cloned()),
    }
}

/// How much of an HTML page is looked at for the excerpt.
const MAX_EXCERPT_SOURCE: usize = 2048;

/// The number of one of a device's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceMessageId(pub u64);

impl DeviceMessageId {
    fn to_text(self) -> String {
        format!("uuid:00000000-8086-8086-8086-{:012X}", self.0 & 0xffff_ffff_ffff)
    }
}

/// The document with which a device answers `request`.
pub fn write_response(request: &Request, id: DeviceMessageId, content: Option<Node>) -> Zeroizing<String> {
    let action = format!("{}Response", request.call.action());
    let header =
        header(&request.message_id, &action, id).with(Node::leaf(WSMAN, "ResourceURI", request.call.resource.as_str()));
    let scope = Scope::new(
        [("a", SOAP), ("b", ADDRESSING), ("c", WSMAN), ("d", TRUST), ("e", SECURITY), ("f", CIM_BINDING)],
        'g',
    );
    let scope = content.iter().fold(scope, Scope::with_namespaces_of).with("xsi", XSI);
    envelope(header, content, &scope)
}

/// The document with which a device refuses; `relates_to` is the request's MessageID if it could be read.
pub fn write_fault(relates_to: Option<&str>, id: DeviceMessageId, fault: &Fault) -> Zeroizing<String> {
    let scope = Scope::new(
        [
            ("a", SOAP),
            ("b", ADDRESSING),
            ("c", ENUMERATION),
            ("d", TRANSFER),
            ("e", WSMAN),
            ("f", EVENTING),
            ("g", CIM_BINDING),
            ("h", TRUST),
            ("i", SECURITY),
        ],
        'j',
    );
    envelope(header(relates_to.unwrap_or_default(), &fault.action(), id), Some(fault.to_node()), &scope)
}

fn header(relates_to: &str, action: &str, id: DeviceMessageId) -> Node {
    let relates_to = (!relates_to.is_empty()).then(|| Node::leaf(ADDRESSING, "RelatesTo", relates_to));
    Node::new(SOAP, "Header")
        .with(Node::leaf(ADDRESSING, "To", ANONYMOUS))
        .with_all(relates_to)
        .with(Node::leaf(ADDRESSING, "Action", action).with_attribute(SOAP, "mustUnderstand", "true"))
        .with(Node::leaf(ADDRESSING, "MessageID", &id.to_text()))
}

fn envelope(header: Node, content: Option<Node>, scope: &Scope) -> Zeroizing<String> {
    let envelope = Node::new(SOAP, "Envelope").with(header).with(Node::new(SOAP, "Body").with_all(content));
    xml::write(RESPONSE_DECLARATION, &envelope, scope)
}

/// The body of the reply to a method: `outputs` in the namespace of the class, then `ReturnValue`.
pub fn method_reply(call: &Call, outputs: impl IntoIterator<Item = Node>, return_value: u32) -> Node {
    let output = call.resource.element(format!("{}_OUTPUT", call.verb()));
    output.with_all(outputs).with_property("ReturnValue", &return_value.to_string())
}

/// The body of the reply to Enumerate.
pub fn enumerate_reply(context: &EnumerationContext) -> Node {
    Node::new(ENUMERATION, "EnumerateResponse").with_property("EnumerationContext", &context.0)
}

/// The body of the reply to Pull: a page, and the context of the next one unless this is the last.
pub fn pull_reply(items: impl IntoIterator<Item = Node>, next: Option<&EnumerationContext>) -> Node {
    let reply = Node::new(ENUMERATION, "PullResponse");
    let items = Node::new(ENUMERATION, "Items").with_all(items);
    match next {
        Some(context) => reply.with_property("EnumerationContext", &context.0).with(items),
        None => reply.with(items).with_property("EndOfSequence", ""),
    }
}

/// The body of the reply to Create.
pub fn created_reply(created: &Reference) -> Node {
    created.write_into(Node::new(TRANSFER, "ResourceCreated"))
}
