//! Out of service, and found out of service.

use super::Stage;
use crate::channel::Connected;
use crate::record::{Intent, Pins};
use crate::request::{Once, Plainly};
use crate::session::{Session, Want};

impl<S: Stage, C: Connected> Session<S, C> {
    /// `Unprovision`, once.
    pub(super) fn unprovision(&self) -> Want {
        match self.ledger().doubt_durable(Once::Unprovision).and_then(|doubt| Plainly::unprovision(&doubt)) {
            Some(unprovision) => Want::Ask(self.request(unprovision)),
            None => self.mark(Once::Unprovision, Intent::Doubt(Once::Unprovision)),
        }
    }

    /// The device was seen in pre-provisioning: what was stored of its configuration is void, and that is
    /// written down before the run ends.
    pub(super) fn left_provisioning(&self) -> Want {
        if self.record().pins == Pins::NONE { Want::Unprovisioned } else { Want::Intend(Intent::Reset) }
    }
}
