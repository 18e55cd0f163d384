//! What a relay shows a server of itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::{RelayError, ServerUrl};
use crate::access::Token;

/// What a relay shows a server of itself: nothing, if it has neither.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// A bearer token, in the WebSocket's upgrade.
    pub token: Option<Token>,
    /// A client certificate, in the TLS handshake.
    pub certificate: Option<ClientCertificate>,
}

impl Proof {
    /// A token is for the server alone: over `ws://` whoever reads along would have it (RFC 6750 §5.3). A client
    /// certificate exists in TLS only.
    pub(super) fn fits(&self, url: &ServerUrl) -> Result<(), RelayError> {
        let what = match self {
            _ if url.is_tls() => return Ok(()),
            Self { certificate: Some(_), .. } => "a client certificate",
            Self { token: Some(_), .. } if !url.is_loopback() => "a token",
            Self { .. } => return Ok(()),
        };
        Err(RelayError::InTheClear { url: url.clone(), what })
    }
}

/// A client certificate with its chain and private key.
#[derive(Clone, Debug)]
pub struct ClientCertificate(pub(super) Arc<CertifiedKey>);

/// Why there is no client certificate. The operator is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ClientCertificateError {
    /// A file cannot be read, or is not PEM.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// There is no certificate in the file.
    #[error("{} has no certificate: expected PEM, `-----BEGIN CERTIFICATE-----`, the leaf first", .0.display())]
    Empty(PathBuf),
    /// The key is of no use.
    #[error("{} has a key of no supported kind: expected RSA of 2048 bits or more, P-256 or P-384", .0.display())]
    Kind(PathBuf),
    /// The key is another certificate's.
    #[error("{} is not the key of the first certificate in {}", key.display(), certificates.display())]
    OtherKey {
        /// The key's file.
        key: PathBuf,
        /// The certificates' file.
        certificates: PathBuf,
    },
}

impl ClientCertificate {
    /// Reads both from PEM files: the chain with the leaf first, and the leaf's key.
    ///
    /// # Errors
    /// [`ClientCertificateError`]: the operator is to blame.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, ClientCertificateError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| ClientCertificateError::File { path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let chain = chain.map_err(file(certificates))?;
        if chain.is_empty() {
            return Err(ClientCertificateError::Empty(certificates.to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(file(key))?;
        let signer = aws_lc_rs::sign::any_supported_type(&private);
        let pair = CertifiedKey::new(chain, signer.map_err(|_| ClientCertificateError::Kind(key.to_owned()))?);
        match pair.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Self(Arc::new(pair))),
            Err(_) => {
                Err(ClientCertificateError::OtherKey { key: key.to_owned(), certificates: certificates.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_over_tls_or_on_this_machine_and_a_certificate_over_tls() {
        let url = |text: &str| text.parse::<ServerUrl>().unwrap();
        let token = Proof { token: Some("qL3v9PzT0aXyB7mNcR5sWg".parse().unwrap()), certificate: None };
        for text in ["wss://s.example", "ws://127.0.0.1:8080", "ws://localhost"] {
            assert!(token.fits(&url(text)).is_ok(), "{text}");
        }
        let error = token.fits(&url("ws://s.example")).unwrap_err().to_string();
        assert!(error.contains("a token is shown over wss:// only"), "{error}");
        assert!(Proof::default().fits(&url("ws://s.example")).is_ok());
    }

    #[test]
    fn each_mistake_in_a_client_certificates_files_has_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let [one, other] = [(); 2].map(|()| rcgen::generate_simple_self_signed(["pc".to_owned()]).unwrap());
        let (chain, key) = (write("chain", &one.cert.pem()), write("key", &one.signing_key.serialize_pem()));
        let (other, empty) = (write("other", &other.signing_key.serialize_pem()), write("empty", ""));
        let certificate = ClientCertificate::read(&chain, &key).unwrap();
        assert!(!format!("{certificate:?}").contains("PRIVATE"));
        for (chain, key, expected) in [
            (&chain, &other, "other is not the key of the first certificate in"),
            (&empty, &key, "empty has no certificate"),
            (&chain, &empty, "empty: "),
            (&folder.path().join("none"), &key, "none: "),
        ] {
            let error = ClientCertificate::read(chain, key).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(matches!(
            Proof { token: None, certificate: Some(certificate) }.fits(&"ws://127.0.0.1".parse().unwrap()),
            Err(RelayError::InTheClear { what: "a client certificate", .. })
        ));
    }
}
