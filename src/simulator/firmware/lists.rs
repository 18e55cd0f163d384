//! Enumerations in progress (wsman.md §1.3).

use std::collections::VecDeque;

use super::Class;
use crate::wsman::EnumerationContext;
use crate::wsman::envelope::{Fault, FaultKind, pull_reply};
use crate::wsman::xml::Node;

/// Enumerations that the firmware remembers; the oldest goes first.
pub const MAX_ENUMERATIONS: usize = 16;

struct Enumeration {
    context: EnumerationContext,
    class: Class,
    remaining: Vec<Node>,
}

/// Lists that were begun and not pulled to their end.
#[derive(Default)]
pub(super) struct Enumerations {
    open: VecDeque<Enumeration>,
    begun: u32,
}

impl Enumerations {
    pub(super) fn begin(&mut self, class: Class, instances: Vec<Node>) -> EnumerationContext {
        if self.open.len() >= MAX_ENUMERATIONS {
            self.open.pop_front();
        }
        self.begun = self.begun.wrapping_add(1);
        let context = EnumerationContext(format!("{:08X}-0000-0000-0000-000000000000", self.begun));
        self.open.push_back(Enumeration { context: context.clone(), class, remaining: instances });
        context
    }

    /// The next page, of at most `page` instances. Each context is good for one.
    pub(super) fn pull(&mut self, class: Class, context: &EnumerationContext, page: usize) -> Result<Node, Fault> {
        let at = self.open.iter().position(|list| list.class == class && list.context == *context);
        let list = at.and_then(|at| self.open.remove(at));
        let mut list = list.ok_or_else(|| Fault::new(FaultKind::InvalidEnumerationContext))?;
        let rest = list.remaining.split_off(page.max(1).min(list.remaining.len()));
        let next = (!rest.is_empty()).then(|| self.begin(class, rest));
        Ok(pull_reply(list.remaining, next.as_ref()))
    }
}
