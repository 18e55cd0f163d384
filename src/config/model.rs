//! A configuration without mistakes.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use amt_provision_fsm::policy;
use rustls::ServerConfig;
use rustls::pki_types::DnsName;

use super::AdoptionPasswords;
use super::read::Place;
use crate::access::Access;
use crate::limits::{Deadlines, Limits};
use crate::pki::odca::OdcaTrust;
use crate::pki::odca::revocation::RevocationPolicy;
use crate::protocol::ProfileName;
use crate::sealing::KeySources;
use crate::store::{PasswordChoice, ServerName, StoreAddress, Tenant};
use crate::tunnel::channel::ProvisioningCertificate;
use crate::tunnel::tls::TlsVersion;

/// Everything that a server is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from.
    pub(super) file: PathBuf,
    /// Where it listens.
    pub listener: Listener,
    /// What it calls itself in audit logs.
    pub name: ServerName,
    /// Where it keeps what survives.
    pub store: StoreAddress,
    /// Where the keys are that the store's secrets are sealed under.
    pub keys: KeySources,
    /// What devices can be brought to.
    pub profiles: Vec<Profile>,
    /// The provisioning certificates, whether a profile names them or not.
    pub domains: Vec<Arc<Domain>>,
    /// Who may ask; without an entry the default tenant alone, for any profile.
    pub tenants: Vec<TenantRule>,
    /// Whom it believes about silicon.
    pub odca: Arc<OdcaTrust>,
    /// Which revocation lists it consults about silicon; `None` if it consults none.
    pub revocation: Option<CrlSource>,
}

/// Revocation lists, and what they are used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlSource {
    /// What becomes of devices that no list speaks about.
    pub policy: RevocationPolicy,
    /// The folder that the operator refreshes.
    pub directory: PathBuf,
}

/// Where a server listens for relays.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The address.
    pub address: SocketAddr,
    /// The TLS of `wss://`, which judges client certificates as well; `None` for `ws://`.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whom it lets in.
    pub access: Access,
    /// How many relays at a time, and how often.
    pub limits: Limits,
    /// How long they may take.
    pub deadlines: Deadlines,
}

/// What a device is to become.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, which relays ask for.
    pub name: ProfileName,
    /// What the core decides by.
    pub policy: policy::Profile,
    /// The provisioning certificate: there exactly if the goal is ACM.
    pub domain: Option<Arc<Domain>>,
    /// The admin password.
    pub admin_password: PasswordChoice,
    /// The MEBx password.
    pub mebx_password: PasswordChoice,
    /// The passwords of devices that are to be adopted; `None` where none is.
    pub adoption: Option<Arc<AdoptionPasswords>>,
    /// The highest TLS version that is offered to a device.
    pub max_tls: TlsVersion,
}

/// A provisioning certificate and the DNS suffix that it is for. Whether a device trusts its root, the device decides.
pub struct Domain {
    /// The DNS suffix.
    pub dns_suffix: DnsName<'static>,
    /// The chain with the leaf's private key.
    pub certificate: Arc<ProvisioningCertificate>,
    /// Certificates beside the chain that have no place in it.
    pub(super) unused: usize,
    /// Where the configuration names the certificates.
    pub(super) source: Source,
}

/// Where a domain's certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) place: Place,
    pub(super) key: &'static str,
    pub(super) path: PathBuf,
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").field("dns_suffix", &self.dns_suffix).finish_non_exhaustive()
    }
}

/// A tenant, and what it may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantRule {
    /// The tenant.
    pub tenant: Tenant,
    /// Its profiles; empty for all of them.
    pub profiles: Vec<ProfileName>,
}

/// Why a relay's request for a profile is turned down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileRefusal {
    /// The tenant is not configured.
    #[error("there is no tenant `{0}` here: ask the operator of the server")]
    UnknownTenant(Tenant),
    /// There is no such profile, or it is not this tenant's; which of the two is nobody else's business.
    #[error("there is no profile `{0}` here: ask the operator of the server")]
    UnknownProfile(ProfileName),
}

impl Config {
    /// The profile that a tenant asks for.
    ///
    /// # Errors
    /// [`ProfileRefusal`]: whoever asks is to blame.
    pub fn profile(&self, tenant: &Tenant, name: &ProfileName) -> Result<&Profile, ProfileRefusal> {
        let allowed: &[ProfileName] = match self.tenants.iter().find(|rule| rule.tenant == *tenant) {
            Some(rule) => &rule.profiles,
            None if self.tenants.is_empty() && *tenant == Tenant::default() => &[],
            None => return Err(ProfileRefusal::UnknownTenant(tenant.clone())),
        };
        let mut profiles = self.profiles.iter().filter(|_| allowed.is_empty() || allowed.contains(name));
        profiles.find(|profile| profile.name == *name).ok_or_else(|| ProfileRefusal::UnknownProfile(name.clone()))
    }
}
