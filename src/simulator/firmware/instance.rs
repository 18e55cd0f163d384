//! Instances as devices write them, and parameters as clients write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Class;
use crate::wsman::xml::Node;
use crate::wsman::{Reference, ResourceUri, Selector, SelectorValue};

/// An instance under construction. It comes out with its properties in the devices' order (wsman.md §1.3).
pub(super) struct Instance {
    resource: ResourceUri,
    properties: Vec<Node>,
}

impl Instance {
    pub(super) fn of(class: Class) -> Self {
        Self { resource: class.uri(), properties: Vec::new() }
    }

    /// A service: a singleton with the names that all services report (wsman.md §2).
    pub(super) fn service(class: Class, element_name: &'static str, name: &'static str) -> Self {
        Self::of(class)
            .with("CreationClassName", class.name())
            .with("ElementName", element_name)
            .with("Name", name)
            .with("SystemCreationClassName", "CIM_ComputerSystem")
            .with("SystemName", "Intel(r) AMT")
    }

    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        let mut property = self.resource.element(name);
        property.set_text(&value.to_string());
        self.properties.push(property);
        self
    }

    pub(super) fn with_reference(mut self, name: &'static str, reference: &Reference) -> Self {
        self.properties.push(reference.write_into(self.resource.element(name)));
        self
    }

    pub(super) fn finish(mut self) -> Node {
        // Stable, so that the values of an array keep their order.
        self.properties.sort_by(|a, b| a.name().local.cmp(&b.name().local));
        self.resource.instance().with_all(self.properties)
    }
}

/// An out-parameter of a method of `class`.
pub(super) fn output(class: Class, name: &'static str, value: &str) -> Node {
    let mut node = class.uri().element(name);
    node.set_text(value);
    node
}

/// An out-parameter of a method of `class` that is a reference.
pub(super) fn output_reference(class: Class, name: &'static str, reference: &Reference) -> Node {
    reference.write_into(class.uri().element(name))
}

/// The value of the property or parameter `name`.
pub(super) fn value<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.child(&node.name().ns, name).map(Node::value)
}

/// The number in `name`.
pub(super) fn number(node: &Node, name: &str) -> Option<u32> {
    value(node, name)?.parse().ok()
}

/// The truth value in `name`; devices take digits as well (wsman.md §2.18).
pub(super) fn boolean(node: &Node, name: &str) -> Option<bool> {
    match value(node, name)? {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// The bytes that `name` holds in base64.
pub(super) fn bytes(node: &Node, name: &str) -> Option<Vec<u8>> {
    STANDARD.decode(value(node, name)?).ok()
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The reference to the instance of `class` with that key.
pub(super) fn reference(class: Class, instance_id: String) -> Reference {
    Reference::new(class.uri(), [Selector::instance_id(instance_id)])
}

/// Whether `instance` is what the selectors name.
pub(super) fn is_selected(instance: &Node, selectors: &[Selector]) -> bool {
    selectors.iter().all(|selector| match &selector.value {
        SelectorValue::Text(text) => value(instance, &selector.name) == Some(text.trim()),
        SelectorValue::Reference(wanted) => {
            let found = instance.property(&selector.name).map(Reference::read);
            // The firmware takes any Address (wsman.md §1.2).
            found.is_some_and(|found| {
                found.is_ok_and(|found| found.resource == wanted.resource && found.selectors == wanted.selectors)
            })
        }
    })
}
