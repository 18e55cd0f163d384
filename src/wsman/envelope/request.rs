//! The request envelope: written as the firmware has always been sent it, read as a device reads it.

use core::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::REQUEST_DECLARATION;
use super::fault::{Fault, FaultKind, excerpt};
use crate::wsman::call::{Call, EnumerationContext, Operation};
use crate::wsman::namespace::{ADDRESSING, ANONYMOUS, ENUMERATION, SOAP, TRANSFER, WSMAN, XSD, XSI};
use crate::wsman::reference::{ReferenceError, read_selectors, write_selectors};
use crate::wsman::resource::ResourceUri;
use crate::wsman::xml::{self, Limits, Node, Scope, XmlError};

/// The number of one of our requests, unique on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The firmware enforces at least 30 s; upstream has always asked for this (wsman.md §1.2).
const OPERATION_TIMEOUT: &str = "PT60S";
/// How much of a list is asked for at a time (wsman.md §1.2). Devices may send less.
const MAX_ELEMENTS: &str = "999";
const MAX_CHARACTERS: &str = "99999";

/// The document that asks a device for `call`. It is wiped on drop: some calls carry passwords.
pub fn write_request(call: &Call, id: MessageId) -> Zeroizing<String> {
    let anonymous = Node::leaf(ADDRESSING, "Address", ANONYMOUS);
    let mut header = Node::new(SOAP, "Header")
        .with(Node::leaf(ADDRESSING, "Action", &call.action()))
        .with(Node::leaf(ADDRESSING, "To", "/wsman"))
        .with(Node::leaf(WSMAN, "ResourceURI", call.resource.as_str()))
        .with(Node::leaf(ADDRESSING, "MessageID", &id.to_string()))
        .with(Node::new(ADDRESSING, "ReplyTo").with(anonymous))
        .with(Node::leaf(WSMAN, "OperationTimeout", OPERATION_TIMEOUT));
    if !call.selectors.is_empty() {
        header = header.with(write_selectors(&call.selectors));
    }
    let content = match &call.operation {
        Operation::Get | Operation::Delete => None,
        Operation::Put(instance) | Operation::Create(instance) => Some(instance.clone()),
        Operation::Enumerate => Some(Node::new(ENUMERATION, "Enumerate")),
        Operation::Pull(context) => Some(
            Node::new(ENUMERATION, "Pull")
                .with_property("EnumerationContext", &context.0)
                .with_property("MaxElements", MAX_ELEMENTS)
                .with_property("MaxCharacters", MAX_CHARACTERS),
        ),
        Operation::Invoke { input, .. } => Some(input.clone()),
    };
    let envelope = Node::new(SOAP, "Envelope").with(header).with(Node::new(SOAP, "Body").with_all(content));
    let scope = Scope::new([("xsi", XSI), ("xsd", XSD), ("a", ADDRESSING), ("w", WSMAN), ("", SOAP)], 'h');
    xml::write(REQUEST_DECLARATION, &envelope, &scope)
}

/// A request as a device reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the reply must relate to, verbatim.
    pub message_id: String,
    /// What is asked.
    pub call: Call,
}

/// Why a device cannot take a request, and what it can relate its fault to.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("request refused: {problem}")]
pub struct RequestError {
    /// The request's MessageID, if it came that far.
    pub message_id: Option<String>,
    /// What is wrong.
    pub problem: RequestProblem,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestProblem {
    /// Not XML that we take.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// An envelope, header or body that lacks something.
    #[error("{0} is missing or not as expected")]
    Incomplete(&'static str),
    /// An action that belongs neither to WS-Transfer and WS-Enumeration nor to the addressed class.
    #[error("the action {0:?} is not known here")]
    UnknownAction(String),
    /// Selectors that cannot be read.
    #[error(transparent)]
    Selectors(#[from] ReferenceError),
}

impl RequestError {
    /// The fault that a device answers with.
    pub fn fault(&self) -> Fault {
        Fault::new(match self.problem {
            RequestProblem::Xml(_) | RequestProblem::Incomplete(_) => FaultKind::InvalidMessageInformationHeader,
            RequestProblem::UnknownAction(_) => FaultKind::ActionNotSupported,
            RequestProblem::Selectors(_) => FaultKind::InvalidSelectors,
        })
    }
}

/// Reads a request on the device's side.
///
/// # Errors
/// [`RequestError`], whose [`fault`](RequestError::fault) is the answer.
pub fn read_request(bytes: &[u8], limits: Limits) -> Result<Request, RequestError> {
    let envelope =
        xml::read(bytes, limits).map_err(|error| RequestError { message_id: None, problem: error.into() })?;
    let message_id = envelope
        .child(SOAP, "Header")
        .and_then(|header| header.child(ADDRESSING, "MessageID"))
        .map(|id| id.value().to_owned());
    match read_call(&envelope) {
        Ok(call) => match message_id {
            Some(message_id) => Ok(Request { message_id, call }),
            None => Err(RequestError { message_id, problem: RequestProblem::Incomplete("MessageID") }),
        },
        Err(problem) => Err(RequestError { message_id, problem }),
    }
}

fn read_call(envelope: &Node) -> Result<Call, RequestProblem> {
    use RequestProblem::Incomplete;
    if !envelope.is(SOAP, "Envelope") {
        return Err(Incomplete("Envelope"));
    }
    let header = envelope.child(SOAP, "Header").ok_or(Incomplete("Header"))?;
    let body = envelope.child(SOAP, "Body").ok_or(Incomplete("Body"))?;
    let action = header.child(ADDRESSING, "Action").ok_or(Incomplete("Action"))?.value();
    let resource = header.child(WSMAN, "ResourceURI").ok_or(Incomplete("ResourceURI"))?;
    let resource = ResourceUri::parse(resource.text());
    let selectors = header.child(WSMAN, "SelectorSet").map(read_selectors).transpose()?.unwrap_or_default();
    let content = body.children().first();
    let instance = || {
        let instance = content.filter(|instance| instance.is(resource.as_str(), resource.class()));
        instance.cloned().ok_or(Incomplete("the instance in the Body"))
    };
    let unknown = || RequestProblem::UnknownAction(excerpt(action));

    let transfer = action.strip_prefix(TRANSFER).and_then(|rest| rest.strip_prefix('/'));
    let enumeration = action.strip_prefix(ENUMERATION).and_then(|rest| rest.strip_prefix('/'));
    let method = action.strip_prefix(resource.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let operation = match (transfer, enumeration, method) {
        (Some("Get"), ..) => Operation::Get,
        (Some("Put"), ..) => Operation::Put(instance()?),
        (Some("Create"), ..) => Operation::Create(instance()?),
        (Some("Delete"), ..) => Operation::Delete,
        (_, Some("Enumerate"), _) => Operation::Enumerate,
        (_, Some("Pull"), _) => {
            let pull = content.filter(|pull| pull.is(ENUMERATION, "Pull")).ok_or(Incomplete("Pull"))?;
            let context = pull.property("EnumerationContext").ok_or(Incomplete("EnumerationContext"))?;
            Operation::Pull(EnumerationContext(context.value().to_owned()))
        }
        (None, None, Some(method)) if !method.is_empty() => {
            let expected = format!("{method}_INPUT");
            let input = content.filter(|input| input.is(resource.as_str(), &expected));
            let input = input.ok_or(Incomplete("the method's INPUT"))?.clone();
            Operation::Invoke { method: method.to_owned().into(), input }
        }
        _ => return Err(unknown()),
    };
    Ok(Call { resource, operation, selectors })
}
