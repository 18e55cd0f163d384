//! `CIM_ConcreteDependency` (wsman.md §2.17): which key belongs to which certificate.

use amt_provision_fsm::request::{CertificateHandle, KeyHandle};

use super::{certificate, key_pair};
use crate::wsman::listing::Listing;
use crate::wsman::properties::Properties;
use crate::wsman::resource::ResourceUri;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ConcreteDependency");

/// A certificate and the pair of which it certifies the public half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBinding {
    /// The certificate.
    pub certificate: CertificateHandle,
    /// Its key.
    pub key: KeyHandle,
}

/// Lists all bindings of a certificate to a key. The class has rows about other things, which are passed over.
pub fn list() -> Listing<KeyBinding> {
    Listing::new(RESOURCE, |item| {
        if !item.is(RESOURCE.as_str(), RESOURCE.class()) {
            return Ok(None);
        }
        let row = Properties::of_instance(Some(item), &RESOURCE)?;
        let certificate = certificate::named_by(&row.reference("Antecedent")?);
        let key = key_pair::named_by(&row.reference("Dependent")?);
        Ok(certificate.zip(key).map(|(certificate, key)| KeyBinding { certificate, key }))
    })
}
