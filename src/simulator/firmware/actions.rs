//! What can be asked of the simulated firmware, by name.

use std::fmt;
use std::str::FromStr;

use super::Class;
use crate::wsman::Call;

/// One thing that can be asked, such as `AMT_PublicKeyManagementService.GenerateKeyPair`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    class: Class,
    name: &'static str,
}

/// A text that names nothing which this firmware can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownAction {
    /// No class of that name.
    #[error("there is no class `{0}`: expected one of {classes}", classes = classes())]
    Class(String),
    /// The class cannot be asked that.
    #[error("{class} has no `{name}`: expected one of {known}", class = class.name(), known = names(*class).join(", "))]
    Name {
        /// The class.
        class: Class,
        /// What was asked of it.
        name: String,
    },
}

impl Action {
    /// Making a key pair takes long on every firmware.
    pub const GENERATE_KEY_PAIR: Self = Self { class: Class::PublicKeyManagementService, name: "GenerateKeyPair" };
    /// Putting settings in force.
    pub const COMMIT_CHANGES: Self = Self { class: Class::SetupAndConfigurationService, name: "CommitChanges" };
    /// The password at the machine itself.
    pub const SET_MEBX_PASSWORD: Self = Self { class: Class::SetupAndConfigurationService, name: "SetMEBxPassword" };
    /// To CCM.
    pub const SETUP: Self = Self { class: Class::HostBasedSetupService, name: "Setup" };
    /// From CCM to ACM.
    pub const UPGRADE: Self = Self { class: Class::HostBasedSetupService, name: "UpgradeClientToAdmin" };

    /// All actions.
    pub fn all() -> impl Iterator<Item = Self> {
        Class::all().flat_map(|class| names(class).into_iter().map(move |name| Self { class, name }))
    }

    /// What `call` asks; `None` if this firmware does not have it.
    pub fn of(call: &Call) -> Option<Self> {
        let class = Class::of(&call.resource)?;
        Self::named(class, call.verb())
    }

    fn named(class: Class, name: &str) -> Option<Self> {
        let name = names(class).into_iter().find(|known| *known == name)?;
        Some(Self { class, name })
    }
}

/// What a class can be asked: to be read, as all of them, and more.
fn names(class: Class) -> Vec<&'static str> {
    let more: &[_] = match class {
        Class::AuthorizationService => &["SetAdminAclEntryEx"],
        Class::GeneralSettings | Class::TlsSettingData => &["Put"],
        Class::PublicKeyCertificate | Class::PublicPrivateKeyPair => &["Delete"],
        Class::PublicKeyManagementService => &["GenerateKeyPair", "AddCertificate", "AddTrustedRootCertificate"],
        Class::SetupAndConfigurationService => &["GetUuid", "CommitChanges", "SetMEBxPassword", "Unprovision"],
        Class::TimeSynchronizationService => &["GetLowAccuracyTimeSynch", "SetHighAccuracyTimeSynch"],
        Class::TlsCredentialContext => &["Put", "Create", "Delete"],
        Class::ConcreteDependency => &[],
        Class::HostBasedSetupService => &["Setup", "AddNextCertInChain", "AdminSetup", "UpgradeClientToAdmin"],
    };
    ["Get", "Enumerate", "Pull"].iter().chain(more).copied().collect()
}

fn classes() -> String {
    Class::all().map(Class::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let (class, name) = text.split_once('.').unwrap_or((text, ""));
        let known = Class::all().find(|known| known.name() == class);
        let class = known.ok_or_else(|| UnknownAction::Class(class.to_owned()))?;
        Self::named(class, name).ok_or_else(|| UnknownAction::Name { class, name: name.to_owned() })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.class.name(), self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_found_by_name_and_unknown_ones_list_what_there_is() {
        for action in Action::all() {
            assert_eq!(action.to_string().parse(), Ok(action));
        }
        let refused = |text: &str| text.parse::<Action>().unwrap_err().to_string();
        let error = refused("AMT_Nothing.Get");
        assert!(error.contains("`AMT_Nothing`") && error.contains("IPS_HostBasedSetupService"), "{error}");
        for text in ["IPS_HostBasedSetupService.Upgrade", "IPS_HostBasedSetupService"] {
            let error = refused(text);
            assert!(error.contains("UpgradeClientToAdmin") && !error.contains("GenerateKeyPair"), "{error}");
        }
    }
}
