//! WS-Management: what is asked of a device and what it answers, sans-I/O, for both ends.
//!
//! From the outside in:
//!
//! - [`class`]: what can be asked of each class, as a [`Query`] (one call, one typed answer) or a [`Listing`] (as many
//!   Pulls as it takes). This is what provisioning uses.
//! - [`envelope`]: the SOAP document round a [`Call`], its reply or its [`Fault`](envelope::Fault), written and read by
//!   either end. A simulated device uses this.
//! - [`xml`]: a tree with namespaces resolved, and the limits that hostile bytes meet first.
//!
//! Every value is text until its class gives it a type, and every text is unescaped once when read and escaped once when
//! written. What a class does not know of an instance goes back as it was read.
//!
//! ```
//! use amt_provision::wsman::class::setup_and_configuration;
//! use amt_provision::wsman::envelope::{DeviceMessageId, MessageId, method_reply, read_request, write_response};
//! use amt_provision::wsman::status::PtStatus;
//! use amt_provision::wsman::xml::Limits;
//!
//! // We ask.
//! let query = setup_and_configuration::commit_changes();
//! let document = query.to_request(MessageId(12));
//!
//! // A device reads it, and refuses.
//! let request = read_request(document.as_bytes(), Limits::DEFAULT)?;
//! let output = method_reply(&request.call, [], PtStatus::DataMissing.code());
//! let reply = write_response(&request, DeviceMessageId(0x32EA), Some(output));
//!
//! // We understand why.
//! let answer = query.read_reply(200, reply.as_bytes(), MessageId(12), Limits::DEFAULT)?;
//! assert_eq!(answer, Err(PtStatus::DataMissing));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod call;
pub mod class;
pub mod envelope;
mod listing;
pub mod namespace;
mod properties;
mod query;
mod reference;
mod resource;
pub mod status;
pub mod xml;

pub use call::{Call, EnumerationContext, Operation, Parameter};
pub use listing::{Listing, MAX_CONTEXT, MAX_ITEMS, MAX_LIST_BYTES, MAX_PAGES, Progress};
pub use properties::PropertyError;
pub use query::Query;
pub use reference::{Reference, ReferenceError, Selector, SelectorValue};
pub use resource::ResourceUri;
