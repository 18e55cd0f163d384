//! The four ends of a run.

use core::fmt;

use crate::fault::Fault;
use crate::firmware::ControlMode;
use crate::provisioner::Outcome;
use crate::record::Pin;

/// The profile is applied and was read back, in the mode and under the pin named here.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Configured {
    pub(crate) mode: ControlMode,
    pub(crate) pin: Pin,
    pub(crate) short_of: Option<ShortOf>,
}

impl Configured {
    pub(crate) const fn outcome(&self) -> Outcome {
        Outcome::Configured { mode: self.mode, pin: self.pin, short_of: self.short_of }
    }
}

/// What a configured device lacks of its profile, by the profile's own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShortOf {
    /// ACM: its key was learnt at first use, and the profile does not trust that.
    FirstUseNotTrusted,
}

impl fmt::Display for ShortOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstUseNotTrusted => f.write_str(
                "it stays in CCM: its key was learnt at first use, and the profile does not set `trust_first_use`",
            ),
        }
    }
}

/// The device is in pre-provisioning; what was stored of its configuration is void.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Unprovisioned {
    pub(crate) _seen: (),
}

/// Nothing more goes to this device without an operator's permit (G5).
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Quarantined {
    pub(crate) fault: Fault,
}

/// Ended short of the goal. What was stored stands, and the next run goes on from it.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Failed {
    pub(crate) fault: Fault,
}
