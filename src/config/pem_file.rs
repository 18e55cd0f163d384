//! Certificates and private keys in PEM files.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use zeroize::Zeroizing;

use super::read::{Section, Value};
use crate::pki::certificate::CertificateParts;

/// The certificates of the file that `value` names, at least one.
pub(super) fn certificates(value: &Value<'_>) -> Option<Vec<CertificateDer<'static>>> {
    let path = value.path()?;
    let text = contents(value)?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => value.mistake(format_args!(
            "names {}, which has no certificate: expected PEM, `-----BEGIN CERTIFICATE-----`",
            path.display()
        )),
        Ok(certificates) => match certificates.iter().position(|der| CertificateParts::read(der).is_err()) {
            Some(at) => value.mistake(format_args!(
                "names {}, whose certificate {} is none: export it again",
                path.display(),
                at + 1
            )),
            None => Some(certificates),
        },
        Err(_) => value.mistake(format_args!("names {}, which is damaged PEM: export it again", path.display())),
    }
}

/// The private key of the file that `value` names.
pub(super) fn private_key(value: &Value<'_>) -> Option<Zeroizing<PrivateKeyDer<'static>>> {
    let path = value.path()?;
    match PrivateKeyDer::from_pem_slice(&contents(value)?) {
        Ok(key) => Some(Zeroizing::new(key)),
        Err(_) => value.mistake(format_args!(
            "names {}, which has no private key in PEM: expected an unencrypted PKCS#8, PKCS#1 or SEC1 key",
            path.display()
        )),
    }
}

/// Chain and private key of a TLS server, which belong together.
pub(super) fn certified_key(section: &Section<'_>) -> Option<Arc<CertifiedKey>> {
    let chain = section
        .required("certificates", "certificates = \"chain.pem\", the leaf first")
        .and_then(|value| certificates(&value));
    let value = section.required("key", "key = \"key.pem\"")?;
    let Ok(key) = aws_lc_rs::sign::any_supported_type(&*private_key(&value)?) else {
        return value.mistake("names a key of no supported kind: expected RSA of 2048 bits or more, P-256 or P-384");
    };
    let pair = CertifiedKey::new(chain?, key);
    match pair.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Some(Arc::new(pair)),
        Err(_) => value
            .mistake("is not the key of the first certificate in `certificates`: put the leaf first, with its own key"),
    }
}

/// The bytes of the file that `value` names.
pub(super) fn contents(value: &Value<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let path = value.path()?;
    match std::fs::read(&path) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => value.mistake(format_args!("names {}, which cannot be read: {error}", path.display())),
    }
}
