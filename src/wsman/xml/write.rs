//! From a tree to text: prefixes chosen, everything escaped.

use core::fmt::{self, Write};
use std::borrow::Cow;

use zeroize::Zeroizing;

use super::node::{Name, Node};
use super::read::is_xml_char;
use crate::wsman::namespace;

/// The prefixes that are bound where an element is written, and the letter from which new ones are picked.
#[derive(Clone, Debug)]
pub struct Scope {
    bound: Vec<(Prefix, String)>,
    first_free: u8,
}

/// Empty for the default namespace.
type Prefix = Cow<'static, str>;

impl Scope {
    /// The scope of an envelope whose root declares `bound`. Namespaces that it lacks get the letters from
    /// `first_free` on, which must be in `a..=z`.
    pub fn new<'a>(bound: impl IntoIterator<Item = (&'static str, &'a str)>, first_free: char) -> Self {
        let first_free = u8::try_from(first_free).unwrap_or(b'a').clamp(b'a', b'z');
        Self { bound: bound.into_iter().map(|(prefix, ns)| (prefix.into(), ns.to_owned())).collect(), first_free }
    }

    /// The same scope with `prefix` bound, which hides an earlier binding.
    #[must_use]
    pub fn with(mut self, prefix: impl Into<Prefix>, ns: &str) -> Self {
        self.bound.push((prefix.into(), ns.to_owned()));
        self
    }

    /// The same scope with free letters bound to those namespaces under `node` that it does not hold yet, in the
    /// order in which they first appear: how devices declare the namespaces of a class.
    #[must_use]
    pub fn with_namespaces_of(mut self, node: &Node) -> Self {
        let attributes = node.attributes.iter().map(|a| (&a.name, false));
        for (name, element) in core::iter::once((node.name(), true)).chain(attributes) {
            if !name.ns.is_empty() && self.prefix_of(&name.ns, element).is_none() {
                let prefix = self.free_prefix();
                self = self.with(prefix, &name.ns);
            }
        }
        node.children.iter().fold(self, Self::with_namespaces_of)
    }

    /// The declarations, in the order in which they were made.
    pub fn bindings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bound.iter().map(|(prefix, ns)| (prefix.as_ref(), ns.as_str()))
    }

    fn prefix_of(&self, ns: &str, element: bool) -> Option<Prefix> {
        if ns == namespace::XML {
            return Some("xml".into());
        }
        let hidden = |at: usize, prefix: &Prefix| self.bound.iter().skip(at + 1).any(|(later, _)| later == prefix);
        let mut usable = self
            .bound
            .iter()
            .enumerate()
            .rev()
            .filter(|(at, (prefix, bound))| bound == ns && (element || !prefix.is_empty()) && !hidden(*at, prefix));
        match usable.next() {
            Some((_, (prefix, _))) => Some(prefix.clone()),
            None if ns.is_empty() && !self.bound.iter().any(|(prefix, _)| prefix.is_empty()) => Some("".into()),
            None => None,
        }
    }

    fn free_prefix(&self) -> Prefix {
        let letters =
            (self.first_free..=b'z').chain(b'a'..self.first_free).map(|letter| char::from(letter).to_string());
        let numbered = (0..=self.bound.len()).map(|n| format!("n{n}"));
        let taken = |prefix: &String| self.bound.iter().any(|(bound, _)| bound == prefix);
        // There is one numbered prefix more than there are bindings, so one of them is free.
        letters.chain(numbered).find(|prefix| !taken(prefix)).unwrap_or_default().into()
    }
}

/// Writes elements as text into any [`fmt::Write`].
pub struct Writer<'a, W> {
    out: &'a mut W,
}

