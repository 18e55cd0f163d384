//! What a run begins with.

use std::sync::Arc;

use amt_provision_fsm::policy::Order;
use amt_provision_fsm::record::Ledger;

use crate::pki::odca::OdcaTrust;
use crate::protocol;
use crate::server::ServedProfile;
use crate::server::vault::Vault;

/// What a run begins with.
pub struct Beginning<'a> {
    /// What the relay claims of its device.
    pub report: &'a protocol::DeviceReport,
    /// What is stored about the device.
    pub ledger: Ledger,
    /// The passwords that are stored for it, and those that were reported or given.
    pub vault: Vault,
    /// What is wanted of it.
    pub profile: ServedProfile,
    /// What the operator wants done.
    pub order: Order,
    /// Which silicon is genuine.
    pub trust: Arc<OdcaTrust>,
}
