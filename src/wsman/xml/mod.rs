//! XML as WS-Management needs it: a small tree with its namespaces resolved.
//!
//! AMT picks its prefixes as it likes (wsman.md §1.3), so nothing here remembers a prefix: [`read`] resolves every
//! name to its namespace while it parses, and [`Writer`] picks prefixes again. [`read`] is the door for hostile
//! bytes: it has limits on everything that grows and refuses document types and entities of any other kind than
//! the five of XML itself. What is inside a [`Node`] is therefore always well-formed.

mod node;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use node::{Attribute, Name, Node};
pub use read::{Limits, XmlError, read};
pub use write::{Scope, Writer, write};
