//! Which secret may travel on which channel: the second half of design.md §3's channel table, as trait
//! implementations. A request that needs more than its channel may carry does not compile (G1).

use core::fmt;
use core::marker::PhantomData;

use super::kinds::sealed::Sealed;
use super::kinds::{Assurance, Channel, Connected, FirstUse, Interim, Odca, Pinned, Plain, Proven, Provisional};
use crate::policy::FirstUseTrust;
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

impl Carries<Public> for Plain {}
impl Carries<Public> for Odca {}
impl Carries<Public> for Interim {}
impl Carries<Public> for Provisional {}
impl<A: Assurance> Carries<Public> for Pinned<A> {}

impl Carries<OneOff> for Plain {}
impl Carries<OneOff> for Odca {}
impl Carries<OneOff> for Interim {}
impl Carries<OneOff> for Provisional {}
impl<A: Assurance> Carries<OneOff> for Pinned<A> {}

impl Carries<Real> for Odca {}
impl Carries<Real> for Interim {}
impl<A: Assurance> Carries<Real> for Pinned<A> {}

impl Carries<Authority> for Pinned<Proven> {}

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

/// The right to send [`Authority`] on a channel of type `C`.
pub struct Grant<C>(PhantomData<C>);

impl<C: Channel> fmt::Debug for Grant<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grant({})", C::NAME)
    }
}

/// A profile's word that a pin learnt at first use is enough. Only
/// [`TrustFirstUse::by_profile`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrustFirstUse(());

impl TrustFirstUse {
    /// The profile's word, if it gave it.
    pub const fn by_profile(trust: FirstUseTrust) -> Option<Self> {
        match trust {
            FirstUseTrust::Trusted => Some(Self(())),
            FirstUseTrust::NotTrusted => None,
        }
    }
}

impl<A: Assurance> Pinned<A> {
    /// The right to send authority here, where the type alone gives it.
    pub const fn grant(&self) -> Grant<Self>
    where
        Self: Carries<Authority>,
    {
        Grant(PhantomData)
    }
}

impl Pinned<FirstUse> {
    /// The right to send authority here, by the profile's word.
    pub const fn grant_by(&self, _word: TrustFirstUse) -> Grant<Self> {
        Grant(PhantomData)
    }
}

/// A pinned channel's answer to "may I send authority?".
pub trait Grants: Connected + Sized {
    /// The right to send authority here, if the channel or the profile gives it.
    fn authority(&self, trust: FirstUseTrust) -> Option<Grant<Self>>;
}

impl Grants for Pinned<Proven> {
    fn authority(&self, _trust: FirstUseTrust) -> Option<Grant<Self>> {
        Some(self.grant())
    }
}

impl Grants for Pinned<FirstUse> {
    fn authority(&self, trust: FirstUseTrust) -> Option<Grant<Self>> {
        TrustFirstUse::by_profile(trust).map(|word| self.grant_by(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{PasswordState, Provenance};
    use crate::{identity::SpkiHash, record::Pin};

    #[test]
    fn g1_a_password_is_used_where_it_is_given_away_only_when_it_is_written_down_as_given_away() {
        let password = |exposed| Password { id: PasswordId(7), state: PasswordState::Intended, exposed };
        assert!(PasswordRef::<OneOff>::of(&password(false)).is_none());
        assert_eq!(PasswordRef::<OneOff>::of(&password(true)).map(PasswordRef::id), Some(PasswordId(7)));
        assert_eq!(PasswordRef::<Real>::of(&password(false)).map(PasswordRef::id), Some(PasswordId(7)));
        assert!(PasswordRef::<Real>::of(&password(true)).is_some(), "the first pinned session logs in with it");
    }

    #[test]
    fn g1_authority_over_a_first_use_pin_takes_the_profiles_word_and_over_a_proven_one_none() {
        let pin = |provenance| Pin { spki: SpkiHash::from_bytes([1; 32]), provenance };
        let first_use = Pinned::<FirstUse> { pin: pin(Provenance::FirstUse), assurance: PhantomData };
        assert!(first_use.authority(FirstUseTrust::NotTrusted).is_none());
        assert!(first_use.authority(FirstUseTrust::Trusted).is_some());
        let proven = Pinned::<Proven> { pin: pin(Provenance::Odca), assurance: PhantomData };
        assert!(proven.authority(FirstUseTrust::NotTrusted).is_some());
    }
}
