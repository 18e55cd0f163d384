//! The provisioning certificate: who may take a device into ACM (wsman.md §2.1).

use std::sync::Arc;

use amt_provision_fsm::request::ChainLength;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::pki::certificate::CertificateParts;
use crate::pki::spki::KeyKind;
use crate::wsman::class::host_based_setup::SigningAlgorithm;

/// A provisioning certificate with its chain, and something that signs with its key: a key in memory, or one in a
/// hardware module.
pub trait ProvisioningIdentity: Send + Sync {
    /// The leaf, the intermediates from its side on, the root. All of them are sent.
    fn chain(&self) -> &[CertificateDer<'static>];

    /// The leaf's signature over `message` by RSASSA-PKCS1-v1_5. It is waited for, so a module that takes long belongs
    /// on a thread of its own.
    ///
    /// # Errors
    /// [`SignatureError`], in words that a person can act on.
    fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignatureError>;
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signature by the provisioning certificate's key: {0}")]
pub struct SignatureError(pub String);

/// A provisioning certificate whose key is in memory.
pub struct ProvisioningCertificate {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<dyn SigningKey>,
}

/// Why a chain and a key are no provisioning certificate: the operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProvisioningCertificateError {
    /// Devices take leaf, at most two intermediates, and root.
    #[error("a provisioning chain has 2 to 4 certificates from the leaf to the root, this one has {0}")]
    Length(usize),
    /// A certificate that cannot be read.
    #[error("certificate {0} of the provisioning chain, the leaf being 0, is damaged")]
    Unreadable(usize),
    /// A certificate that was not issued by the next one.
    #[error(
        "certificate {0} of the provisioning chain, the leaf being 0, was not issued by the one behind it: put them in \
         order from the leaf to the self-signed root"
    )]
    Order(usize),
    /// Not a key that devices take a signature of.
    #[error("the provisioning certificate's private key is not an RSA key of 2048 bits or more")]
    Key,
    /// Certificate and key of different pairs.
    #[error("the private key is not that of the provisioning chain's first certificate")]
    OtherKey,
}

impl ProvisioningCertificate {
    /// The identity of `key` with its `chain`, leaf first.
    ///
    /// # Errors
    /// If no device would take it. Whether a device trusts its root is known by the relay's report only.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'_>,
    ) -> Result<Self, ProvisioningCertificateError> {
        use ProvisioningCertificateError as Error;
        ChainLength::new(chain.len()).ok_or(Error::Length(chain.len()))?;
        let read =
            |(at, der): (usize, &CertificateDer<'_>)| Certificate::from_der(der).map_err(|_| Error::Unreadable(at));
        let certificates = chain.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        let issuers = certificates.iter().skip(1).chain(certificates.last());
        for (at, (certificate, issuer)) in certificates.iter().zip(issuers).enumerate() {
            if certificate.tbs_certificate().issuer() != issuer.tbs_certificate().subject() {
                return Err(Error::Order(at));
            }
        }
        let key = aws_lc_rs::sign::any_supported_type(key).map_err(|_| Error::Key)?;
        let leaf = chain.first().ok_or(Error::Length(0))?;
        let leaf = CertificateParts::read(leaf).map_err(|_| Error::Unreadable(0))?;
        if !matches!(KeyKind::of(leaf.spki()), KeyKind::Rsa { bits: 2048.. }) {
            return Err(Error::Key);
        }
        if key.public_key().as_ref() != Some(leaf.spki()) {
            return Err(Error::OtherKey);
        }
        Ok(Self { chain, key })
    }
}

impl ProvisioningIdentity for ProvisioningCertificate {
    fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let scheme = match algorithm {
            SigningAlgorithm::RsaSha256 => SignatureScheme::RSA_PKCS1_SHA256,
            SigningAlgorithm::RsaSha384 => SignatureScheme::RSA_PKCS1_SHA384,
        };
        let signer = self.key.choose_scheme(&[scheme]);
        let signer = signer.ok_or_else(|| SignatureError(format!("the library cannot sign by {scheme:?}")))?;
        signer.sign(message).map_err(|error| SignatureError(error.to_string()))
    }
}
