//! `AMT_PublicKeyCertificate` (wsman.md §2.6): the certificates that the device holds.

use super::handle::instance_handle;
use crate::wsman::call::ResourceUri;
use crate::wsman::listing::Listing;
use crate::wsman::properties::Properties;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_PublicKeyCertificate");

instance_handle! {
    /// The InstanceID of a certificate, such as `Intel(r) AMT Certificate: Handle: 1`.
    CertificateHandle of RESOURCE
}

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
            handle: CertificateHandle::new(certificate.text("InstanceID")?),
            der: certificate.bytes("X509Certificate")?,
            trusted_root: certificate.optional_flag("TrustedRootCertficate")?.unwrap_or(false),
            read_only: certificate.optional_flag("ReadOnlyCertificate")?.unwrap_or(false),
        }))
    })
}
