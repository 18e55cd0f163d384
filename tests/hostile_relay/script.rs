//! What a meddler is to do, what it has to say, and what came of it.

use super::records::{Way, What};

/// What it does beside carrying bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    /// Nothing.
    Honest,
    /// To this record of that direction, counted over the whole run.
    Record(Way, usize, What),
    /// To every record of that direction from this one on.
    Ever(Way, usize, What),
    /// At this port switch.
    Switch(usize, Saying),
}

/// What it says at a port switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saying {
    /// Its acknowledgement twice.
    AckTwice,
    /// The first message again.
    HelloAgain,
    /// The last record of the connection before, as if the new one had brought it.
    OldBytes,
    /// Bytes of a connection that is not there.
    EarlyBytes,
    /// That the connection is gone, twice, and then the acknowledgement.
    ResetTwice,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// All bytes that it carried, and all messages that it got.
    pub(crate) bytes: Vec<u8>,
    /// The server's last word: success or error, and what it says.
    pub(crate) last: Option<Result<String, String>>,
    /// Records to the device and to the server.
    pub(crate) records: [usize; 2],
    /// Port switches that it was told to make.
    pub(crate) switches: usize,
    /// Whether the trick was played.
    pub(crate) played: bool,
}
