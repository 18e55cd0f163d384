//! Which passwords a device may have. The passwords themselves are the store's; here they are numbers.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// A password's number in the store. A number that the store meets for the first time is its order to
/// make the password, in the same transaction (G2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PasswordId(pub u16);

/// What is known of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PasswordState {
    /// It is about to be set: the device may have it or not.
    Intended,
    /// The device has taken it.
    Confirmed,
    /// A newer one was confirmed. Kept, because a device can be restored to an older state.
    Retired,
}

/// One password of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Password {
    /// Its number in the store.
    pub id: PasswordId,
    /// What is known of it.
    pub state: PasswordState,
    /// Whether it is set and used where somebody else may listen, from the beginning or never: then it is a one-off, and
    /// the first pinned session replaces it (design.md §3).
    pub exposed: bool,
}

/// A device's admin passwords, oldest first, never more than [`Passwords::KEPT`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Passwords(Vec<Password>);

impl Passwords {
    /// None yet.
    pub const NONE: Self = Self(Vec::new());

    /// How many are kept. The oldest retired one makes room for a new one.
    pub const KEPT: usize = 6;

    /// How many a device is tried with before we stop, lest the account be locked (wsman.md §1.6).
    pub const TRIED: usize = 3;

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Password> {
        self.0.iter()
    }

    /// Whether the device was never given one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one with that number.
    pub fn get(&self, id: PasswordId) -> Option<&Password> {
        self.0.iter().find(|password| password.id == id)
    }

    /// The newest one that is only intended.
    pub fn intended(&self) -> Option<&Password> {
        self.0.iter().rev().find(|password| password.state == PasswordState::Intended)
    }

    /// The one that the device has taken.
    pub fn confirmed(&self) -> Option<&Password> {
        self.0.iter().find(|password| password.state == PasswordState::Confirmed)
    }

    /// Those to log in with, the likeliest first: intended ones from the newest back, the confirmed one,
    /// retired ones from the newest back. At most [`Passwords::TRIED`].
    pub fn candidates(&self) -> impl Iterator<Item = &Password> {
        self.candidates_where(|_| true)
    }

    /// The same of those that may be used: one that may not takes no try away.
    pub(crate) fn candidates_where(&self, usable: impl Fn(&Password) -> bool) -> impl Iterator<Item = &Password> {
        [PasswordState::Intended, PasswordState::Confirmed, PasswordState::Retired]
            .into_iter()
            .flat_map(|state| self.0.iter().rev().filter(move |password| password.state == state))
            .filter(move |password| usable(password))
            .take(Self::TRIED)
    }

    /// The password that a person would be told: confirmed, else the newest intended.
    pub fn current(&self) -> Option<&Password> {
        self.confirmed().or_else(|| self.intended())
    }

    pub(super) fn add(&mut self, exposed: bool) {
        let id = PasswordId(self.0.last().map_or(0, |newest| newest.id.0.wrapping_add(1)));
        if self.0.len() >= Self::KEPT {
            // The confirmed one is never dropped: it may be the one that the device has.
            let oldest = self.0.iter().position(|password| password.state != PasswordState::Confirmed);
            oldest.map(|at| self.0.remove(at));
        }
        self.0.push(Password { id, state: PasswordState::Intended, exposed });
    }

    pub(super) fn confirm(&mut self, id: PasswordId) {
        for password in &mut self.0 {
            password.state = if password.id == id { PasswordState::Confirmed } else { PasswordState::Retired };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_intended_is_tried_first_and_the_list_is_bounded() {
        let mut passwords = Passwords::NONE;
        passwords.add(false);
        passwords.confirm(PasswordId(0));
        for _ in 0..10 {
            passwords.add(false);
        }
        assert_eq!(passwords.0.len(), Passwords::KEPT);
        assert_eq!(passwords.confirmed().map(|p| p.id), Some(PasswordId(0)), "never dropped");
        let tried: Vec<u16> = passwords.candidates().map(|p| p.id.0).collect();
        assert_eq!(tried, [10, 9, 8]);
    }

    #[test]
    fn a_confirmed_password_retires_the_others() {
        let mut passwords = Passwords::NONE;
        passwords.add(true);
        passwords.add(false);
        passwords.confirm(PasswordId(1));
        assert_eq!(passwords.current().map(|p| p.id), Some(PasswordId(1)));
        assert_eq!(passwords.candidates().map(|p| p.id.0).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn what_may_not_be_used_takes_no_try_away() {
        let mut passwords = Passwords::NONE;
        passwords.add(true);
        for _ in 0..Passwords::TRIED {
            passwords.add(false);
        }
        let given_away: Vec<u16> = passwords.candidates_where(|password| password.exposed).map(|p| p.id.0).collect();
        assert_eq!(given_away, [0]);
        assert_eq!(passwords.candidates().count(), Passwords::TRIED);
    }
}
