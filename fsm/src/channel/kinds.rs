//! The channel types themselves. Their fields are the evidence; nothing outside this crate can fill them.

use core::marker::PhantomData;

use super::names::sealed::Sealed;
use super::names::{Channel, ChannelName};
use super::secrecy::{Carries, OneOff, PasswordKind, Public, Real};
use crate::identity::{RomCaHash, SpkiHash};
use crate::record::{Pin, Provenance};

/// A channel that requests can be sent on.
pub trait Connected: Channel + Carries<Public> + Carries<<Self as Connected>::Password> {
    /// The kind of admin password that may be set and used here.
    type Password: PasswordKind;

    /// How well a key that is made over this channel is known.
    fn provenance(&self) -> Provenance;

    /// The device's ROM-CA hash, where this session's handshake proved it.
    fn rom_ca(&self) -> Option<RomCaHash> {
        None
    }
}

/// A channel to a device whose certificate is not ours yet.
pub trait Unpinned: Connected {}

/// A channel on which the device has shown the key whose hash we stored.
pub trait PinnedChannel: Connected {
    /// The pin that matched.
    fn pin(&self) -> Pin;
}

/// No channel: the device is being asked for, or the run has ended.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Unconnected;

/// Plain text on 16992.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Plain(pub(crate) ());

/// TLS to a key that an ODCA chain vouched for in this very session.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Odca {
    pub(super) rom_ca: RomCaHash,
}

/// TLS to the device's default key, whose hash was read inside an ODCA session before that ended.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Interim {
    pub(super) spki: SpkiHash,
}

/// TLS to a self-signed key that nobody vouches for.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Provisional {
    pub(super) spki: SpkiHash,
}

/// TLS to the key whose hash we stored; `A` says how that hash was learnt.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct Pinned<A: Assurance> {
    pub(super) pin: Pin,
    pub(super) assurance: PhantomData<A>,
}

/// How a stored pin was learnt: [`Proven`] or [`FirstUse`].
pub trait Assurance: Sealed {
    /// The name of the pinned channel of this assurance.
    const CHANNEL: ChannelName;
}

/// Every session from key generation to commit was ODCA, interim, or already pinned and proven.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proven {}

/// Some session on the way was plain text or to a self-signed key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FirstUse {}

impl Assurance for Proven {
    const CHANNEL: ChannelName = ChannelName::PinnedProven;
}
impl Assurance for FirstUse {
    const CHANNEL: ChannelName = ChannelName::PinnedFirstUse;
}

macro_rules! channels {
    ($($channel:ty: $name:expr;)+) => {
        $(impl Sealed for $channel {}
        impl Channel for $channel {
            const NAME: ChannelName = $name;
        })+
    };
}

channels! {
    Unconnected: ChannelName::Unconnected;
    Plain: ChannelName::Plain;
    Odca: ChannelName::Odca;
    Interim: ChannelName::Interim;
    Provisional: ChannelName::Provisional;
}
impl Sealed for Proven {}
impl Sealed for FirstUse {}
impl<A: Assurance> Sealed for Pinned<A> {}
impl<A: Assurance> Channel for Pinned<A> {
    const NAME: ChannelName = A::CHANNEL;
}

impl Connected for Plain {
    type Password = OneOff;
    fn provenance(&self) -> Provenance {
        Provenance::FirstUse
    }
}

impl Connected for Odca {
    type Password = Real;
    fn provenance(&self) -> Provenance {
        Provenance::Odca
    }
    fn rom_ca(&self) -> Option<RomCaHash> {
        Some(self.rom_ca)
    }
}

impl Connected for Interim {
    type Password = Real;
    fn provenance(&self) -> Provenance {
        Provenance::OdcaInterim
    }
}

impl Connected for Provisional {
    type Password = OneOff;
    fn provenance(&self) -> Provenance {
        Provenance::Provisional
    }
}

impl<A: Assurance> Connected for Pinned<A> {
    type Password = Real;
    fn provenance(&self) -> Provenance {
        self.pin.provenance
    }
}

impl Unpinned for Plain {}
impl Unpinned for Odca {}
impl Unpinned for Interim {}
impl Unpinned for Provisional {}

impl<A: Assurance> PinnedChannel for Pinned<A> {
    fn pin(&self) -> Pin {
        self.pin
    }
}

impl Interim {
    /// The hash of the default key that the handshake showed.
    pub const fn spki(&self) -> SpkiHash {
        self.spki
    }
}

impl Provisional {
    /// The hash of the self-signed key that the handshake showed.
    pub const fn spki(&self) -> SpkiHash {
        self.spki
    }
}
