//! Endpoint references and selectors: how one instance is named (wsman.md §1.2).

use std::borrow::Cow;

use thiserror::Error;

use super::namespace::{ADDRESSING, ANONYMOUS, WSMAN};
use super::resource::ResourceUri;
use super::xml::Node;

/// One part of an instance's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The key property, such as `InstanceID`.
    pub name: Cow<'static, str>,
    /// Its value.
    pub value: SelectorValue,
}

/// The value of a [`Selector`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectorValue {
    /// Plain text.
    Text(String),
    /// The instance at one end of an association.
    Reference(Box<Reference>),
}

impl Selector {
    /// A selector with a plain value.
    pub fn text(name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: SelectorValue::Text(value.into()) }
    }

    /// The selector that most keyed classes have.
    pub fn instance_id(value: impl Into<String>) -> Self {
        Self::text("InstanceID", value)
    }
}

/// An endpoint reference: the address of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What stands in `Address`; the firmware takes any (wsman.md §1.2).
    pub address: Cow<'static, str>,
    /// The class.
    pub resource: ResourceUri,
    /// The key.
    pub selectors: Vec<Selector>,
}

/// An element that is no endpoint reference.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not an endpoint reference: {0}")]
pub struct ReferenceError(pub &'static str);

impl Reference {
    /// A reference to the instance of `resource` with that key.
    pub fn new(resource: ResourceUri, selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self { address: ANONYMOUS.into(), resource, selectors: selectors.into_iter().collect() }
    }

    /// The same reference with another `Address`.
    #[must_use]
    pub fn at(mut self, address: &'static str) -> Self {
        self.address = address.into();
        self
    }

    /// The plain value of the selector `name`.
    pub fn selector(&self, name: &str) -> Option<&str> {
        self.selectors.iter().find(|selector| selector.name == name).and_then(|selector| match &selector.value {
            SelectorValue::Text(text) => Some(text.as_str()),
            SelectorValue::Reference(_) => None,
        })
    }

    /// `element` with this reference as its content.
    #[must_use]
    pub fn write_into(&self, element: Node) -> Node {
        let parameters = Node::new(ADDRESSING, "ReferenceParameters")
            .with(Node::leaf(WSMAN, "ResourceURI", self.resource.as_str()))
            .with(write_selectors(&self.selectors));
        element.with(Node::leaf(ADDRESSING, "Address", &self.address)).with(parameters)
    }

    /// The reference that `element` holds.
    ///
    /// # Errors
    /// [`ReferenceError`] says what is missing.
    pub fn read(element: &Node) -> Result<Self, ReferenceError> {
        let parameters =
            element.child(ADDRESSING, "ReferenceParameters").ok_or(ReferenceError("no ReferenceParameters"))?;
        let resource = parameters.child(WSMAN, "ResourceURI").ok_or(ReferenceError("no ResourceURI"))?;
        let address = element.child(ADDRESSING, "Address").map_or("", Node::value);
        let selectors = parameters.child(WSMAN, "SelectorSet").map(read_selectors).transpose()?;
        Ok(Self {
            address: address.to_owned().into(),
            resource: ResourceUri::parse(resource.text()),
            selectors: selectors.unwrap_or_default(),
        })
    }
}

/// `SelectorSet` with those selectors.
pub(super) fn write_selectors(selectors: &[Selector]) -> Node {
    Node::new(WSMAN, "SelectorSet").with_all(selectors.iter().map(|selector| {
        let element = match &selector.value {
            SelectorValue::Text(text) => Node::leaf(WSMAN, "Selector", text),
            SelectorValue::Reference(reference) => {
                Node::new(WSMAN, "Selector").with(reference.write_into(Node::new(ADDRESSING, "EndpointReference")))
            }
        };
        element.with_attribute("", "Name", selector.name.as_ref())
    }))
}

/// The selectors of a `SelectorSet`.
pub(super) fn read_selectors(set: &Node) -> Result<Vec<Selector>, ReferenceError> {
    let selectors = set.children().iter().filter(|child| child.is(WSMAN, "Selector"));
    let read = selectors.map(|selector| {
        let name = selector.attribute("Name").ok_or(ReferenceError("a Selector without Name"))?;
        let value = match selector.child(ADDRESSING, "EndpointReference") {
            Some(reference) => SelectorValue::Reference(Box::new(Reference::read(reference)?)),
            None => SelectorValue::Text(selector.value().to_owned()),
        };
        Ok(Selector { name: name.to_owned().into(), value })
    });
    read.collect()
}
