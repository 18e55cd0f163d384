//! The hashes of the roots that provisioning certificates may hang on.

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use crate::mei::pthi::{CertificateHash, CertificateHashEntry, HashHandle, HashHandles, Text};

/// The trusted root hashes, as the firmware lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedRoots(Vec<CertificateHashEntry>);

impl TrustedRoots {
    /// The same and one more: SHA-256 of a root's certificate, active, put there by the operator. `None` when the
    /// firmware has no room for it, or for a name of that length.
    #[must_use]
    pub fn with_root(self, name: &str, root: &CertificateDer<'_>) -> Option<Self> {
        let hash = CertificateHash::Sha256(Sha256::digest(root).into());
        self.with(CertificateHashEntry { hash, is_default: false, is_active: true, name: Text::new(name)? })
    }

    /// The same and one more. `None` when the firmware has no room for it.
    #[must_use]
    pub fn with(mut self, entry: CertificateHashEntry) -> Option<Self> {
        self.0.push(entry);
        (self.0.len() <= HashHandles::LIMIT).then_some(self)
    }

    pub(super) fn handles(&self) -> HashHandles {
        // Numbered from 1, so that a handle is never mistaken for an index. There are never more than fit.
        let handles = (1..).take(self.0.len()).map(HashHandle).collect();
        HashHandles::new(handles).unwrap_or_default()
    }

    pub(super) fn entry(&self, handle: HashHandle) -> Option<&CertificateHashEntry> {
        self.0.get(usize::try_from(handle.0.checked_sub(1)?).ok()?)
    }

    pub(super) fn trusts(&self, root: &CertificateDer<'_>) -> bool {
        let hash = CertificateHash::Sha256(Sha256::digest(root).into());
        self.0.iter().any(|entry| entry.is_active && entry.hash == hash)
    }
}
