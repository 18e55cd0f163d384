//! How often a run has sent what wears the device (G8).

use alloc::collections::BTreeMap;

use crate::request::Request;

/// How often each change that has a budget was sent in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Sent(BTreeMap<&'static str, u8>);

impl Sent {
    pub(crate) fn add(&mut self, request: &Request) {
        if request.budget().is_some() {
            let count = self.0.entry(request.name()).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Whether the request of that name has been sent so often.
    pub(crate) fn reaches(&self, budget: u8, name: &str) -> bool {
        self.0.get(name).is_some_and(|count| *count >= budget)
    }

    /// Whether this run may not send it again.
    pub(crate) fn exhausts(&self, request: &Request) -> bool {
        request.budget().is_some_and(|budget| self.reaches(budget, request.name()))
    }
}
