//! Typed values out of an instance's or a reply's elements (wsman.md §2.18).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::call::Parameter;
use super::reference::Reference;
use super::resource::ResourceUri;
use super::xml::Node;

/// An element that a device sent with something else in it than the class has there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{element}.{property}: expected {expected}, got {}", .got.as_deref().unwrap_or("nothing"))]
pub struct PropertyError {
    /// The instance or the reply.
    pub element: String,
    /// The property in it.
    pub property: String,
    /// What it should hold.
    pub expected: &'static str,
    /// What it holds, shortened; `None` when it is not there.
    pub got: Option<String>,
}

/// What of an unexpected value is repeated in an error, in characters.
const MAX_GOT: usize = 60;

/// The properties of one element, all of them text until somebody asks for a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Properties<'a>(&'a Node);

impl<'a> Properties<'a> {
    /// The properties of the instance of `resource` in a reply's body.
    pub(super) fn of_instance(body: Option<&'a Node>, resource: &ResourceUri) -> Result<Self, PropertyError> {
        Self::of(body, resource.as_str(), resource.class())
    }

    /// The out-parameters of `method` in a reply's body.
    pub(super) fn of_output(
        body: Option<&'a Node>,
        resource: &ResourceUri,
        method: &str,
    ) -> Result<Self, PropertyError> {
        Self::of(body, resource.as_str(), &format!("{method}_OUTPUT"))
    }

    /// The properties of the element `local` of `ns` in a reply's body.
    pub(super) fn of(body: Option<&'a Node>, ns: &str, local: &str) -> Result<Self, PropertyError> {
        match body {
            Some(node) if node.is(ns, local) => Ok(Self(node)),
            other => Err(PropertyError {
                element: "Body".to_owned(),
                property: local.to_owned(),
                expected: "this element in its own namespace",
                got: other.map(|node| shortened(&node.name().to_string())),
            }),
        }
    }

