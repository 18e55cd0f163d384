//! The provisioning certificate: who may take a device into ACM (wsman.md §2.1).

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;

use crate::pki::certificate::CertificateParts;
use crate::pki::provisioning::{OrderError, Ordered, order};
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
    /// A chain without a readable leaf.
    #[error("the provisioning chain does not begin with a certificate")]
    Leaf,
    /// Not a private key that the cryptography library takes.
    #[error("the private key of the provisioning certificate is damaged, or of no supported kind")]
    Key,
    /// Certificate and key of different pairs.
    #[error("the private key is not that of the provisioning chain's first certificate")]
    OtherKey,
}

impl ProvisioningCertificate {
    /// The identity of `key` with its `chain`, leaf first. Whether a device takes the chain is what
    /// [`lint`](crate::pki::provisioning::lint) says.
    ///
    /// # Errors
    /// If key and leaf do not belong together.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'_>,
    ) -> Result<Self, ProvisioningCertificateError> {
        use ProvisioningCertificateError as Error;
        let key = aws_lc_rs::sign::any_supported_type(key).map_err(|_| Error::Key)?;
        let leaf = CertificateParts::read(chain.first().ok_or(Error::Leaf)?).map_err(|_| Error::Leaf)?;
        if key.public_key().as_ref() != Some(leaf.spki()) {
            return Err(Error::OtherKey);
        }
        Ok(Self { chain, key })
    }

    /// The identity of `key` with its chain among `certificates`, in whatever order they are, and how many of them have
    /// no place in it.
    ///
    /// # Errors
    /// [`AssemblyError`]: the operator is to blame.
    pub fn assemble(
        certificates: Vec<CertificateDer<'static>>,
        key: &PrivateKeyDer<'_>,
    ) -> Result<(Self, usize), AssemblyError> {
        let key = aws_lc_rs::sign::any_supported_type(key).map_err(|_| ProvisioningCertificateError::Key)?;
        let public = key.public_key().ok_or(ProvisioningCertificateError::Key)?;
        let Ordered { chain, unused } = order(certificates, &public)?;
        Ok((Self { chain, key }, unused))
    }
}

/// Why certificates and a key make no provisioning certificate: the operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssemblyError {
    /// The key is no good.
    #[error(transparent)]
    Key(#[from] ProvisioningCertificateError),
    /// There is no chain of it.
    #[error(transparent)]
    Order(#[from] OrderError),
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
