//! `AMT_PublicKeyCertificate` (wsman.md §2.6): the certificates that the device holds.

use amt_provision_fsm::request::CertificateHandle;

use super::handle;
use crate::wsman::listing::Listing;
use crate::wsman::properties::Properties;
use crate::wsman::reference::Reference;
use crate::wsman::resource::ResourceUri;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_PublicKeyCertificate");

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What it is addressed by.
    pub handle: CertificateHandle,
    /// The certificate in DER, not yet looked into.
    pub der: Vec<u8>,
    /// Whether the device trusts it as a root (`TrustedRootCertficate`: the class spells it so).
    pub trusted_root: bool,
    /// Whether it is the firmware's own and cannot be removed.
    pub read_only: bool,
}

/// Lists all certificates.
pub fn list() -> Listing<Certificate> {
    Listing::new(RESOURCE, |item| {
        if !item.is(RESOURCE.as_str(), RESOURCE.class()) {
            return Ok(None);
        }
        let certificate = Properties::of_instance(Some(item), &RESOURCE)?;
        Ok(Some(Certificate {
            handle: CertificateHandle(certificate.text("InstanceID")?),
            der: certificate.bytes("X509Certificate")?,
            trusted_root: certificate.optional_flag("TrustedRootCertficate")?.unwrap_or(false),
            read_only: certificate.optional_flag("ReadOnlyCertificate")?.unwrap_or(false),
        }))
    })
}

/// A reference to a certificate.
pub fn reference(certificate: &CertificateHandle) -> Reference {
    handle::reference(RESOURCE, &certificate.0)
}

/// The certificate that `reference` names; `None` when that is something else.
pub fn named_by(reference: &Reference) -> Option<CertificateHandle> {
    handle::named_by(reference, &RESOURCE).map(CertificateHandle)
}
