//! `AMT_PublicKeyManagementService` (wsman.md §2.6): new keys and certificates.

use amt_provision_fsm::firmware::KeySuite;
use amt_provision_fsm::request::{CertificateHandle, KeyHandle};

use super::{certificate, key_pair};
use crate::wsman::call::{Call, Parameter};
use crate::wsman::properties::{Properties, PropertyError, base64};
use crate::wsman::query::Query;
use crate::wsman::reference::Reference;
use crate::wsman::resource::ResourceUri;
use crate::wsman::status::PtStatus;
use crate::wsman::xml::Node;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_PublicKeyManagementService");

/// Has the device make a key pair, which takes it seconds. The private key never leaves it.
pub fn generate_key_pair(suite: KeySuite) -> Query<Result<KeyHandle, PtStatus>> {
    let (algorithm, length) = match suite {
        KeySuite::Rsa2048Sha256 => (0, 2048),
        KeySuite::EcP384Sha384 => (1, 384),
    };
    let parameters = [("KeyAlgorithm", Parameter::from(algorithm)), ("KeyLength", Parameter::from(length))];
    Query::new(Call::invoke(RESOURCE, "GenerateKeyPair", parameters), |body| {
        created(body, "GenerateKeyPair", "KeyPair", key_pair::named_by)
    })
}

/// Stores a certificate (DER) that is not a trusted root.
pub fn add_certificate(der: &[u8]) -> Query<Result<CertificateHandle, PtStatus>> {
    let parameters = [("CertificateBlob", base64(der))];
    Query::new(Call::invoke(RESOURCE, "AddCertificate", parameters), |body| {
        created(body, "AddCertificate", "CreatedCertificate", certificate::named_by)
    })
}

/// The handle of what was made. Only the returned reference is relied upon: how numbers are given out is not known.
fn created<T>(
    body: Option<Node>,
    method: &str,
    property: &str,
    handle: fn(&Reference) -> Option<T>,
) -> Result<Result<T, PtStatus>, PropertyError> {
    let output = Properties::of_output(body.as_ref(), &RESOURCE, method)?;
    match output.return_value(PtStatus::from_code)? {
        Ok(()) => output.reference_to(property, "a reference with the InstanceID of what was made", handle).map(Ok),
        Err(status) => Ok(Err(status)),
    }
}
