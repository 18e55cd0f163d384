//! What every channel has: a name.

use core::fmt;

use serde::{Deserialize, Serialize};

pub(super) mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;

/// A channel by name, for logs, tables and diagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ChannelName {
    /// No channel: nothing is connected.
    Unconnected,
    /// [`Plain`](super::Plain).
    Plain,
    /// [`Odca`](super::Odca).
    Odca,
    /// [`Interim`](super::Interim).
    Interim,
    /// [`Provisional`](super::Provisional).
    Provisional,
    /// [`Pinned<Proven>`](super::Pinned).
    PinnedProven,
    /// [`Pinned<FirstUse>`](super::Pinned).
    PinnedFirstUse,
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unconnected => "Unconnected",
            Self::Plain => "Plain",
            Self::Odca => "Odca",
            Self::Interim => "Interim",
            Self::Provisional => "Provisional",
            Self::PinnedProven => "Pinned<Proven>",
            Self::PinnedFirstUse => "Pinned<FirstUse>",
        })
    }
}

/// What a session's bytes run over. Sealed: the six channels of the design and [`Unconnected`](super::Unconnected).
pub trait Channel: Sealed {
    /// The channel by name.
    const NAME: ChannelName;
}
