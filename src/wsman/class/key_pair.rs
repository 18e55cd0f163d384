//! `AMT_PublicPrivateKeyPair` (wsman.md §2.6): the keys that the device holds.

use crate::wsman::call::ResourceUri;
use crate::wsman::listing::Listing;
use crate::wsman::properties::Properties;
use crate::wsman::reference::{Reference, Selector};

/// The class.
pub const RESOURCE: ResourceUri =
    ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_PublicPrivateKeyPair");

/// The InstanceID of a key pair, such as `Intel(r) AMT Key: Handle: 0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyHandle(String);

impl KeyHandle {
    /// The handle with that InstanceID.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self(instance_id.into())
    }

    /// The InstanceID.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A reference to the key pair.
    pub fn reference(&self) -> Reference {
        Reference::new(RESOURCE, [Selector::instance_id(&*self.0)])
    }

    /// The key pair that `reference` names; `None` when it names something else.
    pub fn from_reference(reference: &Reference) -> Option<Self> {
        let id = reference.selector("InstanceID")?;
        (reference.resource == RESOURCE).then(|| Self(id.to_owned()))
    }
}

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
