//! From bytes to a tree, with limits.

use core::str::Utf8Error;
use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;
use thiserror::Error;
use zeroize::Zeroizing;

use super::node::{Attribute, Name, Node};
use crate::wsman::namespace;

/// How large a document may be. The defaults are several times what any recorded reply needs (G10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole document.
    pub bytes: usize,
    /// Elements inside one another; an endpoint reference inside a selector inside a page needs 13.
    pub depth: usize,
    /// Elements in the whole document.
    pub nodes: usize,
}

impl Limits {
    /// The limits for what a device or a server of ours is sent.
    pub const DEFAULT: Self = Self { bytes: 256 * 1024, depth: 24, nodes: 8192 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Attributes and namespace declarations of one element; a device's envelope has eleven.
const MAX_ATTRIBUTES: usize = 32;
/// Length of a namespace URI in bytes. Every element owns its copy, so this bounds what a long one can cost.
const MAX_NAMESPACE: usize = 256;
/// Namespace declarations in scope at one place.
const MAX_NAMESPACES: usize = 64;
/// Characters of an error's text.
const MAX_PROBLEM: usize = 200;

/// Why a document is refused. The one who sent it is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// Larger than the caller's limit.
    #[error("XML document of {len} bytes, at most {limit} are taken")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// More of something than the limit allows.
    #[error("XML with more than {limit} {what}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Something that XML has and WS-Management has no use for.
    #[error("XML with {0}, which is refused")]
    Forbidden(&'static str),
    /// Not well-formed.
    #[error("malformed XML near byte {position}: {problem}")]
    Malformed {
        /// How far the reader came, in bytes.
        position: u64,
        /// What is wrong there.
        problem: String,
    },
    /// Not UTF-8.
    #[error("XML that is not UTF-8: {0}")]
    NotUtf8(#[from] Utf8Error),
}

/// Reads one document.
///
/// # Errors
/// [`XmlError`] when the bytes are no well-formed document with exactly one root element, or exceed `limits`.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Node, XmlError> {
    if bytes.len() > limits.bytes {
        return Err(XmlError::TooLong { len: bytes.len(), limit: limits.bytes });
    }
    let text = core::str::from_utf8(bytes)?;
    if text.chars().any(|c| !is_xml_char(c)) {
        return Err(XmlError::Forbidden("a control character"));
    }
    // Some devices put white space in front of the XML declaration.
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    reader.config_mut().expand_empty_elements = true;
    reader.resolver_mut().set_max_namespace_bindings(MAX_NAMESPACES);

    let mut tree = Tree { limits, nodes: 0, open: Vec::new(), root: None };
    loop {
        let step = match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => tree.take(&reader, event),
            Err(error) => Err(Problem::Malformed(error.to_string())),
        };
        step.map_err(|problem| problem.at(reader.buffer_position()))?;
    }
    let problem = match (tree.root, tree.open.last()) {
        (Some(root), None) => return Ok(root),
        (_, Some(open)) => format!("the document ends inside <{}>", open.name().local),
        (None, None) => "no root element".to_owned(),
    };
    Err(Problem::Malformed(problem).at(reader.buffer_position()))
}

enum Problem {
    Refused(XmlError),
    Malformed(String),
}

impl Problem {
    /// The names in the text are the sender's, so it is cut to what a log line can bear.
    fn at(self, position: u64) -> XmlError {
        match self {
            Self::Refused(error) => error,
            Self::Malformed(problem) => {
                XmlError::Malformed { position, problem: problem.chars().take(MAX_PROBLEM).collect() }
            }
        }
    }
}

impl From<XmlError> for Problem {
    fn from(error: XmlError) -> Self {
        Self::Refused(error)
    }
}

fn malformed<T>(problem: impl ToString) -> Result<T, Problem> {
    Err(Problem::Malformed(problem.to_string()))
}

struct Tree {
    limits: Limits,
    nodes: usize,
    open: Vec<Node>,
    root: Option<Node>,
}

impl Tree {
    fn take(&mut self, reader: &NsReader<&[u8]>, event: Event<'_>) -> Result<(), Problem> {
        match event {
            Event::Start(start) => self.start(reader, &start),
            Event::End(_) => self.end(reader),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(data) => self.text(&data.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref() {
                Ok(Some(c)) if is_xml_char(c) => self.text(c.encode_utf8(&mut [0; 4])),
                Ok(Some(_)) => Err(XmlError::Forbidden("a reference to a control character").into()),
                Ok(None) => match resolve_predefined_entity(&reference) {
                    Some(text) => self.text(text),
                    None => Err(XmlError::Forbidden("an entity").into()),
                },
                Err(error) => malformed(error),
            },
            Event::DocType(_) => Err(XmlError::Forbidden("a document type").into()),
            // `expand_empty_elements` turns an empty element into a start and an end.
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Eof => Ok(()),
        }
    }

    fn start(&mut self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<(), Problem> {
        if self.root.is_some() {
            return malformed("a second root element");
        }
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(XmlError::TooMany { what: "elements", limit: self.limits.nodes }.into());
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::TooMany { what: "elements inside one another", limit: self.limits.depth }.into());
        }
        let resolver = reader.resolver();
        let (ns, local) = resolver.resolve_element(start.name());
        let mut node = Node::new(namespace_of(ns)?, local.as_ref().to_owned());
        for (count, attribute) in start.attributes().enumerate() {
            if count >= MAX_ATTRIBUTES {
                return Err(XmlError::TooMany { what: "attributes in one element", limit: MAX_ATTRIBUTES }.into());
            }
            let attribute = attribute.or_else(malformed)?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (ns, local) = resolver.resolve_attribute(attribute.key);
            let name = Name::new(namespace_of(ns)?, local.as_ref().to_owned());
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).or_else(malformed)?;
            if !value.chars().all(is_xml_char) {
                return Err(XmlError::Forbidden("a reference to a control character").into());
            }
            if node.attributes.iter().any(|earlier| earlier.name == name) {
                return malformed(format_args!("the attribute {} twice", name.local));
            }
            node.attributes.push(Attribute { name, value: value.into_owned() });
        }
        self.open.push(node);
        Ok(())
    }

