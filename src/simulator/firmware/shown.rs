//! What a TLS handshake shows (odca.md §2.1).

use std::sync::Arc;

use amt_provision_fsm::identity::SpkiHash;
use rcgen::PublicKeyData;
use rustls::sign::CertifiedKey;

use crate::pki::spki::spki_hash;
use crate::simulator::identity::{Identity, IdentityError, certified_key};

use super::store::Bound;

/// Which of its identities a device shows in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// Its ODCA chain.
    Odca,
    /// Its default, self-signed certificate.
    Default,
    /// A certificate that it was given over a key that it generated.
    Own,
}

/// The identity in force.
#[derive(Clone, Debug)]
pub struct ShownIdentity {
    /// Which one it is.
    pub kind: Shown,
    /// Hash of its key.
    pub spki: SpkiHash,
    /// Chain and key for the TLS server.
    pub certified: Arc<CertifiedKey>,
}

/// The identities that a firmware has of its own.
pub(super) struct FactoryIdentities {
    pub(super) odca: Identity,
    pub(super) default: Identity,
}

impl FactoryIdentities {
    pub(super) fn odca(&self) -> Result<ShownIdentity, IdentityError> {
        shown(Shown::Odca, &self.odca)
    }

    /// What a commit puts in force: the bound certificate, else the ODCA chain.
    pub(super) fn chosen_by(&self, bound: Option<Bound<'_>>) -> Result<ShownIdentity, IdentityError> {
        match bound {
            None => self.odca(),
            Some(Bound { key: None, .. }) => shown(Shown::Default, &self.default),
            Some(Bound { key: Some(key), certificate }) => Ok(ShownIdentity {
                kind: Shown::Own,
                spki: spki_hash(&key.subject_public_key_info().into()),
                certified: certified_key(key, vec![certificate.clone()])?,
            }),
        }
    }
}

fn shown(kind: Shown, identity: &Identity) -> Result<ShownIdentity, IdentityError> {
    let spki = spki_hash(&identity.key().subject_public_key_info().into());
    Ok(ShownIdentity { kind, spki, certified: identity.certified_key()? })
}
