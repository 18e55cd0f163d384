//! Where a device's passwords come from.

use std::fmt;

use amt_provision_fsm::record::Password as Mark;
use rustls::crypto::SecureRandom;

use crate::password::{GenerateError, Password, PasswordLength};

/// The two accounts whose passwords we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The digest account `admin`.
    Admin,
    /// The MEBx, at the device's keyboard.
    Mebx,
}

impl Account {
    /// The account's name in the store.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Mebx => "mebx",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Admin, Self::Mebx].into_iter().find(|account| account.name() == name)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Mebx => "MEBx",
        })
    }
}

/// What a profile says about one account's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordChoice {
    /// A random one for each device.
    Random(PasswordLength),
    /// The same for all devices.
    Fixed(Password),
}

impl Default for PasswordChoice {
    fn default() -> Self {
        Self::Random(PasswordLength::default())
    }
}

/// Makes the passwords that a record orders (`PasswordId`): random ones, or the profile's fixed one.
///
/// A password that will be given away is a random one-off whatever the profile says (design.md §3), so a fixed
/// one is never set where somebody else may be listening (G1).
#[derive(Clone, Debug)]
pub struct PasswordSource {
    admin: PasswordChoice,
    mebx: PasswordChoice,
    random: &'static dyn SecureRandom,
}

impl PasswordSource {
    /// The source for one profile.
    pub const fn new(admin: PasswordChoice, mebx: PasswordChoice, random: &'static dyn SecureRandom) -> Self {
        Self { admin, mebx, random }
    }

    /// The passwords that are the same for all devices.
    #[cfg(feature = "sim")]
    pub(crate) fn fixed(&self) -> impl Iterator<Item = (Account, &Password)> {
        [(Account::Admin, &self.admin), (Account::Mebx, &self.mebx)].into_iter().filter_map(|(account, choice)| {
            match choice {
                PasswordChoice::Fixed(password) => Some((account, password)),
                PasswordChoice::Random(_) => None,
            }
        })
    }

    /// The password for that mark.
    ///
    /// # Errors
    /// [`GenerateError`]: the random source failed.
    pub(crate) fn make(&self, account: Account, mark: &Mark) -> Result<Password, GenerateError> {
        let choice = match account {
            Account::Admin => &self.admin,
            Account::Mebx => &self.mebx,
        };
        match choice {
            PasswordChoice::Fixed(password) if !mark.exposed => Ok(password.clone()),
            PasswordChoice::Fixed(_) => Password::generate(PasswordLength::default(), self.random),
            PasswordChoice::Random(length) => Password::generate(*length, self.random),
        }
    }
}
