//! The part that rustls asks, in the middle of the handshake, whether it goes on.

use std::sync::{Arc, OnceLock};

use amt_provision_fsm::identity::SpkiHash;
use amt_provision_fsm::peer::{Expectation, OdcaExpectation, Peer, Unvouched, Voucher};
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::verify_tls13_signature_with_raw_key;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use webpki::RawPublicKeyEntity;

use super::Refusal;
use crate::pki::algorithms::SIGNATURE_ALGORITHMS;
use crate::pki::certificate::CertificateParts;
use crate::pki::odca::{OdcaIdentity, OdcaTrust};
use crate::pki::spki::{KeyKind, spki_hash};

const MIN_RSA_BITS: usize = 2048;

/// Who the peer is, if it then proves possession of the key.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) peer: Peer,
    pub(super) odca: Option<OdcaIdentity>,
}

/// Decides about the peer's certificate by an [`Expectation`] and remembers what it decided.
#[derive(Debug)]
pub(super) struct Verifier {
    expectation: Expectation,
    trust: Arc<OdcaTrust>,
    verdict: OnceLock<Result<Accepted, Refusal>>,
    client_certificate_requested: OnceLock<()>,
}

impl Verifier {
    pub(super) fn new(expectation: Expectation, trust: Arc<OdcaTrust>) -> Self {
        Self { expectation, trust, verdict: OnceLock::new(), client_certificate_requested: OnceLock::new() }
    }

    /// What was decided; `None` before a certificate came.
    pub(super) fn verdict(&self) -> Option<&Result<Accepted, Refusal>> {
        self.verdict.get()
    }

    pub(super) fn client_certificate_requested(&self) -> bool {
        self.client_certificate_requested.get().is_some()
    }

    /// The ways in, from the strongest to the weakest; the refusal is about the strongest that what was shown could
    /// have meant.
    fn decide(
        &self,
        chain: &[CertificateDer<'_>],
        parts: &CertificateParts,
        now: UnixTime,
    ) -> Result<Accepted, Refusal> {
        if let KeyKind::Rsa { bits } = KeyKind::of(parts.spki())
            && bits < MIN_RSA_BITS
        {
            return Err(Refusal::WeakKey { bits });
        }
        let found = spki_hash(parts.spki());
        let by_nobody = || Ok(Accepted { peer: Peer { spki: found, voucher: Voucher::Nobody }, odca: None });
        let pinned = self.expectation.pins.contains(&found);

        if self.expectation.odca != OdcaExpectation::Refused && chain.len() > 1 {
            match self.decide_odca(chain, found, now) {
                // Neither a pin nor a profile's word outlives the silicon that is taken back.
                Err(Refusal::Odca(refusal)) if refusal.is_about_revocation() => return Err(refusal.into()),
                Err(_) if pinned || self.expectation.unvouched == Unvouched::Any => return by_nobody(),
                decided => return decided,
            }
        }
        if pinned {
            return by_nobody();
        }
        match self.expectation.unvouched {
            Unvouched::Any => return by_nobody(),
            Unvouched::SelfSigned if chain.len() == 1 && parts.is_self_signed() => return by_nobody(),
            Unvouched::SelfSigned => return Err(Refusal::NotSelfSigned { found, presented: chain.len() }),
            Unvouched::Refused => {}
        }
        Err(match (self.expectation.pins.len(), self.expectation.odca) {
            (0, OdcaExpectation::Refused) => Refusal::NothingExpected,
            (0, _) => crate::pki::odca::OdcaRefusal::SingleCertificate.into(),
            (pins, _) => Refusal::NotPinned { found, pins },
        })
    }

    fn decide_odca(&self, chain: &[CertificateDer<'_>], spki: SpkiHash, now: UnixTime) -> Result<Accepted, Refusal> {
        let identity = self.trust.verify(chain, now)?;
        let found = identity.rom_ca;
        match self.expectation.odca {
            OdcaExpectation::Enrolled(enrolled) if enrolled != found => Err(Refusal::OtherDevice { enrolled, found }),
            _ => Ok(Accepted { peer: Peer { spki, voucher: Voucher::Odca(found) }, odca: Some(identity) }),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut chain = vec![end_entity.clone()];
        chain.extend_from_slice(intermediates);
        let verdict = CertificateParts::read(end_entity)
            .map_err(Refusal::from)
            .and_then(|parts| self.decide(&chain, &parts, now));
        let accepted = verdict.is_ok();
        // A second certificate in one session cannot come; if it does, the first decision must not stand for it.
        if self.verdict.set(verdict).is_err() || !accepted {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    // Over the bare key in both versions, because webpki takes no X.509 v1 certificate as a leaf (odca.md §7).
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let parts = CertificateParts::read(cert).map_err(|_| CertificateError::BadEncoding)?;
        let key = RawPublicKeyEntity::try_from(parts.spki()).map_err(|_| CertificateError::BadEncoding)?;
        let (_, algorithms) = SIGNATURE_ALGORITHMS
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == dss.scheme)
            .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        if algorithms.iter().any(|algorithm| key.verify_signature(*algorithm, message, dss.signature()).is_ok()) {
            Ok(HandshakeSignatureValid::assertion())
        } else {
            Err(CertificateError::BadSignature.into())
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let parts = CertificateParts::read(cert).map_err(|_| CertificateError::BadEncoding)?;
        verify_tls13_signature_with_raw_key(message, parts.spki(), dss, &SIGNATURE_ALGORITHMS)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SIGNATURE_ALGORITHMS.supported_schemes()
    }
}

impl ResolvesClientCert for Verifier {
    fn resolve(&self, _root_hint_subjects: &[&[u8]], _sigschemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.client_certificate_requested.get_or_init(|| ());
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}
