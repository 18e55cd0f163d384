//! WS-Management: what is asked of a device and what it answers, sans-I/O, for both ends.

mod call;
pub mod envelope;
pub mod namespace;
mod reference;
pub mod status;
pub mod xml;

pub use call::{Call, EnumerationContext, Operation, Parameter, ResourceUri};
pub use reference::{Reference, ReferenceError, Selector, SelectorValue};
