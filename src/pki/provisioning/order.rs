//! A chain in the order in which devices want it, from whatever order a file has.

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

use crate::pki::certificate::CertificateParts;

/// Why there is no chain: the operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No certificate is over the key.
    #[error("the private key is not that of any certificate beside it")]
    NoLeaf,
    /// More than one certificate is over the key, and a chain has one leaf.
    #[error("{0} certificates are over the same private key: keep the one that is to be shown")]
    SeveralLeaves(usize),
}

/// A chain from the leaf as far as it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The leaf, and each certificate's issuer behind it.
    pub chain: Vec<CertificateDer<'static>>,
    /// How many certificates have no place in it.
    pub unused: usize,
}

/// The chain of the certificate over `key`. Where several certificates could have issued one, as with cross-signed roots,
/// the self-signed one is taken, which makes the chain short. What cannot be read has no place.
///
/// # Errors
/// [`OrderError`] unless exactly one certificate is over the key.
pub fn order(
    certificates: Vec<CertificateDer<'static>>,
    key: &SubjectPublicKeyInfoDer<'_>,
) -> Result<Ordered, OrderError> {
    let mut pool: Vec<(CertificateDer<'static>, CertificateParts)> = Vec::new();
    let mut unused = 0;
    for der in certificates {
        match CertificateParts::read(&der) {
            // One that is there twice is there once.
            Ok(_) if pool.iter().any(|(other, _)| *other == der) => {}
            Ok(parts) => pool.push((der, parts)),
            Err(_) => unused += 1,
        }
    }
    let mut leaves = pool.iter().enumerate().filter(|(_, (_, parts))| parts.spki() == key).map(|(at, _)| at);
    let leaf = leaves.next().ok_or(OrderError::NoLeaf)?;
    let others = leaves.count();
    if others > 0 {
        return Err(OrderError::SeveralLeaves(others + 1));
    }
    let (der, mut last) = pool.swap_remove(leaf);
    let mut chain = vec![der];
    while !last.is_self_issued() {
        let candidates = pool.iter().enumerate().filter(|(_, (_, parts))| last.names_as_issuer(parts));
        // By name alone where nothing better is there: what is wrong with it, the lint says.
        let best = candidates.max_by_key(|(_, (_, parts))| (last.is_signed_by(parts.spki()), parts.is_self_issued()));
        let Some(at) = best.map(|(at, _)| at) else { break };
        let (der, parts) = pool.swap_remove(at);
        chain.push(der);
        last = parts;
    }
    Ok(Ordered { chain, unused: unused + pool.len() })
}
