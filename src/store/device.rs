//! What is kept of a device, for people and for lists.

use amt_provision_fsm::firmware::ControlMode;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::{Generation, Record};
use rustls::pki_types::UnixTime;

use super::StoreError;

/// A device of which something is stored.
#[derive(Debug)]
pub struct KnownDevice {
    /// The system UUID.
    pub uuid: Uuid,
    /// The version of its record.
    pub generation: Generation,
    /// Its record: pins, ROM-CA hash, which passwords there are, what is in doubt. One that is damaged does not
    /// hide the other devices of a list.
    pub record: Result<Record, StoreError>,
    /// When the record was last written.
    pub changed_at: UnixTime,
    /// The mode in which a run last left it; `None` before a run has ended well.
    pub mode: Option<ControlMode>,
    /// How its last run ended.
    pub outcome: Option<LastOutcome>,
    /// When it was taken out of service; a tombstone from then on.
    pub removed_at: Option<UnixTime>,
}

/// How a device's last run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOutcome {
    /// In which of the four ends.
    pub ending: Ending,
    /// The outcome in words, with what a person can do.
    pub text: String,
    /// When.
    pub at: UnixTime,
}

/// The four ends of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// At the profile's goal.
    Configured,
    /// In pre-provisioning.
    Unprovisioned,
    /// Nothing more goes to the device without an operator's permit.
    Quarantined,
    /// Short of the goal; the next run goes on.
    Failed,
}

impl Ending {
    const ALL: [Self; 4] = [Self::Configured, Self::Unprovisioned, Self::Quarantined, Self::Failed];

    /// The end of `outcome`.
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Configured { .. } => Self::Configured,
            Outcome::Unprovisioned => Self::Unprovisioned,
            Outcome::Quarantined(_) => Self::Quarantined,
            Outcome::Failed(_) => Self::Failed,
        }
    }

    /// The end as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Unprovisioned => "unprovisioned",
            Self::Quarantined => "quarantined",
            Self::Failed => "failed",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}

/// The mode that an outcome shows; `None` where it shows none.
pub(super) const fn mode_shown(outcome: &Outcome) -> Option<ControlMode> {
    match outcome {
        Outcome::Configured { mode, .. } => Some(*mode),
        Outcome::Unprovisioned => Some(ControlMode::PreProvisioning),
        Outcome::Quarantined(_) | Outcome::Failed(_) => None,
    }
}
