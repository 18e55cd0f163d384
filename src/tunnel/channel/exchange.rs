//! An exchange: all the calls that one request of the core takes, as a chain in which each answer says what comes
//! next.

use amt_provision_fsm::request::{Refusal, Reply};
use zeroize::Zeroizing;

use super::event::Explanation;
use crate::http::Response;
use crate::wsman::class::time_synchronization::UnixSeconds;
use crate::wsman::envelope::{FaultKind, MessageId, ReplyError};
use crate::wsman::status::{ChainStatus, PtStatus, SetupStatus};
use crate::wsman::xml::Limits;
use crate::wsman::{Listing, Progress, Query};

/// An exchange that waits for the answer to its current call.
pub(super) trait Exchange: Send {
    /// The current call's document.
    fn to_request(&self, id: MessageId) -> Zeroizing<String>;

    /// What follows from a reply with any status but 401 that came at `now`.
    fn answer(self: Box<Self>, response: &Response, id: MessageId, now: UnixSeconds) -> Result<Next, ReplyError>;
}

/// What follows from an answer.
pub(super) enum Next {
    /// Another call.
    Ask(Box<dyn Exchange>),
    /// The end of the exchange.
    End(Answer),
}

/// What the core is told.
pub(super) enum Answer {
    /// What was asked for.
    Reply(Reply),
    /// The device said no.
    Refused(Refusal, Explanation),
}

/// The end, with what was asked for.
pub(super) const fn reply(reply: Reply) -> Next {
    Next::End(Answer::Reply(reply))
}

/// The end, because the device's answer is whole and lacks something that it must have.
pub(super) const fn lacks(what: &'static str) -> Next {
    Next::End(Answer::Refused(Refusal::Unintelligible, Explanation::Lacks(what)))
}

impl Answer {
    /// What a reply means that is no answer to its call.
    pub(super) fn from_error(error: ReplyError) -> Self {
        let refusal = match &error {
            ReplyError::Fault(fault) if fault.kind == FaultKind::AlreadyExists => Refusal::AlreadyExists,
            ReplyError::Fault(fault) => Refusal::Fault(fault.http_status()),
            ReplyError::Http { status, .. } => Refusal::Fault(*status),
            ReplyError::Xml(_)
            | ReplyError::NotAReply(_)
            | ReplyError::Unexpected(_)
            | ReplyError::Unrelated { .. } => Refusal::Unintelligible,
        };
        Self::Refused(refusal, Explanation::Answer(error))
    }
}

struct One<T, F> {
    query: Query<T>,
    then: F,
}

impl<T: 'static, F: FnOnce(T, UnixSeconds) -> Next + Send> Exchange for One<T, F> {
    fn to_request(&self, id: MessageId) -> Zeroizing<String> {
        self.query.to_request(id)
    }

    fn answer(self: Box<Self>, response: &Response, id: MessageId, now: UnixSeconds) -> Result<Next, ReplyError> {
        let Self { query, then } = *self;
        Ok(then(query.read_reply(response.status, &response.body, id, Limits::DEFAULT)?, now))
    }
}

struct All<T, F> {
    listing: Listing<T>,
    then: F,
}

impl<T: Send + 'static, F: FnOnce(Vec<T>) -> Next + Send + 'static> Exchange for All<T, F> {
    fn to_request(&self, id: MessageId) -> Zeroizing<String> {
        self.listing.to_request(id)
    }

    fn answer(self: Box<Self>, response: &Response, id: MessageId, _: UnixSeconds) -> Result<Next, ReplyError> {
        let Self { listing, then } = *self;
        Ok(match listing.read_reply(response.status, &response.body, id, Limits::DEFAULT)? {
            Progress::More(listing) => Next::Ask(all(listing, then)),
            Progress::Complete(items) => then(items),
        })
    }
}

/// One call, and what follows from its answer and the time at which that came.
pub(super) fn one<T: 'static>(
    query: Query<T>,
    then: impl FnOnce(T, UnixSeconds) -> Next + Send + 'static,
) -> Box<dyn Exchange> {
    Box::new(One { query, then })
}

/// A whole list, and what follows from its items.
pub(super) fn all<T: Send + 'static>(
    listing: Listing<T>,
    then: impl FnOnce(Vec<T>) -> Next + Send + 'static,
) -> Box<dyn Exchange> {
    Box::new(All { listing, then })
}

/// One method, and what follows from its success.
pub(super) fn method<T: 'static, S: ReturnValue>(
    query: Query<Result<T, S>>,
    then: impl FnOnce(T, UnixSeconds) -> Next + Send + 'static,
) -> Box<dyn Exchange> {
    one(query, |returned, now| match returned {
        Ok(value) => then(value, now),
        Err(status) => Next::End(Answer::Refused(
            Refusal::ReturnValue(status.code()),
            Explanation::ReturnValue(status.to_string()),
        )),
    })
}

/// One method that changes something and answers nothing but that it did.
pub(super) fn change<T: 'static, S: ReturnValue>(query: Query<Result<T, S>>) -> Box<dyn Exchange> {
    method(query, |_, _| reply(Reply::Done))
}

/// A Put or Create, whose reply is that it was done.
pub(super) fn transfer(query: Query<()>) -> Box<dyn Exchange> {
    one(query, |(), _| reply(Reply::Done))
}

/// A class's list of return values other than 0.
pub(super) trait ReturnValue: core::fmt::Display + Copy + 'static {
    /// The firmware's number.
    fn code(self) -> u32;
}

macro_rules! return_value {
    ($($status:ident),*) => {
        $(impl ReturnValue for $status {
            fn code(self) -> u32 {
                $status::code(self)
            }
        })*
    };
}
return_value!(PtStatus, SetupStatus, ChainStatus);
