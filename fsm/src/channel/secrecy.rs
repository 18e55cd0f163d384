//! What a request gives away, by class: a channel carries some of them and not others.

use core::marker::PhantomData;

use super::names::Channel;
use super::names::sealed::Sealed;
use crate::record::{Password, PasswordId};

/// How much a request gives away to whoever is at the other end. Sealed: [`Public`], [`OneOff`],
/// [`Real`], [`Authority`].
pub trait Secrecy: Sealed {}

/// Nothing that is worth stealing: reads, certificates, TLS settings.
#[derive(Debug)]
pub enum Public {}

/// A random one-off admin password, which the first pinned session replaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OneOff {}

/// The admin password that stays.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Real {}

/// What outlives the device: the ACM signature (which covers only the two nonces and can be replayed
/// to another device), the MEBx password, network and CIRA secrets.
#[derive(Debug)]
pub enum Authority {}

impl Sealed for Public {}
impl Sealed for OneOff {}
impl Sealed for Real {}
impl Sealed for Authority {}
impl Secrecy for Public {}
impl Secrecy for OneOff {}
impl Secrecy for Real {}
impl Secrecy for Authority {}

/// The channel may carry secrets of class `K`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` may not carry `{K}`",
    label = "this request gives away `{K}`",
    note = "ARCHITECTURE.md lists what each channel may carry; a stronger channel comes first"
)]
pub trait Carries<K: Secrecy>: Channel {}

/// The kind of an admin password: [`OneOff`] or [`Real`].
pub trait PasswordKind: Secrecy {
    /// Whether using a password on a channel of this kind gives it away.
    const EXPOSES: bool;
}

impl PasswordKind for OneOff {
    const EXPOSES: bool = true;
}
impl PasswordKind for Real {
    const EXPOSES: bool = false;
}

/// A stored admin password that may be used as kind `K`. The core never sees a password, only its
/// number in the store (G12).
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct PasswordRef<K> {
    id: PasswordId,
    kind: PhantomData<K>,
}

impl<K> Clone for PasswordRef<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for PasswordRef<K> {}

impl<K: PasswordKind> PasswordRef<K> {
    /// `password` as kind `K`; `None` where using it so would give away one that is not yet written
    /// down as given away.
    pub(crate) fn of(password: &Password) -> Option<Self> {
        (password.exposed || !K::EXPOSES).then_some(Self { id: password.id, kind: PhantomData })
    }

    /// The password's number in the store.
    pub const fn id(self) -> PasswordId {
        self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PasswordState;

    #[test]
    fn g1_a_password_is_used_where_it_is_given_away_only_when_it_is_written_down_as_given_away() {
        let password = |exposed| Password { id: PasswordId(7), state: PasswordState::Intended, exposed };
        assert!(PasswordRef::<OneOff>::of(&password(false)).is_none());
        assert_eq!(PasswordRef::<OneOff>::of(&password(true)).map(PasswordRef::id), Some(PasswordId(7)));
        assert_eq!(PasswordRef::<Real>::of(&password(false)).map(PasswordRef::id), Some(PasswordId(7)));
        assert!(PasswordRef::<Real>::of(&password(true)).is_some(), "the first pinned session logs in with it");
    }
}
