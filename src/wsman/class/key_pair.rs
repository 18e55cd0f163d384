//! `AMT_PublicPrivateKeyPair` (wsman.md §2.6): the keys that the device holds.

use amt_provision_fsm::request::KeyHandle;

use super::handle;
use crate::wsman::listing::Listing;
use crate::wsman::properties::Properties;
use crate::wsman::reference::Reference;
use crate::wsman::resource::ResourceUri;

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_PublicPrivateKeyPair");

/// One key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// What it is addressed by.
    pub handle: KeyHandle,
    /// The public key in DER: a PKCS#1 `RSAPublicKey`, or a SubjectPublicKeyInfo for an EC key.
    pub der_key: Vec<u8>,
}

/// Lists all key pairs.
pub fn list() -> Listing<KeyPair> {
    Listing::new(RESOURCE, |item| {
        if !item.is(RESOURCE.as_str(), RESOURCE.class()) {
            return Ok(None);
        }
        let pair = Properties::of_instance(Some(item), &RESOURCE)?;
        Ok(Some(KeyPair { handle: KeyHandle(pair.text("InstanceID")?), der_key: pair.bytes("DERKey")? }))
    })
}

/// A reference to a key pair.
pub fn reference(pair: &KeyHandle) -> Reference {
    handle::reference(RESOURCE, &pair.0)
}

/// The key pair that `reference` names; `None` when that is something else.
pub fn named_by(reference: &Reference) -> Option<KeyHandle> {
    handle::named_by(reference, &RESOURCE).map(KeyHandle)
}
