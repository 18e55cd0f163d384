//! `AMT_TLSCredentialContext` (wsman.md §2.7): which certificate the device's TLS server shows.

use amt_provision_fsm::request::CertificateHandle;

use super::certificate;
use crate::wsman::call::{Call, Operation};
use crate::wsman::listing::Listing;
use crate::wsman::namespace::TRANSFER;
use crate::wsman::properties::Properties;
use crate::wsman::query::Query;
use crate::wsman::reference::{Reference, Selector};
use crate::wsman::resource::ResourceUri;
use crate::wsman::xml::Node;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_TLSCredentialContext");

/// The class of the other end of the association.
pub const COLLECTION: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_TLSProtocolEndpointCollection");

/// The collection's name as it has always been sent; devices report it with one space more and take both.
pub const COLLECTION_NAME: &str = "TLSProtocolEndpointInstances Collection";

const CERTIFICATE: &str = "ElementInContext";
const ENDPOINTS: &str = "ElementProvidingContext";
/// The address in the references of this class's bodies.
const ADDRESS: &str = "/wsman";

/// The one association that a device can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialContext {
    /// The certificate that is shown.
    pub certificate: CertificateHandle,
    /// Everything as it was read, for a Put that leaves the rest alone.
    pub instance: Node,
}

/// Lists the association, or nothing when the device has none yet.
pub fn list() -> Listing<CredentialContext> {
    Listing::new(RESOURCE, |item| {
        if !item.is(RESOURCE.as_str(), RESOURCE.class()) {
            return Ok(None);
        }
        let context = Properties::of_instance(Some(item), &RESOURCE)?;
        let certificate = context.reference_to(CERTIFICATE, "a reference to a certificate", certificate::named_by)?;
        Ok(Some(CredentialContext { certificate, instance: item.clone() }))
    })
}

/// Makes the association. The fault `AlreadyExists` means that there is one: [`list`] and [`put`].
pub fn create(certificate: &CertificateHandle) -> Query<()> {
    let endpoints = Reference::new(COLLECTION, [Selector::text("ElementName", COLLECTION_NAME)]).at(ADDRESS);
    let instance = RESOURCE
        .instance()
        .with(certificate::reference(certificate).at(ADDRESS).write_into(RESOURCE.element(CERTIFICATE)))
        .with(endpoints.write_into(RESOURCE.element(ENDPOINTS)));
    Query::new(Call::new(RESOURCE, Operation::Create(instance)), |body| {
        Properties::of(body.as_ref(), TRANSFER, "ResourceCreated").map(|_| ())
    })
}

/// Puts `certificate` in the place of the one in `current`: the only change that is allowed while TLS is on.
pub fn put(current: &CredentialContext, certificate: &CertificateHandle) -> Query<()> {
    let shown = certificate::reference(certificate).at(ADDRESS).write_into(RESOURCE.element(CERTIFICATE));
    let mut instance = current.instance.clone();
    instance.replace_property(shown);
    Query::put(Call::new(RESOURCE, Operation::Put(instance)))
}
