//! What a channel is made with.

use std::sync::Arc;

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::peer::Expectation;

use super::entropy::Entropy;
use super::provisioning::ProvisioningIdentity;
use crate::pki::odca::OdcaTrust;
use crate::tunnel::tls::TlsVersion;
use crate::wsman::class::tls_setting_data::RemoteMode;

/// What is the same for all channels to one device in one run.
#[derive(Clone)]
pub struct Settings {
    /// The device, as it is named in HTTP's `Host`.
    pub device: Uuid,
    /// The firmware's keys and signatures.
    pub suite: KeySuite,
    /// What the profile wants of TLS on the network interface.
    pub remote_tls: RemoteMode,
    /// Where nonces come from.
    pub entropy: Arc<dyn Entropy>,
    /// What takes a device into ACM, where the profile wants that.
    pub provisioning: Option<Arc<dyn ProvisioningIdentity>>,
}

/// How a TLS session is made.
#[derive(Clone)]
pub struct TlsOptions {
    /// What the peer may show.
    pub expectation: Expectation,
    /// Which on-die certificate authorities count.
    pub trust: Arc<OdcaTrust>,
    /// The highest version that is offered.
    pub max_version: TlsVersion,
}
