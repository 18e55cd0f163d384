//! All instances of a class: Enumerate once, then Pull until the end (wsman.md §1.3).

use zeroize::Zeroizing;

use super::call::{Call, EnumerationContext, Operation};
use super::envelope::{MessageId, ReplyError, read_response, write_request};
use super::namespace::ENUMERATION;
use super::properties::PropertyError;
use super::resource::ResourceUri;
use super::xml::{Limits, Node};

/// Pages of one list. Some classes send one item a page.
pub const MAX_PAGES: usize = 256;
/// Items of one list; the stores of AMT hold a few dozen.
pub const MAX_ITEMS: usize = 1024;
/// Bytes of all replies of one list, which bound what its items can hold.
pub const MAX_LIST_BYTES: usize = 1024 * 1024;
/// Bytes of an enumeration context, which goes back to the device with each request; AMT's have 36.
pub const MAX_CONTEXT: usize = 1024;

/// A list on its way. Send [`to_request`](Self::to_request), hand the reply to [`read_reply`](Self::read_reply), repeat.
///
/// When a request in between fails, begin with a new listing; a context is not used twice (wsman.md §3.11).
#[derive(Clone)]
pub struct Listing<T> {
    next: Call,
    read_item: ReadItem<T>,
    items: Vec<T>,
    pages: usize,
    bytes: usize,
}

/// `None` for an item of another kind, which is passed over: one list can hold several (wsman.md §2.17).
type ReadItem<T> = fn(&Node) -> Result<Option<T>, PropertyError>;

/// What a reply has brought.
#[expect(clippy::large_enum_variant, reason = "it is taken apart where it is returned")]
#[derive(Debug)]
pub enum Progress<T> {
    /// There is more to ask for.
    More(Listing<T>),
    /// Everything.
    Complete(Vec<T>),
}

impl<T> Listing<T> {
    pub(super) const fn new(resource: ResourceUri, read_item: ReadItem<T>) -> Self {
        Self { next: Call::new(resource, Operation::Enumerate), read_item, items: Vec::new(), pages: 0, bytes: 0 }
    }

    /// What is asked next.
    pub const fn call(&self) -> &Call {
        &self.next
    }

    /// The document that asks it.
    pub fn to_request(&self, id: MessageId) -> Zeroizing<String> {
        write_request(&self.next, id)
    }

    /// Takes the answer in the body of an HTTP response with any status but 401.
    ///
    /// # Errors
    /// [`ReplyError`]; its `Fault` is the device's answer, all else its misbehaviour.
    pub fn read_reply(
        mut self,
        status: u16,
        body: &[u8],
        id: MessageId,
        limits: Limits,
    ) -> Result<Progress<T>, ReplyError> {
        self.bytes = self.bytes.saturating_add(body.len());
        if self.bytes > MAX_LIST_BYTES {
            return Err(ReplyError::NotAReply("the end of a list (too many bytes)"));
        }
        let body = read_response(status, body, id, limits)?;
        match &self.next.operation {
            Operation::Pull(context) => {
                let page = body.filter(|page| page.is(ENUMERATION, "PullResponse"));
                let page = page.ok_or(ReplyError::NotAReply("PullResponse"))?;
                let context = context.clone();
                self.take_page(&page, context)
            }
            _ => {
                let response = body.filter(|response| response.is(ENUMERATION, "EnumerateResponse"));
                let response = response.ok_or(ReplyError::NotAReply("EnumerateResponse"))?;
                let context = next_context(&response)?.ok_or(ReplyError::NotAReply("EnumerationContext"))?;
                Ok(self.go_on(context))
            }
        }
    }

    fn take_page(mut self, page: &Node, context: EnumerationContext) -> Result<Progress<T>, ReplyError> {
        let items = page.property("Items").map_or(&[][..], Node::children);
        for item in items {
            if let Some(item) = (self.read_item)(item)? {
                if self.items.len() == MAX_ITEMS {
                    return Err(ReplyError::NotAReply("the end of a list (too many items)"));
                }
                self.items.push(item);
            }
        }
        self.pages += 1;
        let next = next_context(page)?;
        // WS-Enumeration lets a page without a context mean "the same as before"; an empty one that also does not say
        // that it is the last could go on for ever.
        if page.property("EndOfSequence").is_some() || (items.is_empty() && next.is_none()) {
            return Ok(Progress::Complete(self.items));
        }
        if self.pages == MAX_PAGES {
            return Err(ReplyError::NotAReply("the end of a list (too many pages)"));
        }
        Ok(self.go_on(next.unwrap_or(context)))
    }

    fn go_on(mut self, context: EnumerationContext) -> Progress<T> {
        self.next.operation = Operation::Pull(context);
        Progress::More(self)
    }
}

fn next_context(reply: &Node) -> Result<Option<EnumerationContext>, ReplyError> {
    match reply.property("EnumerationContext").map(Node::value) {
        None | Some("") => Ok(None),
        Some(context) if context.len() > MAX_CONTEXT => Err(ReplyError::NotAReply("EnumerationContext")),
        Some(context) => Ok(Some(EnumerationContext(context.to_owned()))),
    }
}

impl<T> core::fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Listing({}, {} items on {} pages)", self.next, self.items.len(), self.pages)
    }
}