impl<'a, W: Write> Writer<'a, W> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut W) -> Self {
        Self { out }
    }

    /// Writes `node` where `scope` is bound; namespaces that are not in it are declared at the element that needs
    /// them first.
    ///
    /// # Errors
    /// Only what `out` itself returns.
    pub fn element(&mut self, node: &Node, scope: &Scope) -> fmt::Result {
        self.element_declaring(node, scope, &[])
    }

    /// As [`Writer::element`], and the element itself declares everything that `scope` binds: for a root.
    ///
    /// # Errors
    /// Only what `out` itself returns.
    pub fn root(&mut self, node: &Node, scope: &Scope) -> fmt::Result {
        let declared: Vec<_> = scope.bindings().collect();
        self.element_declaring(node, scope, &declared)
    }

    fn element_declaring(&mut self, node: &Node, scope: &Scope, declared: &[(&str, &str)]) -> fmt::Result {
        let mut inner = None;
        let tag = prefix_in(&mut inner, scope, node.name(), true);
        let attributes: Vec<_> =
            node.attributes.iter().map(|a| (prefix_in(&mut inner, scope, &a.name, false), a)).collect();

        self.out.write_char('<')?;
        self.name(&tag, &node.name().local)?;
        let made_here: Vec<_> =
            inner.iter().flat_map(|inner: &Scope| inner.bindings().skip(scope.bound.len())).collect();
        let kept = declared.iter().filter(|(prefix, _)| made_here.iter().all(|(made, _)| made != prefix));
        for (prefix, ns) in kept.chain(&made_here) {
            self.out.write_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" })?;
            self.out.write_str(prefix)?;
            self.attribute_value(ns)?;
        }
        for (prefix, attribute) in attributes {
            self.out.write_char(' ')?;
            self.name(&prefix, &attribute.name.local)?;
            self.attribute_value(&attribute.value)?;
        }
        self.out.write_char('>')?;
        escape(self.out, node.text(), Place::Text)?;
        for child in &node.children {
            self.element(child, inner.as_ref().unwrap_or(scope))?;
        }
        self.out.write_str("</")?;
        self.name(&tag, &node.name().local)?;
        self.out.write_char('>')
    }

    fn name(&mut self, prefix: &str, local: &str) -> fmt::Result {
        if !prefix.is_empty() {
            self.out.write_str(prefix)?;
            self.out.write_char(':')?;
        }
        self.out.write_str(local)
    }

    fn attribute_value(&mut self, value: &str) -> fmt::Result {
        self.out.write_str("=\"")?;
        escape(self.out, value, Place::Attribute)?;
        self.out.write_char('"')
    }
}

/// The prefix for `name`, made in `inner` (a copy of `scope`) when `scope` has none.
fn prefix_in(inner: &mut Option<Scope>, scope: &Scope, name: &Name, element: bool) -> Prefix {
    if !element && name.ns.is_empty() {
        return "".into();
    }
    if let Some(prefix) = inner.as_ref().unwrap_or(scope).prefix_of(&name.ns, element) {
        return prefix;
    }
    let base = inner.take().unwrap_or_else(|| scope.clone());
    // No prefix can be bound to no namespace. Enumerate and Pull go out in the default namespace, as the firmware
    // has always been sent them (wsman.md §1.2).
    let unprefixed = element && (name.ns.is_empty() || name.ns == namespace::ENUMERATION);
    let prefix = if unprefixed { "".into() } else { base.free_prefix() };
    *inner = Some(base.with(prefix.clone(), &name.ns));
    prefix
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Text,
    Attribute,
}

/// Writes `text` so that a reader gets it back exactly. A character that XML cannot carry at all becomes U+FFFD.
fn escape(out: &mut impl Write, text: &str, place: Place) -> fmt::Result {
    for c in text.chars() {
        match c {
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '&' => out.write_str("&amp;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&apos;")?,
            '\r' => out.write_str("&#13;")?,
            '\n' if place == Place::Attribute => out.write_str("&#10;")?,
            '\t' if place == Place::Attribute => out.write_str("&#9;")?,
            c if is_xml_char(c) => out.write_char(c)?,
            _ => out.write_char(char::REPLACEMENT_CHARACTER)?,
        }
    }
    Ok(())
}

/// The document with `root` as its root element, which declares what `scope` binds.
///
/// The text is wiped on drop and is made in one piece, so that no smaller copy of a secret stays behind.
pub fn write(declaration: &str, root: &Node, scope: &Scope) -> Zeroizing<String> {
    let mut length = Length(0);
    let mut text = Zeroizing::new(String::new());
    // Neither a counter nor a string refuses what is written to it.
    let _ = document(&mut length, declaration, root, scope);
    text.reserve_exact(length.0);
    let _ = document(&mut *text, declaration, root, scope);
    text
}

fn document(out: &mut impl Write, declaration: &str, root: &Node, scope: &Scope) -> fmt::Result {
    out.write_str(declaration)?;
    Writer::new(out).root(root, scope)
}

struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
