//! The typed front of a [`Request`]: each names the secrets that it gives away, and
//! [`Session::request`](crate::session::Session::request) takes it only where the channel carries them.

use super::{DigestRealm, FirmwareNonce, Once, Request};
use crate::channel::{Authority, PasswordKind, PasswordRef, Public, Secrecy};
use crate::record::{DoubtDurable, PasswordId};

/// A request that knows what it gives away.
pub trait Ask {
    /// What it gives away.
    type Gives: Secrecy;

    /// The request itself.
    fn erase(self) -> Request;
}

/// A request that gives nothing away.
#[derive(Debug)]
pub struct Plainly(Request);

impl Plainly {
    /// `request`, if it gives nothing away and is not one that must be marked first; else `None`.
    pub fn new(request: Request) -> Option<Self> {
        match request {
            Request::Setup { .. }
            | Request::UpgradeClientToAdmin { .. }
            | Request::AddChainCertificate { .. }
            | Request::SetAdminPassword { .. }
            | Request::SetMebxPassword(_)
            | Request::Unprovision => None,
            request => Some(Self(request)),
        }
    }

    /// `Unprovision`, once its doubt is durable.
    pub fn unprovision(doubt: &DoubtDurable) -> Option<Self> {
        (doubt.once() == Once::Unprovision).then_some(Self(Request::Unprovision))
    }
}

impl Ask for Plainly {
    type Gives = Public;

    fn erase(self) -> Request {
        self.0
    }
}

/// `Setup`: the HA1 that it carries is as good as the password.
#[derive(Debug)]
pub struct Setup<K> {
    password: PasswordRef<K>,
    realm: DigestRealm,
}

impl<K: PasswordKind> Setup<K> {
    /// `Setup` with `password`, once its doubt is durable (G2); `None` with the doubt of another request.
    pub fn new(password: PasswordRef<K>, realm: DigestRealm, doubt: &DoubtDurable) -> Option<Self> {
        (doubt.once() == Once::Setup).then_some(Self { password, realm })
    }
}

impl<K: PasswordKind> Ask for Setup<K> {
    type Gives = K;

    fn erase(self) -> Request {
        Request::Setup { password: self.password.id(), realm: self.realm }
    }
}

/// `SetAdminAclEntryEx`: the HA1 that it carries is as good as the password.
#[derive(Debug)]
pub struct NewPassword<K> {
    password: PasswordRef<K>,
    realm: DigestRealm,
}

impl<K: PasswordKind> NewPassword<K> {
    /// The change to `password`.
    pub const fn new(password: PasswordRef<K>, realm: DigestRealm) -> Self {
        Self { password, realm }
    }
}

impl<K: PasswordKind> Ask for NewPassword<K> {
    type Gives = K;

    fn erase(self) -> Request {
        Request::SetAdminPassword { password: self.password.id(), realm: self.realm }
    }
}

/// The way to ACM: the provisioning chain, and then the signature that goes with it. The firmware takes
/// the chain in the digest session of the nonce (wsman.md §2.1).
#[derive(Debug)]
pub struct Upgrade(Request);

impl Upgrade {
    /// The certificate at `index` of the provisioning chain, the leaf being 0.
    pub const fn chain_certificate(index: u8) -> Self {
        Self(Request::AddChainCertificate { index })
    }

    /// The signature over the firmware's `nonce` and ours, once its doubt is durable.
    pub fn signature(nonce: FirmwareNonce, doubt: &DoubtDurable) -> Option<Self> {
        (doubt.once() == Once::Upgrade).then_some(Self(Request::UpgradeClientToAdmin { nonce }))
    }
}

impl Ask for Upgrade {
    type Gives = Authority;

    fn erase(self) -> Request {
        self.0
    }
}

/// `SetMEBxPassword`, which the firmware takes in ACM only.
#[derive(Debug)]
pub struct Mebx(PasswordId);

impl Mebx {
    /// The MEBx password with that number.
    pub const fn new(password: PasswordId) -> Self {
        Self(password)
    }
}

impl Ask for Mebx {
    type Gives = Authority;

    fn erase(self) -> Request {
        Request::SetMebxPassword(self.0)
    }
}
