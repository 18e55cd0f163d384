//! A key and the certificates that are shown with it; the certificate that a firmware makes for itself.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, SigningKey};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::der::asn1::{AnyRef, BitStringRef};
use x509_cert::der::{Decode, Encode, ErrorKind, Tagged};

use super::error::IdentityError;
use super::shape::{Subject, end_of_2049};

/// A private key and the certificates shown with it.
pub struct Identity {
    /// What is presented, leaf first. Tests reorder, cut and lengthen it.
    pub chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Identity {
    /// An identity of a key and certificates that were made elsewhere, such as the device's own key with the
    /// certificate that a deployment's CA issued over it. That they belong together is not checked.
    pub fn new(key: KeyPair, chain: Vec<CertificateDer<'static>>) -> Self {
        Self { chain, key }
    }

    /// The default certificate that a firmware makes for itself: self-signed, X.509 v3.
    ///
    /// # Errors
    /// [`IdentityError::Mint`] if the cryptography library fails.
    pub fn self_signed(key: KeyPair) -> Result<Self, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = Subject::named("Intel(R) AMT default").distinguished_name();
        params.not_before = rcgen::date_time_ymd(2015, 1, 1);
        params.not_after = end_of_2049();
        let certificate = params.self_signed(&key)?;
        Ok(Self { chain: vec![certificate.into()], key })
    }

    /// The same as X.509 v1, which has no extensions and which webpki does not take as a leaf (odca.md §7).
    ///
    /// # Errors
    /// As [`Identity::self_signed`].
    pub fn self_signed_v1(key: KeyPair) -> Result<Self, IdentityError> {
        let Self { mut chain, key } = Self::self_signed(key)?;
        for certificate in &mut chain {
            *certificate = as_version_1(certificate, &key)?;
        }
        Ok(Self { chain, key })
    }

    /// The key pair.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }

    /// The identity as a rustls server takes it.
    ///
    /// # Errors
    /// [`IdentityError::Tls`] if rustls cannot sign with a key of this kind.
    pub fn certified_key(&self) -> Result<Arc<CertifiedKey>, IdentityError> {
        certified_key(&self.key, self.chain.clone())
    }
}

/// A key and the chain over it, as a rustls server takes them. That they belong together is not checked.
///
/// # Errors
/// [`IdentityError::Tls`] if rustls cannot sign with a key of this kind.
pub fn certified_key(key: &KeyPair, chain: Vec<CertificateDer<'static>>) -> Result<Arc<CertifiedKey>, IdentityError> {
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

/// Takes version and extensions out of a certificate and signs what is left again.
fn as_version_1(v3: &CertificateDer<'_>, key: &KeyPair) -> Result<CertificateDer<'static>, IdentityError> {
    let [tbs, algorithm, _signature] = Vec::<AnyRef<'_>>::from_der(v3)?[..] else {
        return Err(x509_cert::der::Error::from(ErrorKind::Failed).into());
    };
    let tbs = tbs.to_der()?;
    let mut fields = Vec::<AnyRef<'_>>::from_der(&tbs)?;
    fields.retain(|field| !field.tag().is_context_specific());
    let tbs = fields.to_der()?;
    let signature = BitStringRef::from_bytes(&key.sign(&tbs)?)?.to_der()?;
    let certificate = [AnyRef::from_der(&tbs)?, algorithm, AnyRef::from_der(&signature)?];
    Ok(certificate.to_der()?.into())
}
