//! A key for the device to show, made by the device, its hash durable before anything can make it show
//! that key (G3). Shared by activation and rotation.

use super::Stage;
use crate::channel::Connected;
use crate::identity::SpkiHash;
use crate::record::{Intent, KeyMark, Pin, PinDurable};
use crate::request::{CertificateHandle, KeyPair, Request, StoredCertificate};
use crate::session::{Session, Want};

impl<S: Stage, C: Connected> Session<S, C> {
    /// The pin of the device's next key, durable.
    ///
    /// *Creates* (G6): what is there is looked at first. A key is ours if it is the intended one, or if
    /// it came after our mark; whoever else may have put one there, it is not adopted.
    pub(super) fn keyed(&self) -> Result<PinDurable, Want> {
        self.strong_enough()?;
        let keys = self.key_pairs()?;
        if let Some(intended) = self.intended_key(keys) {
            return self.intend_pin(intended);
        }
        let Some(mark) = &self.record().keying else {
            let known = keys.iter().map(|key| key.handle.clone()).collect();
            return Err(Want::Intend(Intent::Generate(KeyMark { known, provenance: self.learnt() })));
        };
        match keys.iter().find(|key| !mark.known.contains(&key.handle)) {
            Some(new) => self.intend_pin(Pin { spki: new.spki, provenance: mark.provenance }),
            // It said that it made one, and lists none: look again over a fresh channel.
            None if self.facts().generated => Err(Want::Reopen),
            None => Err(self.ask(Request::GenerateKeyPair(self.context.report.version.suite()))),
        }
    }

    /// A pin is as good as the weakest channel that its key was handled over.
    pub(super) fn intend_pin(&self, pin: Pin) -> Result<PinDurable, Want> {
        let pin = Pin { provenance: pin.provenance.min(self.learnt()), ..pin };
        let durable = self.ledger().pin_durable().filter(|_| self.record().pins.intended == Some(pin));
        durable.ok_or(Want::Intend(Intent::IntendPin(pin)))
    }

    fn intended_key(&self, keys: &[KeyPair]) -> Option<Pin> {
        let intended = self.record().pins.intended?;
        keys.iter().any(|key| key.spki == intended.spki).then_some(intended)
    }

    /// Whether a key is one that we made the device show, or are about to.
    pub(super) fn is_ours(&self, spki: SpkiHash) -> bool {
        let pins = self.record().pins;
        [pins.confirmed, pins.intended].into_iter().flatten().any(|pin| pin.spki == spki)
    }

    pub(super) fn key_pairs(&self) -> Result<&[KeyPair], Want> {
        self.facts().keys.as_deref().ok_or_else(|| self.ask(Request::ReadKeyPairs))
    }

    pub(super) fn certificates(&self) -> Result<&[StoredCertificate], Want> {
        self.facts().certificates.as_deref().ok_or_else(|| self.ask(Request::ReadCertificates))
    }

    pub(super) fn credential_context(&self) -> Result<Option<&CertificateHandle>, Want> {
        let context = self.facts().context.as_ref();
        context.map(Option::as_ref).ok_or_else(|| self.ask(Request::ReadCredentialContext))
    }
}
