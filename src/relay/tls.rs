//! TLS towards the server, and what its failures mean.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, ClientConfig, RootCertStore};

use super::{ClientCertificate, Proof, RelayError, ServerUrl};

/// What a relay expects of the server, and shows it.
pub(super) fn config(
    ca_file: Option<&Path>,
    certificate: Option<&ClientCertificate>,
) -> Result<Arc<ClientConfig>, RelayError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let wrong = |reason: String| RelayError::CaFile { path: path.to_owned(), reason };
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is none".to_owned()));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let reasons: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                return Err(RelayError::NoRoots(reasons.join("; ")));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| RelayError::NoRoots(error.to_string()))?;
    let rooted = versions.with_root_certificates(roots);
    Ok(Arc::new(match certificate {
        Some(ClientCertificate(key)) => {
            rooted.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(key))))
        }
        None => rooted.with_no_client_auth(),
    }))
}

/// What a failure on the way to `url` means. An alert that is about a certificate is about ours: in TLS 1.3 it comes
/// only when the WebSocket's upgrade is on its way.
pub(super) fn fault(url: &ServerUrl, proof: &Proof, source: io::Error) -> RelayError {
    let (url, had_certificate) = (url.clone(), proof.certificate.is_some());
    match source.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(why)) => RelayError::Untrusted { url, reason: why.to_string() },
        // Its signature was not that of the authority whose name it has: an authority that was made anew.
        Some(rustls::Error::AlertReceived(AlertDescription::DecryptError)) if had_certificate => {
            RelayError::CertificateRefused { url, had_certificate, alert: AlertDescription::DecryptError }
        }
        Some(&rustls::Error::AlertReceived(alert)) if is_about_certificates(alert) => {
            RelayError::CertificateRefused { url, had_certificate, alert }
        }
        _ => RelayError::Unreachable { url, source },
    }
}

const fn is_about_certificates(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}