    fn end(&mut self, reader: &NsReader<&[u8]>) -> Result<(), Problem> {
        let Some(mut node) = self.open.pop() else {
            return malformed("an end tag without its start");
        };
        if !node.children.is_empty() && node.value().is_empty() {
            node.text = Zeroizing::default();
        }
        if node.is(namespace::SOAP, "Value")
            && let Some(prefix) = QName(node.value()).prefix()
            && let ResolveResult::Bound(ns) = reader.resolver().resolve_prefix(Some(prefix), false)
        {
            node.text_ns = Some(ns.as_ref().to_owned());
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Problem> {
        match self.open.last_mut() {
            Some(node) => node.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return malformed("text outside the root element"),
        }
        Ok(())
    }
}

fn namespace_of(resolved: ResolveResult<'_>) -> Result<Cow<'static, str>, Problem> {
    match resolved {
        ResolveResult::Unbound => Ok(Cow::Borrowed("")),
        ResolveResult::Bound(ns) if ns.as_ref().len() > MAX_NAMESPACE => {
            Err(XmlError::TooMany { what: "bytes in a namespace", limit: MAX_NAMESPACE }.into())
        }
        // The library compares and returns namespaces as they are written, references unresolved: one that a writer
        // has to escape would come back as another, or be refused.
        ResolveResult::Bound(ns) if ns.as_ref().contains(['&', '<', '>', '"', '\'', '\t', '\n', '\r']) => {
            Err(XmlError::Forbidden("a namespace that has to be escaped").into())
        }
        ResolveResult::Bound(ns) => Ok(Cow::Owned(ns.as_ref().to_owned())),
        ResolveResult::Unknown(prefix) => malformed(format_args!("the prefix {prefix} is not bound")),
    }
}

/// What XML 1.0 §2.2 allows in a document.
pub(super) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
