//! Requests, erased: what the channel layer turns into bytes.

use core::fmt;

use super::{Certificate, CertificateHandle, Class, DigestRealm, FirmwareNonce, Once};
use crate::firmware::KeySuite;
use crate::record::PasswordId;

/// The number of a request within a run. A reply that bears another number is late and is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// The account that a request logs in with (wsman.md §1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Login {
    /// `$$OsAdmin`, with the password that the firmware gave the relay: pre-provisioning only.
    LocalSystem,
    /// `admin`, with this stored password.
    Admin(PasswordId),
    /// `admin`, with the password that the operator gave the server for a device that is to be adopted.
    Given,
}

/// One of the two `AMT_TLSSettingData` instances (wsman.md §2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsInterface {
    /// `Intel(r) AMT 802.3 TLS Settings`.
    Remote,
    /// `Intel(r) AMT LMS TLS Settings`.
    Local,
}

/// One question to a device, or one change of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// `AMT_GeneralSettings.Get`: the digest realm.
    ReadGeneralSettings,
    /// `AMT_SetupAndConfigurationService.GetUuid`.
    ReadUuid,
    /// `IPS_HostBasedSetupService.Get`: the control mode, and a nonce of this digest session.
    ReadControlMode,
    /// `AMT_SetupAndConfigurationService.Get`.
    ReadProvisioningState,
    /// The key pairs, and which of them have a certificate.
    ReadKeyPairs,
    /// The certificates.
    ReadCertificates,
    /// `AMT_TLSCredentialContext`: the certificate that the TLS endpoint uses.
    ReadCredentialContext,
    /// The two `AMT_TLSSettingData` instances.
    ReadTlsSettings,
    /// `IPS_HostBasedSetupService.Setup`: into CCM.
    Setup {
        /// The admin password to set.
        password: PasswordId,
        /// The realm that its hash is made with.
        realm: DigestRealm,
    },
    /// `AMT_SetupAndConfigurationService.CommitChanges`.
    CommitChanges,
    /// `AMT_PublicKeyManagementService.GenerateKeyPair`.
    GenerateKeyPair(KeySuite),
    /// `AMT_PublicKeyManagementService.AddCertificate`.
    AddCertificate(Certificate),
    /// `AMT_TLSCredentialContext.Create`.
    CreateCredentialContext(CertificateHandle),
    /// `AMT_TLSCredentialContext.Put`: the only legal change while one exists.
    PutCredentialContext(CertificateHandle),
    /// `AMT_TimeSynchronizationService`: get, then set to the server's time.
    SynchronizeClock,
    /// `AMT_TLSSettingData.Put`: TLS on.
    PutTlsSettings(TlsInterface),
    /// `IPS_HostBasedSetupService.AddNextCertInChain`.
    AddChainCertificate {
        /// Position in the provisioning chain, the leaf being 0.
        index: u8,
    },
    /// `IPS_HostBasedSetupService.UpgradeClientToAdmin`: from CCM to ACM.
    UpgradeClientToAdmin {
        /// The firmware's nonce of this digest session, to be signed together with ours.
        nonce: FirmwareNonce,
    },
    /// `AMT_AuthorizationService.SetAdminAclEntryEx`.
    SetAdminPassword {
        /// The admin password to set.
        password: PasswordId,
        /// The realm that its hash is made with.
        realm: DigestRealm,
    },
    /// `AMT_SetupAndConfigurationService.SetMEBxPassword`.
    SetMebxPassword(PasswordId),
    /// `AMT_SetupAndConfigurationService.Unprovision`.
    Unprovision,
}

impl Request {
    /// What a lost reply means.
    pub const fn class(&self) -> Class {
        match self {
            Self::ReadGeneralSettings
            | Self::ReadUuid
            | Self::ReadControlMode
            | Self::ReadProvisioningState
            | Self::ReadKeyPairs
            | Self::ReadCertificates
            | Self::ReadCredentialContext
            | Self::ReadTlsSettings => Class::Read,
            Self::Setup { .. } => Class::Once(Once::Setup),
            Self::UpgradeClientToAdmin { .. } => Class::Once(Once::Upgrade),
            Self::Unprovision => Class::Once(Once::Unprovision),
            Self::GenerateKeyPair(_)
            | Self::AddCertificate(_)
            | Self::CreateCredentialContext(_)
            | Self::AddChainCertificate { .. } => Class::Creates,
            Self::SetAdminPassword { .. } => Class::Password,
            Self::SetMebxPassword(_) => Class::Unobservable,
            Self::CommitChanges | Self::PutCredentialContext(_) | Self::SynchronizeClock | Self::PutTlsSettings(_) => {
                Class::Repeatable
            }
        }
    }

    /// How often one run may send it, where it wears the device's flash (wsman.md §2.20) or its patience: a device that
    /// says that it made a change and shows none is not asked for ever (G8). What lives in the session only has none.
    pub const fn budget(&self) -> Option<u8> {
        match self {
            Self::AddChainCertificate { .. } | Self::SynchronizeClock => None,
            Self::GenerateKeyPair(_) => Some(3),
            // For each of two interfaces.
            Self::PutTlsSettings(_) => Some(16),
            change => match change.class() {
                Class::Read => None,
                Class::Once(_) => Some(Once::BUDGET),
                Class::Creates | Class::Password | Class::Unobservable | Class::Repeatable => Some(8),
            },
        }
    }

    /// The request by its name on the wire, for logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReadGeneralSettings => "AMT_GeneralSettings.Get",
            Self::ReadUuid => "AMT_SetupAndConfigurationService.GetUuid",
            Self::ReadControlMode => "IPS_HostBasedSetupService.Get",
            Self::ReadProvisioningState => "AMT_SetupAndConfigurationService.Get",
            Self::ReadKeyPairs => "AMT_PublicPrivateKeyPair.Pull",
            Self::ReadCertificates => "AMT_PublicKeyCertificate.Pull",
            Self::ReadCredentialContext => "AMT_TLSCredentialContext.Pull",
            Self::ReadTlsSettings => "AMT_TLSSettingData.Pull",
            Self::Setup { .. } => Once::Setup.request_name(),
            Self::CommitChanges => "AMT_SetupAndConfigurationService.CommitChanges",
            Self::GenerateKeyPair(_) => "AMT_PublicKeyManagementService.GenerateKeyPair",
            Self::AddCertificate(_) => "AMT_PublicKeyManagementService.AddCertificate",
            Self::CreateCredentialContext(_) => "AMT_TLSCredentialContext.Create",
            Self::PutCredentialContext(_) => "AMT_TLSCredentialContext.Put",
            Self::SynchronizeClock => "AMT_TimeSynchronizationService.SetHighAccuracyTimeSynch",
            Self::PutTlsSettings(_) => "AMT_TLSSettingData.Put",
            Self::AddChainCertificate { .. } => "IPS_HostBasedSetupService.AddNextCertInChain",
            Self::UpgradeClientToAdmin { .. } => Once::Upgrade.request_name(),
            Self::SetAdminPassword { .. } => "AMT_AuthorizationService.SetAdminAclEntryEx",
            Self::SetMebxPassword(_) => "AMT_SetupAndConfigurationService.SetMEBxPassword",
            Self::Unprovision => Once::Unprovision.request_name(),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
