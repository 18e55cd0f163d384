//! The password that stays: the first write on a pinned session replaces one that was given away.

use super::Stage;
use crate::channel::{Carries, Connected, PasswordRef, Real};
use crate::record::{Intent, PasswordState};
use crate::request::NewPassword;
use crate::session::{Session, Want};

impl<S: Stage, C: Connected + Carries<Real>> Session<S, C> {
    /// The device's password is one that nobody has listened to. A change that was begun is finished, so
    /// that the newest password of the store is the device's (G6, *Password*).
    pub(super) fn password_kept(&self) -> Result<(), Want> {
        let admin = &self.record().admin;
        let given_away = admin.confirmed().is_none_or(|password| password.exposed);
        let intended = admin.iter().next_back().filter(|newest| newest.state == PasswordState::Intended);
        match intended.and_then(|newest| PasswordRef::<Real>::of(newest).filter(|_| !newest.exposed)) {
            Some(password) => Err(Want::Ask(self.request(NewPassword::<Real>::new(password, self.realm()?)))),
            None if given_away => Err(Want::Intend(Intent::ChangePassword)),
            None => Ok(()),
        }
    }
}
