//! What all runs of one server share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use amt_provision_fsm::edges::Edge;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Profile;
use amt_provision_fsm::provisioner::Outcome;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;

use super::CrlDirectory;
use super::conversation::Traffic;
use super::leases::{Leases, Timing};
use super::sessions::Sessions;
use crate::config::{AdoptionPasswords, ProfileRefusal};
use crate::limits::{Deadlines, Limits};
use crate::pki::authority::DeploymentAuthority;
use crate::pki::odca::OdcaTrust;
use crate::protocol::ProfileName;
use crate::store::{PasswordChoice, PasswordSource, ServerName, Store, Tenant};
use crate::tunnel::channel::ProvisioningIdentity;
use crate::tunnel::tls::TlsVersion;
use crate::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};

/// A profile with everything that it needs to be served.
#[derive(Clone)]
pub struct ServedProfile {
    /// What the core decides by.
    pub profile: Profile,
    /// Where its passwords come from.
    pub passwords: PasswordSource,
    /// What takes a device into ACM; `None` where the goal is CCM.
    pub provisioning: Option<Arc<dyn ProvisioningIdentity>>,
    /// The passwords of devices that it adopts; `None` where it adopts none.
    pub adoption: Option<Arc<AdoptionPasswords>>,
    /// What its devices' network interface is to accept.
    pub remote_tls: RemoteMode,
    /// The highest TLS version that is offered to its devices.
    pub max_tls: TlsVersion,
}

impl ServedProfile {
    /// `profile` with a random password for each device and each account, and with no plain text on the network;
    /// `provisioning` is needed where its goal is ACM.
    pub fn new(profile: Profile, provisioning: Option<Arc<dyn ProvisioningIdentity>>) -> Self {
        let random = aws_lc_rs::default_provider().secure_random;
        Self {
            profile,
            passwords: PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random),
            provisioning,
            adoption: None,
            remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
            max_tls: TlsVersion::V1_3,
        }
    }
}

/// Where the profiles come from that relays ask for.
pub trait Profiles: Send + Sync {
    /// The profile that a tenant asks for.
    ///
    /// # Errors
    /// [`ProfileRefusal`]: whoever asks is to blame.
    fn profile(&self, tenant: &Tenant, name: &ProfileName) -> Result<ServedProfile, ProfileRefusal>;
}

/// The same profiles for every tenant.
impl Profiles for BTreeMap<String, ServedProfile> {
    fn profile(&self, _: &Tenant, name: &ProfileName) -> Result<ServedProfile, ProfileRefusal> {
        self.get(name.as_str()).cloned().ok_or_else(|| ProfileRefusal::UnknownProfile(name.clone()))
    }
}

/// Somebody who watches runs: for progress, for metrics. It is told of things that have happened, and changes none.
pub trait Observer: Send + Sync {
    /// A device's run took an edge.
    fn moved(&self, _uuid: Uuid, _edge: &Edge) {}

    /// A device's run has ended.
    fn ended(&self, _uuid: Uuid, _outcome: &Outcome, _traffic: Traffic) {}
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Observer for Unwatched {}

/// What all runs of one server share.
pub struct Deployment {
    /// This server's name, in the audit log and to other servers.
    pub server: ServerName,
    /// What survives.
    pub store: Arc<dyn Store>,
    /// Who issues the devices' certificates.
    pub authority: DeploymentAuthority,
    /// Which on-die certificate authorities count, whatever has been revoked.
    pub trust: Arc<OdcaTrust>,
    /// Where revocation lists are, if they are consulted.
    pub revocation: Option<Arc<CrlDirectory>>,
    /// The profiles.
    pub profiles: Box<dyn Profiles>,
    /// Who watches.
    pub observer: Box<dyn Observer>,
    /// How long relays may take.
    pub deadlines: Deadlines,
    /// How many relays at a time, and how often.
    pub limits: Limits,
    pub(super) leases: Arc<Leases>,
    pub(super) sessions: Arc<Sessions>,
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Deployment {
    /// A deployment that nobody watches.
    pub fn new(
        server: ServerName,
        store: Arc<dyn Store>,
        authority: DeploymentAuthority,
        trust: Arc<OdcaTrust>,
        profiles: impl Profiles + 'static,
    ) -> Self {
        let (profiles, observer) = (Box::new(profiles), Box::new(Unwatched));
        let leases = Arc::new(Leases::new(Arc::clone(&store), server.clone(), Timing::DEFAULT));
        let (deadlines, limits, sessions) = (Deadlines::default(), Limits::default(), Arc::default());
        Self {
            server,
            store,
            authority,
            trust,
            revocation: None,
            profiles,
            observer,
            deadlines,
            limits,
            leases,
            sessions,
        }
    }

    /// The same, with revocation lists, which have the trust with them.
    pub fn with_revocation(self, directory: CrlDirectory) -> Self {
        Self { revocation: Some(Arc::new(directory)), ..self }
    }

    /// The same, watched.
    pub fn watched_by(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// Whom to believe in a session that begins now.
    pub(super) async fn trust_now(&self) -> Arc<OdcaTrust> {
        let Some(directory) = self.revocation.clone() else { return Arc::clone(&self.trust) };
        smol::unblock(move || directory.current(UnixTime::now())).await
    }
}
