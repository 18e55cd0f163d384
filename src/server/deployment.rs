//! What all runs of one server share.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Profile;

use crate::pki::authority::DeploymentAuthority;
use crate::pki::odca::OdcaTrust;
use crate::store::{PasswordSource, ServerName, Store, Tenant};
use crate::tunnel::channel::ProvisioningIdentity;
use crate::tunnel::tls::TlsVersion;
use crate::wsman::class::tls_setting_data::RemoteMode;

/// A profile with everything that it needs to be served.
#[derive(Clone)]
pub struct ServedProfile {
    /// What the core decides by.
    pub profile: Profile,
    /// Where its passwords come from.
    pub passwords: PasswordSource,
    /// What takes a device into ACM; `None` where the goal is CCM.
    pub provisioning: Option<Arc<dyn ProvisioningIdentity>>,
    /// What its devices' network interface is to accept.
    pub remote_tls: RemoteMode,
    /// The highest TLS version that is offered to its devices.
    pub max_tls: TlsVersion,
}

/// What all runs of one server share.
pub struct Deployment {
    /// This server's name in the audit log.
    pub server: ServerName,
    /// What survives.
    pub store: Arc<dyn Store>,
    /// Who issues the devices' certificates.
    pub authority: DeploymentAuthority,
    /// Which on-die certificate authorities count.
    pub trust: Arc<OdcaTrust>,
    /// The profiles by name.
    pub profiles: BTreeMap<String, ServedProfile>,
    driven: Mutex<BTreeSet<(Tenant, Uuid)>>,
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Deployment {
    /// A deployment that drives nothing yet.
    pub fn new(
        server: ServerName,
        store: Arc<dyn Store>,
        authority: DeploymentAuthority,
        trust: Arc<OdcaTrust>,
        profiles: BTreeMap<String, ServedProfile>,
    ) -> Self {
        Self { server, store, authority, trust, profiles, driven: Mutex::default() }
    }

    /// The right to drive this device, until it is dropped; `None` while another session has it (G13).
    pub(super) fn drive(self: &Arc<Self>, tenant: &Tenant, uuid: Uuid) -> Option<Driving> {
        let key = (tenant.clone(), uuid);
        let mut driven = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.insert(key.clone()).then(|| Driving { deployment: Arc::clone(self), key })
    }
}

/// The right to drive one device.
pub(super) struct Driving {
    deployment: Arc<Deployment>,
    key: (Tenant, Uuid),
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.deployment.driven.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
