//! A call together with the type of its answer.

use zeroize::Zeroizing;

use super::call::Call;
use super::envelope::{MessageId, ReplyError, read_response, write_request};
use super::properties::PropertyError;
use super::xml::{Limits, Node};

/// A call whose reply is a `T`. Methods that can refuse have a `Result<_, Status>` as their `T`: the refusal is an
/// answer too.
#[derive(Clone)]
pub struct Query<T> {
    call: Call,
    read: fn(Option<Node>) -> Result<T, PropertyError>,
}

impl<T> Query<T> {
    pub(super) const fn new(call: Call, read: fn(Option<Node>) -> Result<T, PropertyError>) -> Self {
        Self { call, read }
    }

    /// What is asked.
    pub const fn call(&self) -> &Call {
        &self.call
    }

    /// The document that asks it.
    pub fn to_request(&self, id: MessageId) -> Zeroizing<String> {
        write_request(&self.call, id)
    }

    /// The answer in the body of an HTTP response with any status but 401.
    ///
    /// # Errors
    /// [`ReplyError`]; its `Fault` is the device's answer, all else its misbehaviour.
    pub fn read_reply(&self, status: u16, body: &[u8], id: MessageId, limits: Limits) -> Result<T, ReplyError> {
        Ok((self.read)(read_response(status, body, id, limits)?)?)
    }
}

impl Query<()> {
    /// A Put, whose reply repeats the instance or is empty (wsman.md §1.3). What was stored is seen by reading.
    pub(super) const fn put(call: Call) -> Self {
        Self::new(call, |_| Ok(()))
    }
}

impl<T> core::fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Query({})", self.call)
    }
}
