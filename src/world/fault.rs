//! What goes wrong, and when.

use std::fmt;

use amt_provision_fsm::time::Millis;

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

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The server dies before the edge is in force, before the write is durable: nothing of it is left but the disk.
    KillServer,
    /// The server dies once what follows from the edge has left, once the write is durable, without learning of it.
    KillServerAfter,
    /// The WebSocket breaks; frames on their way are lost.
    CutLine,
    /// The relay dies.
    KillRelay,
    /// The connection between relay and device breaks; bytes on their way are lost.
    CutTcp,
    /// The management engine restarts, and the relay lives on.
    ResetDevice,
    /// The whole machine restarts: relay and management engine.
    RebootMachine,
    /// The next bytes for the device are lost with the connection, and so is whatever they ask for.
    LoseRequest,
    /// The device applies the next change, and its reply is lost with the connection; at a change, that one.
    LoseReply,
    /// What the device says is held back for so long.
    Stall(Millis),
    /// The store does not take the write: the disk is full, the database is down. At an edge or a change it is the next
    /// write.
    FailWrite,
    /// The device refuses the change with this ReturnValue instead of applying it, if it is a method (wsman.md §2.20).
    Refuse(u32),
    /// Somebody else takes the connection, with an on-die chain that no authority of ours has signed.
    Impostor,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillServer => f.write_str("kill the server before it"),
            Self::KillServerAfter => f.write_str("kill the server after it"),
            Self::CutLine => f.write_str("cut the WebSocket"),
            Self::KillRelay => f.write_str("kill the relay"),
            Self::CutTcp => f.write_str("cut the connection to the device"),
            Self::ResetDevice => f.write_str("restart the management engine"),
            Self::RebootMachine => f.write_str("reboot the machine"),
            Self::LoseRequest => f.write_str("lose the request"),
            Self::LoseReply => f.write_str("lose the reply"),
            Self::Stall(length) => write!(f, "stall the device for {length}"),
            Self::FailWrite => f.write_str("fail the write"),
            Self::Refuse(code) => write!(f, "refuse with {code}"),
            Self::Impostor => f.write_str("put an impostor in the device's place"),
        }
    }
}

/// That `fault`, at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
