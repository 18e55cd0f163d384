//! Who may log in: the local system account before provisioning, the admin afterwards (wsman.md §1.6).

use std::fmt;

use amt_provision_fsm::firmware::ControlMode;

use super::instance::{Instance, value};
use super::refusal::Invoked;
use super::{Class, Firmware};
use crate::http::digest::{DigestRealm, Ha1};
use crate::password::Password;
use crate::secret::Secret;
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;

/// The name of the local system account.
pub const LOCAL_SYSTEM_USER: &str = "$$OsAdmin";
/// The name of the only account that provisioning makes.
pub const ADMIN: &str = "admin";

/// The accounts and their secrets. `Debug` shows none of them.
#[derive(Clone)]
pub(super) struct Accounts {
    pub(super) realm: DigestRealm,
    pub(super) local_system: Secret,
    pub(super) admin: Option<Ha1>,
    pub(super) mebx: Option<Secret>,
}

impl Accounts {
    pub(super) const fn new(realm: DigestRealm, local_system: Secret) -> Self {
        Self { realm, local_system, admin: None, mebx: None }
    }

    /// What a user's answer to a challenge is checked against; `None` for a user who cannot log in now.
    pub(super) fn ha1_of(&self, user: &str, mode: ControlMode) -> Option<Ha1> {
        match (user, mode) {
            (LOCAL_SYSTEM_USER, ControlMode::PreProvisioning) => {
                Some(Ha1::new(LOCAL_SYSTEM_USER, &self.realm, self.local_system.expose()))
            }
            (ADMIN, ControlMode::Client | ControlMode::Admin) => self.admin.clone(),
            _ => None,
        }
    }

    /// Whether `password` is the admin's.
    pub(super) fn admin_password_is(&self, password: &str) -> bool {
        self.admin.as_ref() == Some(&Ha1::new(ADMIN, &self.realm, password))
    }

    pub(super) fn forget_provisioning(&mut self) {
        self.admin = None;
        self.mebx = None;
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accounts({})", self.realm)
    }
}

impl Firmware {
    pub(super) fn authorization_service(&self) -> Node {
        let name = "Intel(r) AMT Authorization Service";
        let service = Instance::service(Class::AuthorizationService, name, name);
        service.with("AllowHttpQopAuthOnly", 1).with("EnabledState", 5).with("RequestedState", 12).finish()
    }

    pub(super) fn set_admin_acl_entry_ex(&mut self, input: &Node) -> Invoked {
        if value(input, "Username") != Some(ADMIN) {
            return Err(PtStatus::InvalidName.into());
        }
        let ha1 = value(input, "DigestPassword").and_then(Ha1::from_base64);
        self.accounts.admin = Some(ha1.ok_or(PtStatus::InvalidPassword)?);
        self.counters.passwords += 1;
        Ok(Vec::new())
    }

    pub(super) fn set_mebx_password(&mut self, input: &Node) -> Invoked {
        if self.mode != ControlMode::Admin {
            return Err(PtStatus::NotPermitted.into());
        }
        let password: Password =
            value(input, "Password").unwrap_or_default().parse().map_err(|_| PtStatus::InvalidPassword)?;
        self.accounts.mebx = Some(Secret::from(password.expose().to_owned()));
        self.counters.mebx_passwords += 1;
        Ok(Vec::new())
    }
}
