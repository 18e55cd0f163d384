//! The right to drive a device (G13).

use std::time::Duration;

use amt_provision_fsm::identity::Uuid;

use super::{ServerName, Tenant};

/// The right to drive one device, until its time is over: what [`Store::acquire`](super::Store::acquire) gives to one
/// session at a time.
///
/// Whoever holds it renews it well before its end; every [`Store::persist`](super::Store::persist) renews it as well.
/// When its time is over anybody may have the next one, and with it whatever was meant under this one is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub(super) tenant: Tenant,
    pub(super) uuid: Uuid,
    pub(super) epoch: Epoch,
    pub(super) ttl: Duration,
}

impl Lease {
    /// Whose device.
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The device.
    pub const fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Its number.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How long it lasts from its beginning or its last renewal.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }
}

/// A lease's number, which no other lease of the store ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub(super) i64);

/// Who holds leases: one process of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The server's name, for people.
    pub server: ServerName,
    /// A number that no other process has: a server that was started again is another holder.
    pub process: u64,
}

impl Holder {
    /// The process as it is stored.
    pub(super) fn process_text(&self) -> String {
        format!("{:016x}", self.process)
    }
}
