//! How the firmware says no: by a return value or by a fault (wsman.md §1.4).

use crate::wsman::envelope::{Fault, FaultKind};
use crate::wsman::status::{ChainStatus, PtStatus, SetupStatus};
use crate::wsman::xml::Node;

/// A method's return value other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReturnValue(pub(super) u32);

impl From<PtStatus> for ReturnValue {
    fn from(status: PtStatus) -> Self {
        Self(status.code())
    }
}

impl From<SetupStatus> for ReturnValue {
    fn from(status: SetupStatus) -> Self {
        Self(status.code())
    }
}

impl From<ChainStatus> for ReturnValue {
    fn from(status: ChainStatus) -> Self {
        Self(status.code())
    }
}

/// What a method came to: its out-parameters, or why it did nothing.
pub(super) type Invoked = Result<Vec<Node>, ReturnValue>;

/// What Put, Create and Delete came to: the Body, if there is one, or why they did nothing.
pub(super) type Written = Result<Option<Node>, Fault>;

/// The fault for a change that the state of the device forbids.
pub(super) fn not_permitted() -> Fault {
    Fault::new(FaultKind::AccessDenied).with_status(PtStatus::NotPermitted)
}

pub(super) fn no_such_instance() -> Fault {
    Fault::new(FaultKind::InvalidSelectors)
}

pub(super) fn bad_instance() -> Fault {
    Fault::new(FaultKind::InvalidRepresentation)
}

pub(super) fn not_supported() -> Fault {
    Fault::new(FaultKind::ActionNotSupported)
}
