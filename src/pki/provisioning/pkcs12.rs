//! PFX files (PKCS#12): key and certificates behind one password, as vendors and Windows hand them over.
//!
//! Both generations are read: 3DES and RC2 with SHA-1 (OpenSSL 1, older Windows), and PBES2 with AES (OpenSSL 3, newer
//! Windows). The library does not wipe the memory in which it decrypts the key.

use p12_keystore::Pkcs12Archive;
use p12_keystore::error::Error;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// What a PFX file holds, in no order.
pub struct Opened {
    /// The private key.
    pub key: Zeroizing<PrivateKeyDer<'static>>,
    /// The certificates, at least one.
    pub certificates: Vec<CertificateDer<'static>>,
}

/// Why a PFX file is of no use: the operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Error {
    /// Not a PFX file.
    #[error("is no PFX file (PKCS#12 in DER), or a damaged one: export it again")]
    NotPkcs12,
    /// The password does not open it.
    #[error("is not opened by its password: it is another one")]
    WrongPassword,
    /// Encrypted in a way that is not read here.
    #[error("is encrypted by an algorithm that is not read here: export it again with AES-256, SHA-256 and PBKDF2")]
    Unsupported,
    /// No private key.
    #[error("has no private key: export the certificate together with its key")]
    NoKey,
    /// More than one private key.
    #[error("has {0} private keys: export the provisioning certificate alone")]
    SeveralKeys(usize),
    /// No certificate.
    #[error("has no certificate: export the key together with the whole chain")]
    NoCertificate,
}

/// Opens a PFX file.
///
/// # Errors
/// [`Pkcs12Error`]: the operator is to blame.
pub fn open(file: &[u8], password: &str) -> Result<Opened, Pkcs12Error> {
    let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| match error {
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => Pkcs12Error::WrongPassword,
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm | Error::InvalidParameters => {
            Pkcs12Error::Unsupported
        }
        _ => Pkcs12Error::NotPkcs12,
    })?;
    let mut keys: Vec<_> = archive.keys.into_iter().map(|bag| bag.key).collect();
    keys.dedup();
    let key = match &keys[..] {
        [key] => Zeroizing::new(PrivateKeyDer::Pkcs8(key.as_der().to_vec().into())),
        [] => return Err(Pkcs12Error::NoKey),
        several => return Err(Pkcs12Error::SeveralKeys(several.len())),
    };
    let certificates: Vec<_> = archive.certs.iter().map(|bag| bag.cert.as_der().to_vec().into()).collect();
    if certificates.is_empty() {
        return Err(Pkcs12Error::NoCertificate);
    }
    Ok(Opened { key, certificates })
}
