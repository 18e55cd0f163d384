//! What was seen of the device's modes, and the tokens that only seeing makes.

use crate::firmware::{ControlMode, ProvisioningState};
use crate::request::FirmwareNonce;

/// Both modes and the nonce, read over the channel at hand since the last change or refusal. Only
/// [`Facts`](super::Facts) puts one together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    pub(super) mode: ControlMode,
    pub(super) state: ProvisioningState,
    pub(super) nonce: FirmwareNonce,
}

impl Look {
    /// CurrentControlMode.
    pub const fn mode(self) -> ControlMode {
        self.mode
    }

    /// ProvisioningState.
    pub const fn state(self) -> ProvisioningState {
        self.state
    }

    /// The nonce of this digest session.
    pub const fn nonce(self) -> FirmwareNonce {
        self.nonce
    }

    /// The evidence of CCM, if that is what was seen: the control mode alone lies in the half state
    /// (odca.md §2.4).
    pub const fn ccm(self) -> Option<CcmSeen> {
        match (self.mode, self.state) {
            (ControlMode::Client, ProvisioningState::Post) => Some(CcmSeen(())),
            _ => None,
        }
    }

    /// The evidence of either provisioned mode, if one was seen.
    pub fn in_service(self) -> Option<ModeSeen> {
        self.ccm().map(ModeSeen::Ccm).or_else(|| self.acm().map(ModeSeen::Acm))
    }

    /// The evidence of ACM, if that is what was seen.
    pub const fn acm(self) -> Option<AcmSeen> {
        match (self.mode, self.state) {
            (ControlMode::Admin, ProvisioningState::Post) => Some(AcmSeen(())),
            _ => None,
        }
    }
}

/// A provisioned mode that was read back, whichever it is.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub enum ModeSeen {
    /// CCM.
    Ccm(CcmSeen),
    /// ACM: somebody else's, on a device that is adopted.
    Acm(AcmSeen),
}

/// CurrentControlMode 1 and ProvisioningState 2 were read back.
///
/// Evidence is made by looking, and by nothing else: not by hand, and not from stored bytes.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct CcmSeen(());

/// CurrentControlMode 2 and ProvisioningState 2 were read back.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct AcmSeen(());
