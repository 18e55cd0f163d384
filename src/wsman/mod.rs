//! WS-Management: what is asked of a device and what it answers, sans-I/O, for both ends.

mod call;
pub mod class;
pub mod envelope;
mod listing;
pub mod namespace;
mod properties;
mod query;
mod reference;
pub mod status;
pub mod xml;

pub use call::{Call, EnumerationContext, Operation, Parameter, ResourceUri};
pub use listing::{Listing, MAX_CONTEXT, MAX_ITEMS, MAX_LIST_BYTES, MAX_PAGES, Progress};
pub use properties::PropertyError;
pub use query::Query;
pub use reference::{Reference, ReferenceError, Selector, SelectorValue};
