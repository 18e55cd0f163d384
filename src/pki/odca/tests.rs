//! Every wrong chain there is a way to make, each with its own refusal.

use std::time::Duration;

use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer};
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};

use super::*;
use crate::pki::spki::{spki_hash, spki_hash_of_certificate};
use crate::simulator::identity::{ChainShape, LeafPurpose, SimulatorAuthority, Subject, generate_p384_key};

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn now() -> UnixTime {
    at(1_800_000_000)
}

struct Fixture {
    authority: SimulatorAuthority,
    trust: OdcaTrust,
}

impl Fixture {
    fn new() -> Self {
        let authority = SimulatorAuthority::generate().unwrap();
        let mut trust = OdcaTrust::production();
        trust.add(set_of("simulator", &authority)).unwrap();
        Self { authority, trust }
    }

    fn chain(&self, change: impl FnOnce(&mut ChainShape)) -> Vec<CertificateDer<'static>> {
        let mut shape = ChainShape::default();
        change(&mut shape);
        self.authority.device(&shape).unwrap().chain
    }

    fn verify(&self, chain: &[CertificateDer<'_>]) -> Result<OdcaIdentity, OdcaRefusal> {
        self.trust.verify(chain, now())
    }

    fn refusal_of(&self, change: impl FnOnce(&mut ChainShape)) -> OdcaRefusal {
        self.verify(&self.chain(change)).unwrap_err()
    }
}

fn set_of(name: &str, authority: &SimulatorAuthority) -> TrustSet {
    TrustSet::from_certificates(name, authority.root(), &[authority.intermediate().clone()]).unwrap()
}

