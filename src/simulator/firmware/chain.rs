//! The provisioning chain and the signature under it, checked as a firmware checks them (wsman.md §2.1).

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use webpki::RawPublicKeyEntity;
use webpki::aws_lc_rs::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::BasicConstraints;

use super::roots::TrustedRoots;
use super::versions::ChainHashes;
use crate::pki::certificate::CertificateParts;
use crate::pki::provisioning::{covers, is_for_provisioning, names};
use crate::pki::spki::KeyKind;
use crate::wsman::status::{ChainStatus, SetupStatus};

/// Leaf, two intermediates, root.
pub const MAX_CHAIN: usize = 4;

/// Length of both nonces in bytes.
pub const NONCE: usize = 20;

/// Where in the chain a certificate says that it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Leaf,
    Intermediate,
    Root,
}

/// What chains are judged by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    pub(super) chains: ChainHashes,
    pub(super) roots: &'a TrustedRoots,
    /// The suffix that the leaf's name must have, where the network or the MEBx gives one.
    pub(super) dns_suffix: Option<&'a str>,
    /// Seconds since 1970 on the device's clock.
    pub(super) now: u64,
}

/// A chain as far as it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct ProvisioningChain {
    leaf_key: Option<SubjectPublicKeyInfoDer<'static>>,
    last: Option<CertificateParts>,
    last_names: Option<Certificate>,
    length: usize,
    complete: bool,
}

impl ProvisioningChain {
    /// CertChainStatus: not started, in progress, complete.
    pub(super) const fn status_code(&self) -> u32 {
        match (self.length, self.complete) {
            (0, _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        }
    }

    /// The next certificate. A chain with a refused one is thrown away.
    pub(super) fn add(&mut self, der: Vec<u8>, place: Place, judge: Judge<'_>) -> Result<(), ChainStatus> {
        let chain = core::mem::take(self);
        *self = chain.with(der, place, judge)?;
        Ok(())
    }

    fn with(self, der: Vec<u8>, place: Place, judge: Judge<'_>) -> Result<Self, ChainStatus> {
        if self.complete || (self.length == 0) != (place == Place::Leaf) {
            return Err(ChainStatus::InvalidState);
        }
        if self.length >= MAX_CHAIN {
            return Err(ChainStatus::ChainTooLong);
        }
        let refused = ChainStatus::VerifyFailed;
        let der = CertificateDer::from(der);
        let certificate = Certificate::from_der(&der).map_err(|_| refused)?;
        let parts = CertificateParts::read(&der).map_err(|_| refused)?;
        let shortest = judge.chains.shortest_key();
        let strong = matches!(KeyKind::of(parts.spki()), KeyKind::Rsa { bits } if bits >= shortest);
        let issued_the_last = match (&self.last, &self.last_names) {
            (Some(last), Some(names)) => {
                last.is_signed_by(parts.spki())
                    && names.tbs_certificate().issuer() == certificate.tbs_certificate().subject()
                    && is_authority(&certificate)
            }
            _ => is_for_provisioning(&certificate) && has_suffix(&certificate, judge.dns_suffix),
        };
        let anchored = place != Place::Root || (parts.is_self_signed() && judge.roots.trusts(&der));
        let hash_is_taken = place == Place::Root || takes_signature_of(judge.chains, &certificate);
        if !(strong && issued_the_last && anchored && hash_is_taken && is_valid_at(&certificate, judge.now)) {
            return Err(refused);
        }
        Ok(Self {
            leaf_key: self.leaf_key.or_else(|| Some(parts.spki().clone())),
            last: Some(parts),
            last_names: Some(certificate),
            length: self.length + 1,
            complete: place == Place::Root,
        })
    }

    /// Whether `signature` is one over both nonces by the leaf of this chain, which must be complete.
    pub(super) fn check(
        &self,
        chains: ChainHashes,
        algorithm: Option<u32>,
        nonces: &[u8],
        signature: &[u8],
    ) -> Result<(), SetupStatus> {
        let algorithm = match algorithm {
            Some(2) if chains.has_sha256() => RSA_PKCS1_2048_8192_SHA256,
            // As AMT 22 says it (wsman.md §2.1).
            Some(2) => return Err(SetupStatus::InternalError),
            Some(3) if chains.has_sha384() => RSA_PKCS1_2048_8192_SHA384,
            _ => return Err(SetupStatus::InvalidParameter),
        };
        let leaf = self.leaf_key.as_ref().filter(|_| self.complete).ok_or(SetupStatus::AuthenticationFailed)?;
        let leaf = RawPublicKeyEntity::try_from(leaf).map_err(|_| SetupStatus::AuthenticationFailed)?;
        leaf.verify_signature(algorithm, nonces, signature).map_err(|_| SetupStatus::AuthenticationFailed)
    }
}

/// Which hashes a firmware takes in a chain (wsman.md §2.1).
fn takes_signature_of(chains: ChainHashes, certificate: &Certificate) -> bool {
    const SHA256_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
    const SHA384_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
    match certificate.signature_algorithm().oid {
        SHA256_RSA => chains.has_sha256(),
        SHA384_RSA => chains.has_sha384(),
        _ => false,
    }
}

fn is_valid_at(certificate: &Certificate, now: u64) -> bool {
    let validity = certificate.tbs_certificate().validity();
    let (start, end) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
    (start.as_secs()..=end.as_secs()).contains(&now)
}

fn is_authority(certificate: &Certificate) -> bool {
    matches!(certificate.tbs_certificate().get_extension::<BasicConstraints>(), Ok(Some((_, it))) if it.ca)
}

fn has_suffix(leaf: &Certificate, suffix: Option<&str>) -> bool {
    suffix.is_none_or(|suffix| covers(&names(leaf), suffix))
}
