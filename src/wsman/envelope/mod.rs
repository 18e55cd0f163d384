//! Envelopes: calls and replies as SOAP documents, both directions, both ends.
//!
//! ```text
//!   our side                                   the device's side
//!   write_request(call, id)     ── bytes ──▶   read_request(bytes)  → Request { message_id, call }
//!   read_response(…, id)        ◀── bytes ──   write_response(request, …) | write_fault(…)
//! ```
//!
//! A reply belongs to a request only if its `RelatesTo` is the request's `MessageID`; [`read_response`] checks that, so
//! that an answer to an earlier request can never be taken for the answer to this one.

mod fault;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use fault::{Blame, Fault, FaultKind};
pub use request::{MessageId, Request, RequestError, RequestProblem, read_request, write_request};
pub use response::{
    DeviceMessageId, ReplyError, created_reply, enumerate_reply, method_reply, pull_reply, read_response, write_fault,
    write_response,
};

/// The declaration that we send.
const REQUEST_DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";
/// The declaration that devices send.
const RESPONSE_DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