fn rom_ca_of(chain: &[CertificateDer<'_>]) -> [u8; 32] {
    Sha256::digest(&chain[3]).into()
}

#[test]
fn a_genuine_chain_proves_machine_firmware_and_platform() {
    let f = Fixture::new();
    let chain = f.authority.device(&ChainShape::with_svn(7)).unwrap().chain;
    let identity = f.verify(&chain).unwrap();
    assert_eq!(*identity.rom_ca.as_bytes(), rom_ca_of(&chain));
    assert_eq!(identity.leaf, spki_hash_of_certificate(&chain[0]).unwrap());
    assert_eq!((identity.svn, identity.platform.as_str()), (Some(7), "SIM SOC 00000001"));
    assert_eq!(identity.trust_set, "simulator");
    assert_eq!(identity.path, chain);
}

#[test]
fn order_and_a_presented_root_do_not_matter() {
    let f = Fixture::new();
    let mut chain = f.chain(|_| {});
    let genuine = f.verify(&chain).unwrap();
    chain[1..].reverse();
    assert_eq!(f.verify(&chain).unwrap(), genuine);
    chain.insert(2, f.authority.root().clone());
    assert_eq!(f.verify(&chain).unwrap(), genuine, "7 certificates");
    chain.push(chain[1].clone());
    assert_eq!(f.verify(&chain).unwrap(), genuine, "8 certificates");
}

#[test]
fn a_decoy_in_the_place_of_the_rom_ca_does_not_become_the_machine() {
    let f = Fixture::new();
    let mut chain = f.chain(|_| {});
    let victim = f.chain(|_| {});
    let true_rom_ca = rom_ca_of(&chain);
    chain.insert(3, victim[3].clone());
    let identity = f.verify(&chain).unwrap();
    assert_eq!(*identity.rom_ca.as_bytes(), true_rom_ca);
    chain.swap_remove(4);
    assert_eq!(f.verify(&chain), Err(OdcaRefusal::FalseSignature), "the decoy in its stead");
}

#[test]
fn chains_of_other_authorities_are_refused_whatever_their_names() {
    let f = Fixture::new();
    let namesake = Fixture::new();
    let chain = namesake.chain(|_| {});
    let refused = f.verify(&chain).unwrap_err();
    assert_eq!(refused, OdcaRefusal::FalseSignature, "another root of the same name");
    assert!(!refused.is_about_revocation());

    let mut grafted = chain;
    grafted[5] = f.authority.intermediate().clone();
    assert_eq!(f.verify(&grafted), Err(OdcaRefusal::FalseSignature), "a debug CA's device under the production CA");
    assert_eq!(OdcaTrust::production().verify(&f.chain(|_| {}), now()), Err(OdcaRefusal::UnknownIssuer));
}

#[test]
fn a_sibling_branch_of_the_same_root_is_refused_even_under_the_production_name() {
    let f = Fixture::new();
    for unit in ["ODCA CA2 OSSE Intermediate CA", SimulatorAuthority::INTERMEDIATE_UNIT] {
        let sibling = f.authority.sibling(unit).unwrap();
        let found = spki_hash_of_certificate(sibling.intermediate()).unwrap();
        let chain = sibling.device(&ChainShape::default()).unwrap().chain;
        assert_eq!(f.verify(&chain), Err(OdcaRefusal::Intermediate { found }));
    }
}

#[test]
fn platforms_that_are_not_production_are_refused() {
    let f = Fixture::new();
    for unit in [
        "ODCA 2 CSME E_SIM SOC 00000001 Issuing CA",
        "ODCA 2 CSME T_SIM SOC 00000001 Issuing CA",
        "ODCA 2 CSME D_SIM SOC 00000001 Issuing CA",
        "ODCA 2 CSME SIM SOC 00000001 Issuing CA",
        "ODCA 2 OSSE P_SIM SOC 00000001 Issuing CA",
    ] {
        let refusal = f.refusal_of(|shape| shape.authorities[0] = Subject::unit(unit));
        assert_eq!(refusal, OdcaRefusal::Branch { found: unit.into() });
    }
}

#[test]
fn other_uses_of_the_same_die_are_refused() {
    let f = Fixture::new();
    for name in ["AMT WS-MAN", "AMT AuditL", "AMT RCFG 2", ""] {
        let refusal = f.refusal_of(|shape| shape.leaf = Subject::named(name));
        assert_eq!(refusal, OdcaRefusal::Leaf { found: name.into() });
    }
    let found = "CSME SIM PTT  01SVN";
    let refusal = f.refusal_of(|shape| shape.authorities[3] = Subject::named(found));
    assert_eq!(refusal, OdcaRefusal::AmtCa { found: found.into() });
    let found = "ODCA 2 CSME SIM SOC ROM DE";
    let refusal = f.refusal_of(|shape| shape.authorities[1] = Subject::named(found));
    assert_eq!(refusal, OdcaRefusal::RomCa { found: found.into() });
}

#[test]
fn a_leaf_must_say_that_it_is_a_server() {
    let f = Fixture::new();
    for purpose in [LeafPurpose::Unstated, LeafPurpose::ClientAuth] {
        assert_eq!(f.refusal_of(|shape| shape.purpose = purpose), OdcaRefusal::Purpose, "{purpose:?}");
    }
}

/// Whoever has a device's own key could else issue leaves of any name.
#[test]
fn a_chain_whose_amt_ca_is_no_ca_is_refused() {
    let f = Fixture::new();
    let mut shape = ChainShape::default();
    shape.leaf = shape.authorities.pop().unwrap();
    let device = f.authority.device(&shape).unwrap();
    let mut above = CertificateParams::default();
    above.distinguished_name = DistinguishedName::new();
    above.distinguished_name.push(DnType::CommonName, shape.leaf.common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "AMT RCFG");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = params.signed_by(&generate_p384_key().unwrap(), &Issuer::from_params(&above, device.key())).unwrap();
    let mut chain = device.chain;
    chain.insert(0, leaf.into());
    assert_eq!(chain.len(), 6);
    assert_eq!(f.verify(&chain), Err(OdcaRefusal::Path(webpki::Error::EndEntityUsedAsCa)));
}

#[test]
fn keys_on_another_curve_are_refused_at_every_level() {
    let f = Fixture::new();
    for level in 0..5 {
        assert_eq!(f.refusal_of(|shape| shape.p256_at = Some(level)), OdcaRefusal::Algorithm, "level {level}");
    }
}

#[test]
fn a_path_has_five_authorities_no_fewer_and_no_more() {
    let f = Fixture::new();
    let refusal = f.refusal_of(|shape| drop(shape.authorities.remove(2)));
    assert_eq!(refusal, OdcaRefusal::PathLength { found: 4 });
    let extra = Subject::named("ODCA 2 CSME SIM SOC SVN 01 Kernel CA");
    let refusal = f.refusal_of(|shape| shape.authorities.insert(2, extra));
    assert_eq!(refusal, OdcaRefusal::PathLength { found: 6 });
}

#[test]
fn the_number_of_certificates_is_bounded() {
    let f = Fixture::new();
    let chain = f.chain(|_| {});
    assert_eq!(f.verify(&[]), Err(OdcaRefusal::CertificateCount { presented: 0 }));
    assert_eq!(f.verify(&chain[..1]), Err(OdcaRefusal::SingleCertificate));
    assert_eq!(f.verify(&chain[..4]), Err(OdcaRefusal::UnknownIssuer));
    let thirty: Vec<_> = chain.iter().cycle().take(30).cloned().collect();
    assert_eq!(f.verify(&thirty), Err(OdcaRefusal::CertificateCount { presented: 30 }));
    assert_eq!(f.verify(&thirty[..9]), Err(OdcaRefusal::CertificateCount { presented: 9 }));
    assert!(f.verify(&thirty[..8]).is_ok());
}

#[test]
fn the_size_of_a_certificate_is_bounded() {
    let f = Fixture::new();
    let bare = f.chain(|_| {})[0].len();
    let close = f.chain(|shape| shape.ballast = MAX_CERTIFICATE_BYTES - bare - 100);
    assert!(f.verify(&close).is_ok(), "{:?}", close[0].len());

    let mut chain = f.chain(|shape| shape.ballast = MAX_CERTIFICATE_BYTES);
    assert_eq!(f.verify(&chain), Err(OdcaRefusal::Oversized { slot: 0, bytes: chain[0].len() }));
    chain[0] = vec![0; MAX_CERTIFICATE_BYTES].into();
    assert!(matches!(f.verify(&chain), Err(OdcaRefusal::Oversized { slot: 1, .. })));
    let small = f.authority.root().clone();
    chain[1..].fill(small);
    assert!(matches!(f.verify(&chain), Err(OdcaRefusal::Path(_))), "4096 bytes are looked at, 4097 are not");
    chain[0] = vec![0; MAX_CERTIFICATE_BYTES + 1].into();
    assert_eq!(f.verify(&chain), Err(OdcaRefusal::Oversized { slot: 0, bytes: MAX_CERTIFICATE_BYTES + 1 }));
}

#[test]
fn dates_are_judged_by_the_servers_clock_but_never_before_this_code_existed() {
    let f = Fixture::new();
    let chain = f.chain(|_| {});
    for clock in [0, EARLIEST_CLOCK.as_secs(), 2_524_607_999] {
        assert!(f.trust.verify(&chain, at(clock)).is_ok(), "at {clock}");
    }
    assert_eq!(
        f.trust.verify(&chain, at(2_524_608_000)),
        Err(OdcaRefusal::Expired { now: 2_524_608_000, not_after: 2_524_607_999 })
    );
    let expired = f.chain(|shape| shape.not_after = rcgen::date_time_ymd(2026, 1, 1));
    assert_eq!(
        f.trust.verify(&expired, at(0)),
        Err(OdcaRefusal::Expired { now: EARLIEST_CLOCK.as_secs(), not_after: 1_767_225_600 })
    );
    let future = f.chain(|shape| shape.not_before = rcgen::date_time_ymd(2040, 1, 1));
    assert_eq!(f.verify(&future), Err(OdcaRefusal::NotYetValid { now: 1_800_000_000, not_before: 2_208_988_800 }));
}

#[test]
fn intels_publishers_have_the_keys_of_the_hashes_and_the_names_on_their_lists() {
    let production = TrustSet::production();
    let hashes: Vec<_> = production.publishers.iter().map(|authority| spki_hash(&authority.key)).collect();
    assert_eq!(hashes, CSME_INTERMEDIATES);
    assert_eq!(spki_hash(&production.root.key), ROOT_SPKI);
    assert_eq!(production.root.name.to_string(), "OnDie CA Root Cert Signing");
    let names: Vec<_> = production.publishers.iter().map(|authority| authority.name.to_string()).collect();
    assert_eq!(names, ["ODCA CA2 CSME Intermediate CA", "OnDie CA CSME Intermediate CA"]);
}

#[test]
fn a_set_can_be_added_and_none_can_be_widened() {
    let f = Fixture::new();
    assert_eq!(f.trust.added().collect::<Vec<_>>(), ["simulator"]);
    let mut trust = f.trust.clone();
    let wider = set_of("wider", &f.authority).with_branches(["ODCA 2 CSME E_".to_owned()]);
    assert_eq!(
        trust.add(wider),
        Err(TrustSetError::RootAlreadyTrusted { name: "wider".into(), existing: "simulator".into() })
    );
    assert_eq!(trust, f.trust);
    assert_eq!(
        TrustSet::from_certificates("empty", f.authority.root(), &[]),
        Err(TrustSetError::NoIntermediate { name: "empty".into() })
    );
    assert!(TrustSet::from_certificates("bad", &CertificateDer::from(vec![1, 2, 3]), &[]).is_err());
}

#[test]
fn branches_of_a_laboratory_count_under_its_own_root_only() {
    let laboratory = SimulatorAuthority::generate().unwrap();
    let mut f = Fixture::new();
    f.trust.add(set_of("laboratory", &laboratory).with_branches(["ODCA 2 CSME E_".to_owned()])).unwrap();
    let unit = "ODCA 2 CSME E_SIM SOC 00000001 Issuing CA";
    let mut shape = ChainShape::default();
    shape.authorities[0] = Subject::unit(unit);
    let engineering = laboratory.device(&shape).unwrap().chain;
    assert_eq!(f.verify(&engineering).unwrap().trust_set, "laboratory");
    assert_eq!(f.refusal_of(|s| *s = shape), OdcaRefusal::Branch { found: unit.into() });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_damaged_chain_is_refused_and_panics_nobody(slot in 0usize..6, at in 0usize..400, flip in 1u8..) {
        let f = Fixture::new();
        let mut chain = f.chain(|_| {});
        let mut bytes = chain[slot].to_vec();
        bytes[at] ^= flip;
        chain[slot] = bytes.into();
        prop_assert!(f.verify(&chain).is_err());
    }
}
