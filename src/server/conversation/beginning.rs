//! What a run begins with.

use std::sync::Arc;

use amt_provision_fsm::policy::{DeviceReport, LocalTls, Order};
use amt_provision_fsm::provisioner::Provisioner;
use amt_provision_fsm::record::Ledger;
use amt_provision_fsm::time::Instant;
use rustls::pki_types::UnixTime;

use crate::pki::odca::OdcaTrust;
use crate::pki::provisioning::Finding;
use crate::protocol;
use crate::server::ServedProfile;
use crate::server::fitness::{self, Fitness};
use crate::server::vault::Vault;
use crate::tunnel::channel::{Settings, SystemEntropy};

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

/// The run itself, and what each of its channels is made with.
pub(super) struct Begun {
    pub(super) run: Provisioner,
    pub(super) vault: Vault,
    pub(super) settings: Settings,
    pub(super) profile: ServedProfile,
    pub(super) trust: Arc<OdcaTrust>,
    pub(super) findings: Vec<Finding>,
}

impl Beginning<'_> {
    pub(super) fn begin(self, now: Instant, unix: UnixTime) -> Begun {
        let Self { report, ledger, vault, mut profile, order, trust } = self;
        let Fitness { goal, findings } = fitness::judge(&profile, report, unix);
        for finding in &findings {
            tracing::warn!(device = %report.uuid, %finding, "the provisioning certificate");
        }
        profile.profile.goal = goal;
        let local_tls = if report.tls_enforced { LocalTls::On } else { LocalTls::Off };
        let claim = DeviceReport { uuid: report.uuid, version: report.version, mode: report.control_mode, local_tls };
        let settings = Settings {
            device: report.uuid,
            suite: report.version.suite(),
            remote_tls: profile.remote_tls.clone(),
            entropy: Arc::new(SystemEntropy),
            provisioning: profile.provisioning.clone(),
        };
        let run = Provisioner::new(now, ledger, profile.profile.clone(), order, claim);
        Begun { run, vault, settings, profile, trust, findings }
    }
}
