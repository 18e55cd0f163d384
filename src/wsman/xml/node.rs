//! The tree itself.

use core::fmt;
use std::borrow::Cow;

use zeroize::Zeroizing;

/// A name with its namespace resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The namespace URI; empty for a name in no namespace.
    pub ns: Cow<'static, str>,
    /// The local name.
    pub local: Cow<'static, str>,
}

impl Name {
    /// A name from its two parts.
    pub fn new(ns: impl Into<Cow<'static, str>>, local: impl Into<Cow<'static, str>>) -> Self {
        Self { ns: ns.into(), local: local.into() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}{}", self.ns, self.local)
    }
}

/// An attribute other than a namespace declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name; most attributes are in no namespace.
    pub name: Name,
    /// The value, unescaped.
    pub value: String,
}

/// An element: its name, attributes, and either text or children.
///
/// Text may be a password on its way to the firmware, so it is wiped on drop and `Debug` shows only its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    name: Name,
    pub(super) attributes: Vec<Attribute>,
    pub(super) text: Zeroizing<String>,
    /// What the prefix of a QName in `text` was bound to, kept for `Value` of SOAP faults only.
    pub(super) text_ns: Option<String>,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// An empty element.
    pub fn new(ns: impl Into<Cow<'static, str>>, local: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: Name::new(ns, local),
            attributes: Vec::new(),
            text: Zeroizing::default(),
            text_ns: None,
            children: Vec::new(),
        }
    }

    /// An element that holds `text`.
    pub fn leaf(ns: impl Into<Cow<'static, str>>, local: impl Into<Cow<'static, str>>, text: &str) -> Self {
        let mut node = Self::new(ns, local);
        node.set_text(text);
        node
    }

    /// The same element with one child more, behind the others.
    #[must_use]
    pub fn with(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// The same element with more children, behind the others.
    #[must_use]
    pub fn with_all(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The same element with one property more: a child in the element's own namespace, as instances and method
    /// parameters have them.
    #[must_use]
    pub fn with_property(self, local: impl Into<Cow<'static, str>>, text: &str) -> Self {
        let property = Self::leaf(self.name.ns.clone(), local, text);
        self.with(property)
    }

    /// The same element with one attribute more.
    #[must_use]
    pub fn with_attribute(
        mut self,
        ns: impl Into<Cow<'static, str>>,
        local: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.attributes.push(Attribute { name: Name::new(ns, local), value: value.into() });
        self
    }

    /// The element's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Whether this is the element `local` of `ns`.
    pub fn is(&self, ns: &str, local: &str) -> bool {
        self.name.ns == ns && self.name.local == local
    }

    /// The text as it stood in the document, unescaped. Padding is kept; see [`Node::value`].
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text without the white space that some devices put round values (wsman.md §3.13).
    pub fn value(&self) -> &str {
        self.text.trim()
    }

    /// Puts `text` in the place of what the element held.
    pub fn set_text(&mut self, text: &str) {
        self.text = Zeroizing::new(text.to_owned());
        self.text_ns = None;
    }

    /// The QName that a SOAP fault's `Value` holds: the namespace of its prefix and the local name. `None` when
    /// there is no prefix or the document did not bind it.
    pub fn qname(&self) -> Option<(&str, &str)> {
        let (_, local) = self.value().split_once(':')?;
        Some((self.text_ns.as_deref()?, local))
    }

    /// The value of the attribute `local` that is in no namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name.ns.is_empty() && a.name.local == local).map(|a| a.value.as_str())
    }

    /// All attributes but namespace declarations.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The children in document order.
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// The first child `local` of `ns`.
    pub fn child(&self, ns: &str, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(ns, local))
    }

    /// All properties `local`: children in the element's own namespace. An array has several.
    pub fn properties<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(&self.name.ns, local))
    }

    /// The first property `local`.
    pub fn property(&self, local: &str) -> Option<&Self> {
        self.child(&self.name.ns, local)
    }

    /// Gives the property `local` one value; see [`Node::replace_property`].
    pub fn set_property(&mut self, local: &'static str, text: &str) {
        self.replace_property(Self::leaf(self.name.ns.clone(), local, text));
    }

    /// Puts `property` in the place where its namesakes stood, or else in alphabetical order, as devices keep their
    /// properties (wsman.md §1.3).
    pub fn replace_property(&mut self, property: Self) {
        let at = match self.children.iter().position(|child| child.name == property.name) {
            Some(at) => at,
            None => self.children.partition_point(|child| child.name.local < property.name.local),
        };
        self.children.retain(|child| child.name != property.name);
        self.children.insert(at.min(self.children.len()), property);
    }

    /// Takes away every property `local`.
    pub fn remove_property(&mut self, local: &str) {
        let ns = &self.name.ns;
        self.children.retain(|child| !child.is(ns, local));
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name.local)?;
        if !self.text.is_empty() {
            write!(f, " {} bytes", self.text.len())?;
        }
        f.write_str(">")?;
        if self.children.is_empty() { Ok(()) } else { f.debug_list().entries(&self.children).finish() }
    }
}
