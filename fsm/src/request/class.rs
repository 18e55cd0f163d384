//! What a lost reply means (G6).

use core::fmt;

use serde::{Deserialize, Serialize};

/// The classes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Changes nothing: ask again.
    Read,
    /// Once per observation: ask again only after a fresh look, over a fresh channel with the old one
    /// closed, showed "not applied".
    Once(Once),
    /// Makes something: enumerate first, and adopt what is there.
    Creates,
    /// Changes the password: log in with the new one, else with the old.
    Password,
    /// Cannot be read back: repeat the same value.
    Unobservable,
    /// May be repeated, on a budget: every time wears the flash (wsman.md §2.20, code 38).
    Repeatable,
}

/// The requests that must not be applied twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Once {
    /// `Setup`.
    Setup,
    /// `UpgradeClientToAdmin`; a repetition can hang the firmware (odca.md §0).
    Upgrade,
    /// `Unprovision`.
    Unprovision,
}

impl Once {
    /// How often one run may send it.
    pub const BUDGET: u8 = 3;

    /// The request's name on the wire.
    pub const fn request_name(self) -> &'static str {
        match self {
            Self::Setup => "IPS_HostBasedSetupService.Setup",
            Self::Upgrade => "IPS_HostBasedSetupService.UpgradeClientToAdmin",
            Self::Unprovision => "AMT_SetupAndConfigurationService.Unprovision",
        }
    }
}

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Setup => "Setup",
            Self::Upgrade => "UpgradeClientToAdmin",
            Self::Unprovision => "Unprovision",
        })
    }
}
