//! `IPS_HostBasedSetupService` (wsman.md §2.1): into CCM, and from there into ACM.

use amt_provision_fsm::firmware::{ControlMode, KeySuite};

use crate::http::digest::Ha1;
use crate::wsman::call::{Call, Operation, Parameter};
use crate::wsman::properties::{Properties, PropertyError, base64};
use crate::wsman::query::Query;
use crate::wsman::resource::ResourceUri;
use crate::wsman::status::{ChainStatus, SetupStatus};
use crate::wsman::xml::Node;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/ips-schema/1/IPS_HostBasedSetupService");

/// The one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostBasedSetup {
    /// The mode the device is in.
    pub current_control_mode: ControlMode,
    /// The modes it can be taken to.
    pub allowed_control_modes: Vec<ControlMode>,
    /// How much of a certificate chain it has been given.
    pub chain: ChainProgress,
    /// What the signature for ACM must cover; fresh in each session, so it is read right before signing.
    pub configuration_nonce: Option<Nonce>,
}

/// One of the two nonces that are signed to reach ACM.
pub type Nonce = [u8; 20];

/// `CertChainStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainProgress {
    /// 0: no certificate yet.
    NotStarted,
    /// 1: the root is still to come.
    InProgress,
    /// 2: all there.
    Complete,
}

impl ChainProgress {
    /// The progress that the firmware writes as `code`.
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::NotStarted),
            1 => Some(Self::InProgress),
            2 => Some(Self::Complete),
            _ => None,
        }
    }
}

/// Where a certificate stands in the chain, which is sent from the leaf to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainPosition {
    /// The first.
    Leaf,
    /// Neither the first nor the last.
    Intermediate,
    /// The last.
    Root,
}

/// `SigningAlgorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    /// 2: RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSha256,
    /// 3: RSASSA-PKCS1-v1_5 with SHA-384.
    RsaSha384,
}

impl SigningAlgorithm {
    /// The number that the firmware reads.
    pub const fn code(self) -> u32 {
        match self {
            Self::RsaSha256 => 2,
            Self::RsaSha384 => 3,
        }
    }
}

impl From<KeySuite> for SigningAlgorithm {
    fn from(suite: KeySuite) -> Self {
        match suite {
            KeySuite::Rsa2048Sha256 => Self::RsaSha256,
            KeySuite::EcP384Sha384 => Self::RsaSha384,
        }
    }
}

/// Reads mode, chain and nonce.
pub fn get() -> Query<HostBasedSetup> {
    Query::new(Call::new(RESOURCE, Operation::Get), |body| {
        let service = Properties::of_instance(body.as_ref(), &RESOURCE)?;
        let allowed = service.numbers("AllowedControlModes")?;
        Ok(HostBasedSetup {
            current_control_mode: service.code("CurrentControlMode", "0, 1 or 2", ControlMode::from_code)?,
            allowed_control_modes: allowed.into_iter().filter_map(ControlMode::from_code).collect(),
            chain: service.code("CertChainStatus", "0, 1 or 2", ChainProgress::from_code)?,
            configuration_nonce: service.optional_byte_array("ConfigurationNonce")?,
        })
    })
}

/// `NetAdminPassEncryptionType`: the password comes as `MD5(admin:realm:password)`.
const HTTP_DIGEST_MD5_A1: u32 = 2;

/// Into CCM, with the hash of `admin`'s password. The reply may never arrive: send once, then look.
pub fn setup(admin: &Ha1) -> Query<Result<(), SetupStatus>> {
    let parameters = [
        ("NetAdminPassEncryptionType", Parameter::from(HTTP_DIGEST_MD5_A1)),
        ("NetworkAdminPassword", Parameter::Text(admin.to_hex())),
    ];
    Query::new(Call::invoke(RESOURCE, "Setup", parameters), |body| returned(body, "Setup"))
}

/// Gives the device the next certificate (DER) of the provisioning chain. The chain belongs to the digest session.
pub fn add_next_certificate(der: &[u8], position: ChainPosition) -> Query<Result<(), ChainStatus>> {
    let parameters = [
        ("NextCertificate", base64(der)),
        ("IsLeafCertificate", Parameter::from(position == ChainPosition::Leaf)),
        ("IsRootCertificate", Parameter::from(position == ChainPosition::Root)),
    ];
    Query::new(Call::invoke(RESOURCE, "AddNextCertInChain", parameters), |body| {
        let output = Properties::of_output(body.as_ref(), &RESOURCE, "AddNextCertInChain")?;
        output.return_value(ChainStatus::from_code)
    })
}

/// From CCM into ACM. `signature` is the leaf's over the device's nonce and then `our_nonce`, 40 bytes in all. The session
/// drops on success: send once, then look.
pub fn upgrade_client_to_admin(
    our_nonce: &Nonce,
    algorithm: SigningAlgorithm,
    signature: &[u8],
) -> Query<Result<(), SetupStatus>> {
    let parameters = [
        ("McNonce", base64(our_nonce)),
        ("SigningAlgorithm", Parameter::from(algorithm.code())),
        ("DigitalSignature", base64(signature)),
    ];
    Query::new(Call::invoke(RESOURCE, "UpgradeClientToAdmin", parameters), |body| {
        returned(body, "UpgradeClientToAdmin")
    })
}

fn returned(body: Option<Node>, method: &str) -> Result<Result<(), SetupStatus>, PropertyError> {
    Properties::of_output(body.as_ref(), &RESOURCE, method)?.return_value(SetupStatus::from_code)
}
