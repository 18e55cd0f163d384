//! SOAP faults, typed (wsman.md §1.4).

use core::fmt;

use thiserror::Error;

use crate::wsman::namespace::{ADDRESSING, ENUMERATION, SOAP, TRANSFER, WSMAN, XML};
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;

/// The text that a device's fault may put into our logs, in characters.
const MAX_TEXT: usize = 300;

/// A fault: the device did not do what it was asked, and says why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the device answered with the fault {kind} ({blame}): {reason}{}", status_text(.status))]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// Who is to blame, in the device's opinion.
    pub blame: Blame,
    /// The device's sentence, cut to a length that a log line can bear.
    pub reason: String,
    /// The `AMT-STATUS` of the detail, where the firmware gives one.
    pub status: Option<PtStatus>,
}

fn status_text(status: &Option<PtStatus>) -> String {
    status.map(|status| format!(" (AMT status {status})")).unwrap_or_default()
}

/// SOAP's `Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The request is wrong: HTTP 400.
    Sender,
    /// The device is in trouble: HTTP 500.
    Receiver,
    /// A code that SOAP has and AMT does not use (`VersionMismatch`, `MustUnderstand`), or none at all.
    Other,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sender => "the request is to blame",
            Self::Receiver => "the device is to blame",
            Self::Other => "nobody is blamed",
        })
    }
}

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $kind:ident = $ns:ident, $prefix:literal, $blame:ident, $reason:literal;)*) => {
        /// SOAP's `Subcode`: what went wrong.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum FaultKind {
            $($(#[$doc])* $kind,)*
            /// Another subcode, by its local name; empty when there is none.
            Other(String),
        }

        impl FaultKind {
            /// All kinds that have a name.
            pub const NAMED: &[Self] = &[$(Self::$kind),*];

            fn from_name(ns: &str, local: &str) -> Self {
                match (ns, local) {
                    $(($ns, stringify!($kind)) => Self::$kind,)*
                    _ => Self::Other(excerpt(local)),
                }
            }

            /// The local name.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                    Self::Other(name) => name,
                }
            }

            /// The namespace, the prefix that devices give it in faults, the blame, and the reason text.
            pub(super) fn convention(&self) -> (&'static str, &'static str, Blame, &'static str) {
                match self {
                    $(Self::$kind => ($ns, $prefix, Blame::$blame, $reason),)*
                    Self::Other(_) => (WSMAN, "e", Blame::Receiver, "The service cannot comply with the request."),
                }
            }
        }
    };
}

fault_kinds! {
    /// There is one already. For the credential context that is as good as success (wsman.md §1.4).
    AlreadyExists = WSMAN, "e", Sender, "The sender attempted to create a resource which already exists.";
    /// The class or the instance does not exist on this device.
    DestinationUnreachable = ADDRESSING, "b", Sender,
        "No route can be determined to reach the destination role defined by the WSAddressing To.";
    /// The selectors do not name an instance.
    InvalidSelectors = WSMAN, "e", Sender, "The Selectors for the resource were not valid.";
    /// A header is missing or makes no sense.
    InvalidMessageInformationHeader = ADDRESSING, "b", Sender,
        "A required message information header, To, MessageID, or Action, is not present.";
    /// The class has no such operation.
    ActionNotSupported = ADDRESSING, "b", Sender, "The action is not supported by the service.";
    /// The instance of a Put or Create is not acceptable.
    InvalidRepresentation = TRANSFER, "d", Sender, "The representation is invalid.";
    /// The list is over or was forgotten: begin again with Enumerate.
    InvalidEnumerationContext = ENUMERATION, "c", Receiver, "The supplied enumeration context is invalid.";
    /// The account has no right to this.
    AccessDenied = WSMAN, "e", Sender, "The sender was not authorized to access the resource.";
    /// The firmware failed; see [`Fault::status`].
    InternalError = WSMAN, "e", Receiver,
        "The service cannot comply with the request due to internal processing errors.";
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.name() {
            "" => "without a subcode",
            name => name,
        })
    }
}

impl Fault {
    /// The fault as devices send it.
    pub fn new(kind: FaultKind) -> Self {
        let (_, _, blame, reason) = kind.convention();
        Self { kind, blame, reason: reason.to_owned(), status: None }
    }

    /// The same fault with an `AMT-STATUS` in its detail.
    #[must_use]
    pub fn with_status(mut self, status: PtStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// The HTTP status that goes with it.
    pub const fn http_status(&self) -> u16 {
        match self.blame {
            Blame::Sender | Blame::Other => 400,
            Blame::Receiver => 500,
        }
    }

    /// The Action header that goes with it.
    pub(super) fn action(&self) -> String {
        match self.kind.convention() {
            (WSMAN, ..) => "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault".to_owned(),
            (ns, ..) => format!("{ns}/fault"),
        }
    }

    /// The `Fault` element; the prefixes in its texts are those that `write_fault` binds.
    pub(super) fn to_node(&self) -> Node {
        let (_, prefix, ..) = self.kind.convention();
        let code = match self.blame {
            Blame::Sender | Blame::Other => "a:Sender",
            Blame::Receiver => "a:Receiver",
        };
        let subcode = format!("{prefix}:{}", self.kind.name());
        let text = Node::leaf(SOAP, "Text", &self.reason).with_attribute(XML, "lang", "en-US");
        let detail = self.status.map(|status| format!("AMT-STATUS {}", status.code())).unwrap_or_default();
        Node::new(SOAP, "Fault")
            .with(
                Node::new(SOAP, "Code")
                    .with(Node::leaf(SOAP, "Value", code))
                    .with(Node::new(SOAP, "Subcode").with(Node::leaf(SOAP, "Value", &subcode))),
            )
            .with(Node::new(SOAP, "Reason").with(text))
            .with(Node::leaf(SOAP, "Detail", &detail))
    }

    /// Reads a `Fault` element; a fault that is hardly one still says what it can.
    pub(super) fn read(node: &Node) -> Self {
        let code = node.child(SOAP, "Code");
        let blame = match code.and_then(|code| code.child(SOAP, "Value")).and_then(Node::qname) {
            Some((SOAP, "Sender")) => Blame::Sender,
            Some((SOAP, "Receiver")) => Blame::Receiver,
            _ => Blame::Other,
        };
        let subcode = code.and_then(|code| code.child(SOAP, "Subcode")).and_then(|sub| sub.child(SOAP, "Value"));
        let kind = match subcode.map(|value| (value.qname(), value)) {
            Some((Some((ns, local)), _)) => FaultKind::from_name(ns, local),
            Some((None, value)) => FaultKind::Other(excerpt(value.value())),
            None => FaultKind::Other(String::new()),
        };
        let reason = node.child(SOAP, "Reason").and_then(|reason| reason.child(SOAP, "Text")).map_or("", Node::value);
        let status = node.child(SOAP, "Detail").and_then(amt_status);
        Self { kind, blame, reason: excerpt(reason), status }
    }
}

/// The number behind `AMT-STATUS` anywhere in the detail.
fn amt_status(node: &Node) -> Option<PtStatus> {
    let here = node.text().split_once("AMT-STATUS").and_then(|(_, rest)| {
        let rest = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits)?.parse().ok()
    });
    here.map(PtStatus::from_code).unwrap_or_else(|| node.children().iter().find_map(amt_status))
}

/// What of a peer's text may stand in a log line: one line, cut to a bearable length.
pub(super) fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}
