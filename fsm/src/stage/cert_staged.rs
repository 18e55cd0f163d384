//! CertStaged: certificate, credential context, clock and TLS settings go onto the device; the commit
//! makes it show its new key and ends the session.

use super::{Stage, TcpOpen};
use crate::channel::{Connected, Unconnected};
use crate::edges::Next;
use crate::firmware::ControlMode;
use crate::policy::Order;
use crate::record::PinDurable;
use crate::request::{CertificateHandle, Request, TlsInterface};
use crate::session::{AnySession, Session, Step, Want};

/// The hash of the key that the device is to show is durable.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "sim", derive(Clone))]
pub struct CertStaged {
    pub(super) pin: PinDurable,
}

impl CertStaged {
    /// The durable pin.
    pub const fn pin(&self) -> &PinDurable {
        &self.pin
    }
}

impl<C: Connected> Session<CertStaged, C>
where
    Self: Next<TcpOpen, Unconnected>,
    AnySession: From<Self>,
{
    pub(crate) fn step(self) -> Step {
        match self.plan() {
            Ok(()) => Step::Moved(self.disconnect(|_| TcpOpen::new()).into()),
            Err(want) => self.wants(want),
        }
    }

    fn plan(&self) -> Result<(), Want> {
        if self.look()?.mode() == ControlMode::PreProvisioning {
            return Err(self.left_provisioning());
        }
        if self.context.order == Order::Deactivate {
            return Err(Want::Reopen);
        }
        let certificate = self.certified()?;
        self.bound(certificate)?;
        self.clock_set()?;
        self.tls_on()?;
        if self.facts().committed { Ok(()) } else { Err(self.ask(Request::CommitChanges)) }
    }

    /// Our certificate over the intended key is in the device's store: the one that is there already, or
    /// a new one.
    fn certified(&self) -> Result<&CertificateHandle, Want> {
        let spki = self.stage.pin.spki();
        if let Some(certificate) = self.certificates()?.iter().find(|certificate| certificate.spki == spki) {
            return Ok(&certificate.handle);
        }
        match &self.facts().issued {
            Some(issued) => Err(self.ask(Request::AddCertificate(issued.clone()))),
            None => match self.key_pairs()?.iter().find(|key| key.spki == spki) {
                Some(key) => Err(Want::Issue(key.clone())),
                None => Err(Want::Reopen),
            },
        }
    }

    /// The TLS endpoint uses it. While a context exists, only Put may change it (wsman.md §2.7).
    fn bound(&self, certificate: &CertificateHandle) -> Result<(), Want> {
        match self.credential_context()? {
            Some(bound) if bound == certificate => Ok(()),
            Some(_) => Err(self.ask(Request::PutCredentialContext(certificate.clone()))),
            None => Err(self.ask(Request::CreateCredentialContext(certificate.clone()))),
        }
    }

    fn tls_on(&self) -> Result<(), Want> {
        let tls = self.facts().tls.ok_or_else(|| self.ask(Request::ReadTlsSettings))?;
        match (tls.remote, tls.local) {
            (false, _) => Err(self.ask(Request::PutTlsSettings(TlsInterface::Remote))),
            (true, false) => Err(self.ask(Request::PutTlsSettings(TlsInterface::Local))),
            (true, true) => Ok(()),
        }
    }
}

impl<S: Stage, C: Connected> Session<S, C> {
    /// The device's clock is right before a certificate's dates or a signature matter.
    pub(super) fn clock_set(&self) -> Result<(), Want> {
        if self.facts().clock_set { Ok(()) } else { Err(self.ask(Request::SynchronizeClock)) }
    }
}
