//! Bytes are certificates and revocation lists.

use std::sync::LazyLock;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};

use crate::pki::odca::revocation::RevocationList;
use crate::pki::odca::{MAX_CERTIFICATES, OdcaTrust, TrustSet};

/// The root and the intermediate of a simulator's authority whose key is nowhere: `tests/corpus.rs` makes them together
/// with the chains in the corpus.
const ROOT: &[u8] = include_bytes!("root.der");
const INTERMEDIATE: &[u8] = include_bytes!("intermediate.der");

static TRUST: LazyLock<OdcaTrust> = LazyLock::new(|| {
    let mut trust = OdcaTrust::production();
    let set = TrustSet::from_certificates("fuzzed", &ROOT.into(), &[INTERMEDIATE.into()]);
    let added = set.and_then(|set| trust.add(set));
    assert!(added.is_ok(), "{added:?}");
    trust
});

/// Verifies a chain, and panics when somebody is believed who is not on it, or the order of what TLS leaves unordered
/// makes a difference. Each certificate has its length in two bytes, highest first, before it.
pub fn odca_chain(data: &[u8]) {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    let mut chain = certificates(data);
    let verdict = TRUST.verify(&chain, now);
    match &verdict {
        Ok(identity) => {
            let is_rom_ca = |it: &CertificateDer<'_>| Sha256::digest(it)[..] == identity.rom_ca.as_bytes()[..];
            assert!(chain.iter().any(is_rom_ca), "a ROM CA that was not presented");
            assert!(identity.path.iter().all(|it| chain.contains(it)), "a path over what was not presented");
            assert_eq!(identity.path.first(), chain.first(), "another leaf than the one that TLS authenticates");
        }
        Err(refusal) => assert!(refusal.to_string().len() < 4096, "a refusal without end"),
    }
    if let Some(others) = chain.get_mut(1..) {
        others.reverse();
        assert_eq!(TRUST.verify(&chain, now).ok(), verdict.ok(), "the order makes a difference");
    }
}

fn certificates(mut rest: &[u8]) -> Vec<CertificateDer<'_>> {
    let mut chain = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (certificate, after) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
        chain.push(certificate.into());
        rest = after;
        // One more than is taken, so that a chain can be too long.
        if chain.len() > MAX_CERTIFICATES {
            break;
        }
    }
    chain
}

/// Reads a revocation list, and panics when it is another one in PEM.
pub fn revocation_list(data: &[u8]) {
    match RevocationList::read("fuzzed.crl", data) {
        Ok(list) => {
            assert!(list.len() <= data.len(), "more entries than bytes");
            if data.first() == Some(&0x30) {
                let pem = pem::encode(&pem::Pem::new("X509 CRL", data));
                assert_eq!(RevocationList::read("fuzzed.crl", pem.as_bytes()), Ok(list));
            }
        }
        Err(error) => assert!(error.to_string().len() < 1024, "an error without end"),
    }
}
