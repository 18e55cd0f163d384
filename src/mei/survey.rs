//! Everything that a device report needs, asked in one go.

use std::fmt;
use std::str::FromStr;

use amt_provision_fsm::firmware::{AmtVersion, AmtVersionError, ControlMode, Port, ProvisioningState};
use amt_provision_fsm::identity::{Uuid, UuidError};

use super::ask::ask_on;
use super::pthi::{
    AnswerError, CertificateHashEntry, EnumerateHashHandles, GetCertHashEntry, GetCodeVersions, GetControlMode,
    GetLanInterfaceSettings, GetLocalSystemAccount, GetPkiFqdnSuffix, GetProvisioningState, GetUuid, LanInterface,
    LanSettings, LocalSystemAccount,
};
use super::{AskError, FirmwareClient, Mei, MeiConnection, MeiTransport};

/// What the firmware says about itself over MEI. A [`DeviceReport`](crate::protocol::DeviceReport) is made `from` it.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The AMT version.
    pub version: AmtVersion,
    /// The build number.
    pub build: String,
    /// What the machine was sold as.
    pub sku: Sku,
    /// The system UUID, which is no placeholder.
    pub uuid: Uuid,
    /// Not provisioned, CCM or ACM.
    pub control_mode: ControlMode,
    /// Before, in or after provisioning.
    pub provisioning_state: ProvisioningState,
    /// The account for the first contact.
    pub local_system_account: LocalSystemAccount,
    /// The trusted root hashes. Entries with a hash algorithm that is not known here are left out.
    pub certificate_hashes: Vec<CertificateHashEntry>,
    /// The DNS suffix set in the MEBx, without white space and trailing dot.
    pub dns_suffix: Option<String>,
    /// The wired interface, if the firmware has one.
    pub wired: Option<LanSettings>,
    /// The wireless interface, if the firmware has one.
    pub wireless: Option<LanSettings>,
    /// What the local ports speak.
    pub local_tls: LocalTls,
}

/// What the device's local ports speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalTls {
    /// TLS only: dial 16993.
    Enforced,
    /// Plain text too: dial 16992.
    NotEnforced,
}

impl LocalTls {
    /// The port to dial.
    pub const fn port(self) -> Port {
        match self {
            Self::Enforced => Port::Tls,
            Self::NotEnforced => Port::Plain,
        }
    }
}

/// The SKU bits of the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sku(pub u32);

impl Sku {
    const FEATURES: [(u32, &'static str); 4] =
        [(0x08, "AMT Pro"), (0x10, "Intel Standard Manageability"), (0x2000, "AT-p"), (0x4000, "Corporate")];

    /// The features by name, as the activation message carries them: `AMT Pro Corporate`.
    pub fn features(self) -> String {
        let named = Self::FEATURES.iter().filter(|(bit, _)| self.0 & bit != 0).map(|&(_, name)| name);
        named.collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for Sku {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why there is no survey.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A question has no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The firmware did not name one of its versions.
    #[error("the firmware lists no version named `{0}`")]
    NoVersion(&'static str),
    /// The firmware's AMT version cannot be read.
    #[error("the firmware's AMT version is `{text}`: {source}")]
    Version {
        /// What it says.
        text: String,
        /// Why that is none.
        source: AmtVersionError,
    },
    /// The firmware's SKU is no number.
    #[error("the firmware's SKU is `{0}`: expected a number")]
    Sku(String),
    /// The system UUID does not tell this machine from another.
    #[error("the system UUID is {0}")]
    Uuid(UuidError),
}

impl From<super::MeiError> for SurveyError {
    fn from(error: super::MeiError) -> Self {
        Self::Ask(error.into())
    }
}

impl<T: MeiTransport> Mei<T> {
    /// Asks everything that a device report needs: first what the local ports speak, then the rest on one
    /// PTHI connection.
    ///
    /// A refusal is taken for "there is none" where that can be (an interface, a suffix); everywhere else,
    /// and for every other failure, the survey fails and says at what.
    ///
    /// # Errors
    /// [`SurveyError`].
    pub fn survey(&self) -> Result<Survey, SurveyError> {
        let tls = self.state_independence()?.tls_on_local_ports();
        let mut pthi = self.connect(FirmwareClient::Pthi)?;
        let control_mode = ask_on(&mut pthi, &GetControlMode)?;
        let provisioning_state = ask_on(&mut pthi, &GetProvisioningState)?;
        let versions = ask_on(&mut pthi, &GetCodeVersions)?;
        let named = |name| versions.get(name).ok_or(SurveyError::NoVersion(name));
        let (version, sku) = (named("AMT")?, named("Sku")?);
        Ok(Survey {
            version: version.parse().map_err(|source| SurveyError::Version { text: version.to_owned(), source })?,
            build: named("Build Number")?.to_owned(),
            sku: sku.parse().map_err(|_| SurveyError::Sku(sku.to_owned()))?,
            uuid: Uuid::from_guid(ask_on(&mut pthi, &GetUuid)?.0).map_err(SurveyError::Uuid)?,
            control_mode,
            provisioning_state,
            local_system_account: ask_on(&mut pthi, &GetLocalSystemAccount)?,
            certificate_hashes: certificate_hashes(&mut pthi)?,
            dns_suffix: unless_refused(ask_on(&mut pthi, &GetPkiFqdnSuffix))?.and_then(|suffix| cleaned(&suffix.0)),
            wired: unless_refused(ask_on(&mut pthi, &GetLanInterfaceSettings(LanInterface::Wired)))?,
            wireless: unless_refused(ask_on(&mut pthi, &GetLanInterfaceSettings(LanInterface::Wireless)))?,
            local_tls: if tls { LocalTls::Enforced } else { LocalTls::NotEnforced },
        })
    }
}

fn certificate_hashes(pthi: &mut impl MeiConnection) -> Result<Vec<CertificateHashEntry>, AskError> {
    let mut entries = Vec::new();
    for &handle in ask_on(pthi, &EnumerateHashHandles)?.as_slice() {
        match ask_on(pthi, &GetCertHashEntry(handle)) {
            Ok(entry) => entries.push(entry),
            Err(AskError::Answer { source: AnswerError::Unknown { got, .. }, .. }) => {
                tracing::warn!(handle = handle.0, algorithm = got, "left out a root hash of an unknown algorithm");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(entries)
}

fn unless_refused<A>(answer: Result<A, AskError>) -> Result<Option<A>, AskError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(AskError::Answer { source: AnswerError::Refused(status), question }) => {
            tracing::debug!(?question, %status, "the firmware has none");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The MEBx does not always let people clear the suffix, so they write white space or a dot (rpc-go.md §2).
fn cleaned(suffix: &str) -> Option<String> {
    let suffix = suffix.trim();
    let suffix = suffix.strip_suffix('.').unwrap_or(suffix);
    (!suffix.is_empty()).then(|| suffix.to_owned())
}
