//! What the firmware says a command came to.

use std::fmt;

/// A PTHI status word (rpc-go.md §2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// The command was carried out.
    pub const SUCCESS: Self = Self(0);
    /// The firmware failed.
    pub const INTERNAL_ERROR: Self = Self(1);
    /// AMT is still starting.
    pub const NOT_READY: Self = Self(2);
    /// Not in this control mode.
    pub const INVALID_AMT_MODE: Self = Self(3);
    /// The request has the wrong length.
    pub const INVALID_MESSAGE_LENGTH: Self = Self(4);
    /// Not allowed, for instance because the local account is gone.
    pub const NOT_PERMITTED: Self = Self(16);
    /// A table is full.
    pub const MAX_LIMIT_REACHED: Self = Self(23);
    /// A parameter has a wrong value.
    pub const INVALID_PARAMETER: Self = Self(36);
    /// No object has this handle.
    pub const INVALID_HANDLE: Self = Self(2053);
    /// There is no such thing.
    pub const NOT_FOUND: Self = Self(2068);

    const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::SUCCESS => "SUCCESS",
            Self::INTERNAL_ERROR => "INTERNAL_ERROR",
            Self::NOT_READY => "NOT_READY",
            Self::INVALID_AMT_MODE => "INVALID_AMT_MODE",
            Self::INVALID_MESSAGE_LENGTH => "INVALID_MESSAGE_LENGTH",
            Self::NOT_PERMITTED => "NOT_PERMITTED",
            Self::MAX_LIMIT_REACHED => "MAX_LIMIT_REACHED",
            Self::INVALID_PARAMETER => "INVALID_PARAMETER",
            Self::INVALID_HANDLE => "INVALID_HANDLE",
            Self::NOT_FOUND => "NOT_FOUND",
            _ => return None,
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => self.0.fmt(f),
        }
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({self})")
    }
}
