//! The names of classes.

use core::fmt;
use std::borrow::Cow;

use super::xml::Node;

/// The URI of a class, which is also the namespace of its elements (wsman.md §1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceUri(Cow<'static, str>);

impl ResourceUri {
    /// A class that the program knows by name.
    pub const fn known(uri: &'static str) -> Self {
        Self(Cow::Borrowed(uri))
    }

    /// The URI as a peer wrote it, without the white space round it.
    pub fn parse(uri: &str) -> Self {
        Self(Cow::Owned(uri.trim().to_owned()))
    }

    /// The whole URI.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The class, such as `AMT_GeneralSettings`: what stands behind the last slash.
    pub fn class(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// An empty element of this class's namespace.
    pub fn element(&self, local: impl Into<Cow<'static, str>>) -> Node {
        Node::new(self.0.clone(), local)
    }

    /// An element of this class's namespace with that text.
    pub(super) fn leaf(&self, local: &'static str, text: &str) -> Node {
        Node::leaf(self.0.clone(), local, text)
    }

    /// An instance of the class, still without properties.
    pub fn instance(&self) -> Node {
        self.element(self.class().to_owned())
    }
}

impl fmt::Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
