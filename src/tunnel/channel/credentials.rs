//! The passwords behind the numbers that the core knows.

use amt_provision_fsm::record::PasswordId;
use amt_provision_fsm::request::Login;

use super::AskError;
use crate::http::digest::Account;
use crate::password::Password;
use crate::secret::Secret;

/// The user name of the administrator, whose password the server sets.
pub(super) const ADMIN: &str = "admin";

/// The passwords of one device. The channel looks them up when a request needs them.
pub trait Credentials {
    /// The password of `admin` with that number.
    fn admin_password(&self, id: PasswordId) -> Option<&Password>;

    /// The MEBx password with that number.
    fn mebx_password(&self, id: PasswordId) -> Option<&Password>;

    /// The password of `admin` on a device that somebody else provisioned, where the operator gave one.
    fn given(&self) -> Option<&Password> {
        None
    }

    /// The account that the firmware gave to the relay, as the relay reported it last.
    fn local_system(&self) -> Option<LocalSystem<'_>>;
}

/// The local system account (wsman.md §1.6).
#[derive(Clone, Copy, Debug)]
pub struct LocalSystem<'a> {
    /// Its name: `$$OsAdmin`.
    pub username: &'a str,
    /// Its password, which the firmware made.
    pub password: &'a Secret,
}

/// What `login` logs in with.
pub(super) fn account(login: Login, credentials: &dyn Credentials) -> Result<Account, AskError> {
    match login {
        Login::LocalSystem => {
            let LocalSystem { username, password } = credentials.local_system().ok_or(AskError::NoLocalSystem)?;
            Ok(Account::new(username, password.expose()))
        }
        Login::Admin(id) => Ok(Account::new(ADMIN, admin(id, credentials)?.expose())),
        Login::Given => Ok(Account::new(ADMIN, credentials.given().ok_or(AskError::NoGivenPassword)?.expose())),
    }
}

/// The password of `admin` with that number.
pub(super) fn admin(id: PasswordId, credentials: &dyn Credentials) -> Result<&Password, AskError> {
    credentials.admin_password(id).ok_or(AskError::NoPassword(id))
}