    pub(super) const fn node(self) -> &'a Node {
        self.0
    }

    pub(super) fn error(self, property: &str, expected: &'static str) -> PropertyError {
        PropertyError {
            element: self.0.name().local.to_string(),
            property: property.to_owned(),
            expected,
            got: self.0.property(property).map(|node| match Reference::read(node) {
                Ok(reference) => shortened(&format!("a reference to {}", reference.resource.class())),
                Err(_) => shortened(node.value()),
            }),
        }
    }

    /// Reads a property that must be there.
    fn required<T>(
        self,
        property: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Result<T, PropertyError> {
        self.0.property(property).and_then(read).ok_or_else(|| self.error(property, expected))
    }

    /// Reads a property that may be missing or empty, which mean the same (wsman.md §1.3).
    fn optional<T>(
        self,
        property: &str,
        expected: &'static str,
        read: impl FnOnce(&'a Node) -> Option<T>,
    ) -> Result<Option<T>, PropertyError> {
        match self.0.property(property) {
            Some(node) if !node.value().is_empty() => {
                read(node).map(Some).ok_or_else(|| self.error(property, expected))
            }
            _ => Ok(None),
        }
    }

    /// Any text that is not empty.
    pub(super) fn text(self, property: &str) -> Result<String, PropertyError> {
        self.optional_text(property).ok_or_else(|| self.error(property, "a text"))
    }

    pub(super) fn optional_text(self, property: &str) -> Option<String> {
        self.0.property(property).map(Node::value).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// A text with a form of its own.
    pub(super) fn parsed<T>(
        self,
        property: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, PropertyError> {
        self.required(property, expected, |node| parse(node.value()))
    }

    pub(super) fn number(self, property: &str) -> Result<u32, PropertyError> {
        self.required(property, NUMBER, number)
    }

    pub(super) fn optional_number(self, property: &str) -> Result<Option<u32>, PropertyError> {
        self.optional(property, NUMBER, number)
    }

    /// A number that stands for something.
    pub(super) fn code<T>(
        self,
        property: &str,
        expected: &'static str,
        from_code: impl FnOnce(u32) -> Option<T>,
    ) -> Result<T, PropertyError> {
        self.required(property, expected, |node| number(node).and_then(from_code))
    }

    pub(super) fn flag(self, property: &str) -> Result<bool, PropertyError> {
        self.required(property, FLAG, flag)
    }

    pub(super) fn optional_flag(self, property: &str) -> Result<Option<bool>, PropertyError> {
        self.optional(property, FLAG, flag)
    }

    /// Base64, which may be broken into lines.
    pub(super) fn bytes(self, property: &str) -> Result<Vec<u8>, PropertyError> {
        self.required(property, BASE64, bytes).and_then(|bytes| match bytes.is_empty() {
            false => Ok(bytes),
            true => Err(self.error(property, BASE64)),
        })
    }

    /// Base64 of exactly `N` bytes.
    pub(super) fn byte_array<const N: usize>(self, property: &str) -> Result<[u8; N], PropertyError> {
        self.required(property, "base64 of a fixed length", |node| bytes(node)?.try_into().ok())
    }

    pub(super) fn optional_byte_array<const N: usize>(self, property: &str) -> Result<Option<[u8; N]>, PropertyError> {
        self.optional(property, "base64 of a fixed length", |node| bytes(node)?.try_into().ok())
    }

    pub(super) fn reference(self, property: &str) -> Result<Reference, PropertyError> {
        self.reference_to(property, "an endpoint reference", |reference| Some(reference.clone()))
    }

    /// A reference to something of which `read` knows the class.
    pub(super) fn reference_to<T>(
        self,
        property: &str,
        expected: &'static str,
        read: impl FnOnce(&Reference) -> Option<T>,
    ) -> Result<T, PropertyError> {
        self.required(property, expected, |node| read(&Reference::read(node).ok()?))
    }

    /// All values of an array.
    pub(super) fn texts(self, property: &str) -> Vec<String> {
        let values = self.0.children().iter().filter(|child| child.is(&self.0.name().ns, property));
        values.map(|node| node.value().to_owned()).collect()
    }

    pub(super) fn numbers(self, property: &str) -> Result<Vec<u32>, PropertyError> {
        let values = self.texts(property).into_iter().map(|text| text.parse::<u32>());
        values.collect::<Result<_, _>>().map_err(|_| self.error(property, NUMBER))
    }

    /// `ReturnValue`: nothing for 0, else what `from_code` makes of it.
    pub(super) fn return_value<S>(self, from_code: fn(u32) -> Option<S>) -> Result<Result<(), S>, PropertyError> {
        Ok(from_code(self.number("ReturnValue")?).map_or(Ok(()), Err))
    }
}

const NUMBER: &str = "a number below 2^32";
const FLAG: &str = "true or false";
const BASE64: &str = "base64";

fn number(node: &Node) -> Option<u32> {
    node.value().parse().ok()
}

fn flag(node: &Node) -> Option<bool> {
    match node.value() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn bytes(node: &Node) -> Option<Vec<u8>> {
    let text: String = node.value().split_ascii_whitespace().collect();
    STANDARD.decode(text).ok()
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_GOT).collect()
}

/// A parameter in base64, on one line as methods want it.
pub(super) fn base64(bytes: &[u8]) -> Parameter {
    Parameter::Text(Zeroizing::new(STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const CLASS: ResourceUri = ResourceUri::known("urn:x/AMT_X");

    fn with(values: &[String]) -> Node {
        values.iter().fold(CLASS.instance(), |node, value| node.with_property("P", value))
    }

    proptest! {
        #[test]
        fn any_value_is_read_as_it_was_written(number: u32, flag: bool, more in vec(any::<u32>(), 0..5), text in "[!-~]([ -~]{0,9}[!-~])?") {
            prop_assert_eq!(Properties(&with(&[number.to_string()])).number("P"), Ok(number));
            prop_assert_eq!(Properties(&with(&[format!("\n {number} ")])).optional_number("P"), Ok(Some(number)));
            prop_assert_eq!(Properties(&with(&[flag.to_string()])).flag("P"), Ok(flag));
            prop_assert_eq!(Properties(&with(std::slice::from_ref(&text))).text("P"), Ok(text));
            let several: Vec<String> = more.iter().map(u32::to_string).collect();
            prop_assert_eq!(Properties(&with(&several)).numbers("P"), Ok(more));
        }

        /// Base64 says where it ends with every fourth letter only; the element around it says it with its end.
        #[test]
        fn bytes_are_read_however_they_are_broken_into_lines_and_no_part_of_them_is_other_bytes(
            bytes in vec(any::<u8>(), 1..60), cuts in vec(1..9_usize, 1..5), space in "[ \r\n\t]{1,3}",
        ) {
            let text = STANDARD.encode(&bytes);
            let (mut lines, mut rest) = (String::new(), text.as_str());
            for cut in cuts.iter().cycle() {
                let (line, after) = rest.split_at((*cut).min(rest.len()));
                lines.extend([line, &space]);
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(Properties(&with(&[lines])).bytes("P"), Ok(bytes.clone()));
            for end in 0..text.len() {
                match Properties(&with(&[text[..end].to_owned()])).bytes("P") {
                    Ok(part) => prop_assert!(end % 4 == 0 && bytes.starts_with(&part)),
                    Err(error) => prop_assert!(end % 4 != 0 || end == 0, "{}", error),
                }
            }
        }

        #[test]
        fn any_text_is_a_value_or_an_error(text in "\\PC{0,20}") {
            let node = with(&[text]);
            let it = Properties(&node);
            if let Ok(number) = it.number("P") {
                prop_assert_eq!(Properties(&with(&[number.to_string()])).number("P"), Ok(number));
            }
            let _ = (it.flag("P"), it.bytes("P"), it.byte_array::<16>("P"), it.numbers("P"), it.reference("P"));
        }
    }
}
