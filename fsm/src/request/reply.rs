//! What a device answers, typed and bounded by the channel layer.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::firmware::{ControlMode, ProvisioningState};
use crate::identity::{CertificateHash, SpkiHash, Uuid};

/// The sixteen bytes behind `Digest:` in a device's digest realm (wsman.md §1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DigestRealm(pub [u8; 16]);

/// `ConfigurationNonce`: 20 bytes that belong to one digest session (wsman.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FirmwareNonce(pub [u8; 20]);

/// InstanceID of an `AMT_PublicPrivateKeyPair`, as the device wrote it: never predicted (wsman.md §2.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyHandle(pub String);

/// InstanceID of an `AMT_PublicKeyCertificate`, as the device wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CertificateHandle(pub String);

/// How many certificates the provisioning chain has: leaf, intermediates and root, at most four
/// (wsman.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChainLength(u8);

impl ChainLength {
    /// A chain of `count` certificates; `None` unless it is 2, 3 or 4.
    pub const fn new(count: usize) -> Option<Self> {
        match count {
            2 => Some(Self(2)),
            3 => Some(Self(3)),
            4 => Some(Self(4)),
            _ => None,
        }
    }

    /// The number of certificates.
    pub const fn count(self) -> u8 {
        self.0
    }
}

/// Why a firmware does not take a provisioning chain (wsman.md §2.1): what an operator has to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ChainFlaw {
    /// It is not two to four certificates, each issued by the next, from the leaf to the self-signed root.
    Broken,
    /// Nothing in the leaf says that it is for provisioning.
    Purpose,
    /// The leaf's names do not end with the device's DNS suffix.
    DnsSuffix,
    /// A key of a kind or length that this firmware does not take.
    Key,
    /// A signature by a hash that this firmware does not take.
    Signature,
    /// A certificate that is not valid now.
    Dates,
}

impl fmt::Display for ChainFlaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken => "its certificates are no chain from the leaf to the root",
            Self::Purpose => "its leaf is not one for provisioning",
            Self::DnsSuffix => "none of its names ends with the device's DNS suffix",
            Self::Key => "it has a key that this firmware does not take",
            Self::Signature => "it is signed by a hash that this firmware does not take",
            Self::Dates => "it is not valid now",
        })
    }
}

/// A key pair in the device's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyPair {
    /// Its InstanceID.
    pub handle: KeyHandle,
    /// The hash of its SubjectPublicKeyInfo.
    pub spki: SpkiHash,
    /// The public key as the device gives it: DER, PKCS#1 up to AMT 21, SubjectPublicKeyInfo from 22 on.
    pub public_key: Vec<u8>,
}

/// A certificate in the device's store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredCertificate {
    /// Its InstanceID.
    pub handle: CertificateHandle,
    /// The hash of the key that it certifies.
    pub spki: SpkiHash,
}

/// A certificate that the deployment's authority issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Certificate {
    /// The certificate in DER, at most 4100 bytes (wsman.md §2.6).
    pub der: Vec<u8>,
    /// The hash of the whole.
    pub hash: CertificateHash,
    /// The hash of the key that it certifies.
    pub spki: SpkiHash,
}

/// Whether TLS is on, per interface, as the settings read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TlsSettings {
    /// `Intel(r) AMT 802.3 TLS Settings`.
    pub remote: bool,
    /// `Intel(r) AMT LMS TLS Settings`.
    pub local: bool,
}

/// A device's answer to a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reply {
    /// To a change: ReturnValue 0, or the echo of a Put.
    Done,
    /// To `ReadGeneralSettings`.
    GeneralSettings(DigestRealm),
    /// To `ReadUuid`.
    Uuid(Uuid),
    /// To `ReadControlMode`.
    ControlMode(ControlMode, FirmwareNonce),
    /// To `ReadProvisioningState`.
    ProvisioningState(ProvisioningState),
    /// To `ReadKeyPairs`.
    KeyPairs(Vec<KeyPair>),
    /// To `ReadCertificates`.
    Certificates(Vec<StoredCertificate>),
    /// To `ReadCredentialContext`: the certificate in use.
    CredentialContext(Option<CertificateHandle>),
    /// To `ReadTlsSettings`.
    TlsSettings(TlsSettings),
    /// The device answered, and said no.
    Refused(Refusal),
}

/// How a device says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// 401 to this login, with a challenge that it was made for.
    Unauthorized,
    /// A ReturnValue other than 0 (wsman.md §2.20).
    ReturnValue(u32),
    /// Fault `AlreadyExists`.
    AlreadyExists,
    /// Any other SOAP fault or HTTP error, with the HTTP status.
    Fault(u16),
    /// A complete answer that is no answer to this request.
    Unintelligible,
}

impl Refusal {
    /// FLASH_WRITE_LIMIT_EXCEEDED: stop, and tell a person (wsman.md §2.20).
    pub const FLASH_WRITE_LIMIT: Self = Self::ReturnValue(38);
    /// DATA_MISSING: on some firmware a commit in ACM wants the MEBx password first (wsman.md §2.3).
    pub const DATA_MISSING: Self = Self::ReturnValue(2057);

    /// Whether the same request may be taken at the next try: internal errors and "in progress", as
    /// against a firm no.
    pub const fn is_passing(self) -> bool {
        match self {
            Self::ReturnValue(1 | 2082) | Self::Unintelligible => true,
            Self::Fault(status) => status >= 500,
            Self::ReturnValue(_) | Self::Unauthorized | Self::AlreadyExists => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized => f.write_str("401: user name or password not accepted"),
            Self::ReturnValue(38) => f.write_str("ReturnValue 38, FLASH_WRITE_LIMIT_EXCEEDED"),
            Self::ReturnValue(code) => write!(f, "ReturnValue {code}"),
            Self::AlreadyExists => f.write_str("fault AlreadyExists"),
            Self::Fault(status) => write!(f, "a fault with HTTP status {status}"),
            Self::Unintelligible => f.write_str("an answer that fits no such request"),
        }
    }
}
