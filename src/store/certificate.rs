//! Certificates that the deployment's authority issued.

use amt_provision_fsm::identity::SpkiHash;
use rustls::pki_types::{CertificateDer, UnixTime};

use crate::pki::authority::Serial;

/// A certificate that was issued for a device's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Its serial number, of which there are no two in a deployment.
    pub serial: Serial,
    /// The hash of the key that it certifies: the pin.
    pub spki: SpkiHash,
    /// The certificate.
    pub der: CertificateDer<'static>,
    /// When it was issued.
    pub issued_at: UnixTime,
}
