//! What worlds share, because making it takes long.

use std::sync::Arc;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::identity::{Uuid, UuidError};
use amt_provision_fsm::policy::{Goal, Profile};
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::pki::authority::{AuthorityError, DeploymentAuthority};
use crate::pki::odca::{OdcaTrust, TrustSetError};
use crate::server::ServedProfile;
use crate::simulator::config::DeviceConfig;
use crate::simulator::firmware::TrustedRoots;
use crate::simulator::identity::{IdentityError, SimulatorAuthority, generate_rsa_key};
use crate::simulator::keys::KeyPool;
use crate::simulator::persona::Persona;
use crate::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use crate::tunnel::channel::{ProvisioningCertificate, ProvisioningCertificateError};

/// Why no site could be made. This machine's cryptography is to blame.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A key or a certificate of the simulator's.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Our own authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The simulator's authority is none that can be trusted.
    #[error(transparent)]
    Trust(#[from] TrustSetError),
    /// The provisioning certificate.
    #[error(transparent)]
    Provisioning(#[from] ProvisioningCertificateError),
    /// A key that was written a moment ago cannot be read.
    #[error("a key cannot be read back: {0}")]
    Key(String),
    /// A name is too long for the firmware.
    #[error("the firmware takes no root of that name")]
    Root,
    /// The device's UUID is none.
    #[error(transparent)]
    Uuid(#[from] UuidError),
}

/// The authorities, the provisioning certificate and the keys of worlds. Worlds of several threads can share one.
pub struct Site {
    pub(super) authority: Arc<DeploymentAuthority>,
    pub(super) trust: Arc<OdcaTrust>,
    silicon: Arc<SimulatorAuthority>,
    provisioning: Arc<ProvisioningCertificate>,
    roots: TrustedRoots,
    chain_length: usize,
    keys: Vec<Zeroizing<Vec<u8>>>,
    uuid: Uuid,
}

/// The DNS domain of the site.
const DOMAIN: &str = "example.test";
/// A device makes its default key, and one for us; another one for each rotation and where a reply was lost.
const KEYS: usize = 12;

impl Site {
    /// A site with new keys.
    ///
    /// # Errors
    /// [`SiteError`].
    pub fn new() -> Result<Self, SiteError> {
        let silicon = SimulatorAuthority::generate()?;
        let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain(DOMAIN))?;
        let key = PrivateKeyDer::from_pem_slice(chain.to_pem().as_bytes());
        let key = key.map_err(|error| SiteError::Key(error.to_string()))?;
        let keys = (0..KEYS).map(|_| Ok(Zeroizing::new(generate_rsa_key()?.serialize_der())));
        Ok(Self {
            authority: Arc::new(DeploymentAuthority::generate()?),
            trust: Arc::new(silicon.trusted_as("simulator")?),
            silicon: Arc::new(silicon),
            provisioning: Arc::new(ProvisioningCertificate::new(chain.certificates().to_vec(), &key)?),
            roots: TrustedRoots::default().with_root("the site's", chain.root()).ok_or(SiteError::Root)?,
            chain_length: chain.certificates().len(),
            keys: keys.collect::<Result<_, IdentityError>>()?,
            uuid: Uuid::from_bytes(*b"amt-byte-world\x00\x01")?,
        })
    }

    /// How many certificates the provisioning chain has.
    pub const fn chain_length(&self) -> usize {
        self.chain_length
    }

    /// A device of that version and persona as it comes from the factory, in the site's domain.
    pub fn device(&self, version: AmtVersion, persona: Persona) -> DeviceConfig {
        let mut config = DeviceConfig::new(self.uuid, version, Arc::clone(&self.silicon));
        config.persona = persona;
        config.roots = self.roots.clone();
        config.dns_suffix = Some(DOMAIN.to_owned());
        config.keys = Arc::new(KeyPool::holding(self.keys.iter().filter_map(|der| read(der))));
        config
    }

    /// The same device with a chain that nobody here has signed.
    pub(super) fn impostor(config: &DeviceConfig) -> Result<DeviceConfig, IdentityError> {
        Ok(DeviceConfig { authority: Arc::new(SimulatorAuthority::generate()?), ..config.clone() })
    }

    /// A profile that is served: random passwords, TLS only.
    pub fn profile(&self, profile: Profile) -> ServedProfile {
        let provisioning = Arc::clone(&self.provisioning) as Arc<_>;
        let needed = matches!(profile.goal, Goal::Admin(_));
        ServedProfile::new(profile, needed.then_some(provisioning))
    }
}

fn read(der: &[u8]) -> Option<KeyPair> {
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), &PKCS_RSA_SHA256).ok()
}
