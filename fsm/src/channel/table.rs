//! Which secret may travel on which channel: the second half of design.md §3's channel table, as trait
//! implementations. A request that needs more than its channel may carry does not compile (G1).

use core::fmt;
use core::marker::PhantomData;

use super::kinds::{Assurance, Connected, FirstUse, Interim, Odca, Pinned, Plain, Proven, Provisional};
use super::names::Channel;
use super::secrecy::{Authority, Carries, OneOff, Public, Real};
use crate::policy::FirstUseTrust;

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
    use crate::identity::SpkiHash;
    use crate::record::{Pin, Provenance};

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
