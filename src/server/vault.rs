//! The passwords of one device, for as long as its run goes on.

use std::collections::BTreeMap;

use amt_provision_fsm::record::PasswordId;

use crate::password::Password;
use crate::protocol::DeviceReport;
use crate::secret::Secret;
use crate::store::Account;
use crate::tunnel::channel::{Credentials, LocalSystem};

/// The name of the local system account (wsman.md §1.6). A relay that reports another one is not believed.
const LOCAL_SYSTEM: &str = "$$OsAdmin";

/// The passwords that the store has for one device, and the account that its relay reported.
#[derive(Debug, Default)]
pub struct Vault {
    admin: BTreeMap<PasswordId, Password>,
    mebx: BTreeMap<PasswordId, Password>,
    local_system: Option<Secret>,
    given: Option<Password>,
}

impl Vault {
    /// A vault with nothing in it but the local system account of `report`, if it reports one.
    pub fn reported(report: &DeviceReport) -> Self {
        let local_system =
            (report.username == LOCAL_SYSTEM && !report.password.is_empty()).then(|| report.password.clone());
        Self { local_system, ..Self::default() }
    }

    /// Whether this password is there already.
    pub fn has(&self, account: Account, id: PasswordId) -> bool {
        self.of(account).contains_key(&id)
    }

    /// Takes in a password that the store has.
    pub fn insert(&mut self, account: Account, id: PasswordId, password: Password) {
        match account {
            Account::Admin => self.admin.insert(id, password),
            Account::Mebx => self.mebx.insert(id, password),
        };
    }

    /// Takes in the password that the operator gave for a device that is to be adopted.
    pub fn give(&mut self, password: Option<Password>) {
        self.given = password;
    }

    const fn of(&self, account: Account) -> &BTreeMap<PasswordId, Password> {
        match account {
            Account::Admin => &self.admin,
            Account::Mebx => &self.mebx,
        }
    }
}

impl Credentials for Vault {
    fn admin_password(&self, id: PasswordId) -> Option<&Password> {
        self.admin.get(&id)
    }

    fn mebx_password(&self, id: PasswordId) -> Option<&Password> {
        self.mebx.get(&id)
    }

    fn given(&self) -> Option<&Password> {
        self.given.as_ref()
    }

    fn local_system(&self) -> Option<LocalSystem<'_>> {
        self.local_system.as_ref().map(|password| LocalSystem { username: LOCAL_SYSTEM, password })
    }
}
