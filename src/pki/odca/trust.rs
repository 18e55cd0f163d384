//! Whom a server believes about silicon.

use amt_provision_fsm::identity::SpkiHash;
use rustls::pki_types::{CertificateDer, TrustAnchor};

use super::authority::Authority;
use super::production;
use super::revocation::Revocation;
use crate::pki::certificate::CertificateError;
use crate::pki::spki::spki_hash;

/// A root, the intermediates under it that make CSME firmware CAs, and the platform branches that count as
/// production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSet {
    /// What people call it, in warnings and in [`super::OdcaIdentity::trust_set`].
    pub(super) name: String,
    pub(super) anchor: TrustAnchor<'static>,
    pub(super) intermediates: Vec<SpkiHash>,
    /// The root and these intermediates once more, as publishers of revocation lists.
    pub(super) root: Authority,
    pub(super) publishers: Vec<Authority>,
    /// How the unit of a platform's issuing CA may begin.
    pub(super) branches: Vec<String>,
}

/// Why a set cannot be trusted: a mistake of the operator who configured it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustSetError {
    /// One of the certificates cannot be read.
    #[error("trust set `{name}`: a certificate of it is {source}")]
    Certificate {
        /// Name of the set.
        name: String,
        /// What is wrong with the certificate.
        source: CertificateError,
    },
    /// No intermediate was named, so nothing could ever be verified.
    #[error("trust set `{name}` names no CSME intermediate: add the certificate of at least one")]
    NoIntermediate {
        /// Name of the set.
        name: String,
    },
    /// The set's root is trusted already; a second set over it could only widen what it may vouch for (design.md §6).
    #[error("trust set `{name}` has the root of `{existing}`: a set may be added, none may be widened")]
    RootAlreadyTrusted {
        /// Name of the set.
        name: String,
        /// Name of the set that has that root.
        existing: String,
    },
}

impl TrustSet {
    /// Intel's production set.
    pub fn production() -> Self {
        production::trust_set()
    }

    /// The root: its name and key.
    pub fn anchor(&self) -> &TrustAnchor<'static> {
        &self.anchor
    }

    /// A set of a root's certificate and the certificates of the CSME intermediates under it.
    ///
    /// # Errors
    /// If a certificate cannot be read or there is no intermediate.
    pub fn from_certificates(
        name: impl Into<String>,
        root: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<Self, TrustSetError> {
        let name = name.into();
        let unreadable = |source| TrustSetError::Certificate { name: name.clone(), source };
        let anchor = webpki::anchor_from_trusted_cert(root).map_err(|_| unreadable(CertificateError))?.to_owned();
        let root = Authority::of(root).map_err(unreadable)?;
        let publishers = intermediates.iter().map(Authority::of).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        let intermediates: Vec<_> = publishers.iter().map(|authority| spki_hash(&authority.key)).collect();
        if intermediates.is_empty() {
            return Err(TrustSetError::NoIntermediate { name });
        }
        let branches = production::BRANCHES.map(String::from).to_vec();
        Ok(Self { name, anchor, intermediates, root, publishers, branches })
    }

    /// The set with other branches than those of production silicon, for a laboratory that has its own root:
    /// `branches` are beginnings of the unit of a platform's issuing CA.
    #[must_use]
    pub fn with_branches(mut self, branches: impl IntoIterator<Item = String>) -> Self {
        self.branches = branches.into_iter().collect();
        self
    }
}

/// Everything that a server believes about silicon: Intel's production set, and what its operator added.
/// There is no way to take the production set away, to change it, or to widen what its root may vouch for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OdcaTrust {
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    pub(super) sets: Vec<TrustSet>,
    pub(super) revocation: Option<Revocation>,
}

impl Default for OdcaTrust {
    fn default() -> Self {
        Self::production()
    }
}

impl OdcaTrust {
    /// Intel's production set alone.
    pub fn production() -> Self {
        let production = TrustSet::production();
        Self { anchors: vec![production.anchor.clone()], sets: vec![production], revocation: None }
    }

    /// The same, with revocation lists that every verified path is held against; without them none is.
    #[must_use]
    pub fn with_revocation(mut self, revocation: Revocation) -> Self {
        self.revocation = Some(revocation);
        self
    }

    /// Trusts a further set.
    ///
    /// # Errors
    /// [`TrustSetError::RootAlreadyTrusted`] if its root key is that of a set which is here already.
    pub fn add(&mut self, set: TrustSet) -> Result<(), TrustSetError> {
        let root_key = &set.anchor.subject_public_key_info;
        match self.sets.iter().find(|existing| existing.anchor.subject_public_key_info == *root_key) {
            Some(existing) => {
                Err(TrustSetError::RootAlreadyTrusted { name: set.name, existing: existing.name.clone() })
            }
            None => {
                self.anchors.push(set.anchor.clone());
                self.sets.push(set);
                Ok(())
            }
        }
    }

    /// Names of the sets that were added: a server says them at every start (design.md §6).
    pub fn added(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().skip(1).map(|set| set.name.as_str())
    }
}
