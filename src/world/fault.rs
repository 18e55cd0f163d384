//! What goes wrong, and when.

use std::fmt;

pub use amt_provision_fsm::sim::Fault;

/// A moment of an attempt at which something can go wrong, counted from 0 in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// The run has decided to take its *n*th edge; nothing that follows from it has left yet.
    Edge(u32),
    /// The server gives its *n*th write to the store: a record, a certificate, or the run's outcome.
    Write(u32),
    /// The device has applied its *n*th change; the reply is still inside it.
    Change(u32),
    /// The relay dials the device for the *n*th time.
    Dial(u32),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edge(n) => write!(f, "edge {n}"),
            Self::Write(n) => write!(f, "write {n}"),
            Self::Change(n) => write!(f, "change {n}"),
            Self::Dial(n) => write!(f, "dial {n}"),
        }
    }
}

/// That `fault`, at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Injection {
    /// When.
    pub at: Moment,
    /// What.
    pub fault: Fault,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.fault, self.at)
    }
}
