//! What is asked of a device: an operation on a resource, as a value that both ends share.

use core::fmt;
use std::borrow::Cow;

use super::namespace::{ENUMERATION, TRANSFER};
use super::reference::Selector;
use super::resource::ResourceUri;
use super::xml::Node;

/// One request to one resource. It may carry secrets in its body; `Debug` does not show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The class that is addressed.
    pub resource: ResourceUri,
    /// What is asked of it.
    pub operation: Operation,
    /// Which instance; empty for a service or another singleton (wsman.md §1.2).
    pub selectors: Vec<Selector>,
}

/// The operations of wsman.md §1.2 with their bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Read one instance.
    Get,
    /// Replace one instance by this one.
    Put(Node),
    /// Make an instance like this one.
    Create(Node),
    /// Remove one instance.
    Delete,
    /// Begin to list all instances.
    Enumerate,
    /// Fetch the next page of a list.
    Pull(EnumerationContext),
    /// Call a method.
    Invoke {
        /// The method's name.
        method: Cow<'static, str>,
        /// `Method_INPUT` with its parameters.
        input: Node,
    },
}

/// Where a list stands, in the device's own words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnumerationContext(pub String);

impl Call {
    /// Any operation but an invocation, on a singleton.
    pub const fn new(resource: ResourceUri, operation: Operation) -> Self {
        Self { resource, operation, selectors: Vec::new() }
    }

    /// The method `method` of a singleton with its parameters, given in the order of wsman.md §2.
    pub fn invoke(
        resource: ResourceUri,
        method: &'static str,
        parameters: impl IntoIterator<Item = (&'static str, Parameter)>,
    ) -> Self {
        let mut input = resource.element(format!("{method}_INPUT"));
        for (name, parameter) in parameters {
            input = input.with(match parameter {
                Parameter::Text(text) => resource.leaf(name, &text),
                Parameter::Reference(reference) => reference.write_into(resource.element(name)),
            });
        }
        Self::new(resource, Operation::Invoke { method: method.into(), input })
    }

    /// The same call to one instance.
    #[must_use]
    pub fn with_selector(mut self, selector: Selector) -> Self {
        self.selectors.push(selector);
        self
    }

    /// The value of the Action header.
    pub fn action(&self) -> String {
        match &self.operation {
            Operation::Get => format!("{TRANSFER}/Get"),
            Operation::Put(_) => format!("{TRANSFER}/Put"),
            Operation::Create(_) => format!("{TRANSFER}/Create"),
            Operation::Delete => format!("{TRANSFER}/Delete"),
            Operation::Enumerate => format!("{ENUMERATION}/Enumerate"),
            Operation::Pull(_) => format!("{ENUMERATION}/Pull"),
            Operation::Invoke { method, .. } => format!("{}/{method}", self.resource),
        }
    }

    /// The name of the operation or method, for logs.
    pub fn verb(&self) -> &str {
        match &self.operation {
            Operation::Get => "Get",
            Operation::Put(_) => "Put",
            Operation::Create(_) => "Create",
            Operation::Delete => "Delete",
            Operation::Enumerate => "Enumerate",
            Operation::Pull(_) => "Pull",
            Operation::Invoke { method, .. } => method,
        }
    }
}

impl fmt::Display for Call {
    /// `AMT_GeneralSettings.Get`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.resource.class(), self.verb())
    }
}

/// The value of a method's parameter.
#[derive(Clone)]
pub enum Parameter {
    /// Text, wiped on drop because it may be a password.
    Text(zeroize::Zeroizing<String>),
    /// A reference to an instance.
    Reference(super::reference::Reference),
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned().into())
    }
}

impl From<u32> for Parameter {
    fn from(number: u32) -> Self {
        Self::Text(number.to_string().into())
    }
}

impl From<bool> for Parameter {
    fn from(value: bool) -> Self {
        Self::Text(value.to_string().into())
    }
}
