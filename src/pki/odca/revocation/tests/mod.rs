//! Lists of every kind and fault, and what they make of a path that is otherwise good.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;

use super::*;
use crate::pki::odca::authority::Authority;
use crate::pki::odca::{CaName, OdcaIdentity, OdcaRefusal, OdcaTrust};
use crate::simulator::identity::{ChainShape, Silicon, SimulatorAuthority};
use crate::simulator::revocation::{INDIRECT_LIST, ListShape, PLATFORM_LIST, PRODUCT_LIST, ROOT_LIST};

use RevocationPolicy::{IfPresent, Required};

mod dates;
mod points;
mod reading;

const POLICIES: [RevocationPolicy; 2] = [IfPresent, Required];

static AUTHORITY: LazyLock<SimulatorAuthority> = LazyLock::new(|| SimulatorAuthority::generate().unwrap());
static SILICON: LazyLock<Silicon> = LazyLock::new(|| AUTHORITY.silicon(&ChainShape::default()).unwrap());

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn now() -> UnixTime {
    at(1_800_000_000)
}

fn trust() -> OdcaTrust {
    AUTHORITY.trusted_as("simulator").unwrap()
}

type Der = CertificateRevocationListDer<'static>;

/// The four lists that cover a device, with the shape of each to be changed.
#[derive(Default)]
struct Set {
    root: ListShape,
    product: ListShape,
    platform: ListShape,
    indirect: ListShape,
}

impl Set {
    fn lists(&self) -> Vec<(&'static str, Der)> {
        vec![
            (ROOT_LIST, AUTHORITY.root_list(&self.root).unwrap()),
            (PRODUCT_LIST, AUTHORITY.product_list(&self.product).unwrap()),
            (PLATFORM_LIST, SILICON.platform_list(&self.platform).unwrap()),
            (INDIRECT_LIST, AUTHORITY.indirect_list(&self.indirect).unwrap()),
        ]
    }
}

fn verify(policy: RevocationPolicy, lists: &[(&str, Der)]) -> Result<OdcaIdentity, OdcaRefusal> {
    let lists = lists.iter().map(|(file, der)| Arc::new(RevocationList::read(*file, der).unwrap()));
    let revocation = Revocation { policy, lists: Arc::new(lists.collect()) };
    trust().with_revocation(revocation).verify(&SILICON.identity.chain, now())
}

fn certificate(level: Level) -> CertificateDer<'static> {
    SILICON.identity.chain[level as usize].clone()
}

fn ended() -> ListShape {
    ListShape { next_update: Some(rcgen::date_time_ymd(2020, 7, 1)), ..ListShape::default() }
}

fn extension(oid: &str, critical: bool, value: Vec<u8>) -> Extension {
    let extn_value = OctetString::new(value).unwrap();
    Extension { extn_id: ObjectIdentifier::new(oid).unwrap(), critical, extn_value }
}

fn scoped(change: impl FnOnce(&mut IssuingDistributionPoint)) -> ListShape {
    let mut point = IssuingDistributionPoint {
        distribution_point: None,
        only_contains_user_certs: false,
        only_contains_ca_certs: false,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    change(&mut point);
    ListShape { extensions: vec![extension("2.5.29.28", true, point.to_der().unwrap())], ..ListShape::default() }
}

#[test]
fn a_device_that_no_list_names_is_let_in() {
    for policy in POLICIES {
        assert!(verify(policy, &Set::default().lists()).is_ok(), "{policy}");
    }
}

#[test]
fn each_certificate_of_a_path_is_revoked_by_the_list_that_it_names() {
    let cases = [
        (Level::Leaf, INDIRECT_LIST),
        (Level::AmtCa, INDIRECT_LIST),
        (Level::KernelCa, INDIRECT_LIST),
        (Level::RomCa, PLATFORM_LIST),
        (Level::IssuingCa, PRODUCT_LIST),
        (Level::IntermediateCa, ROOT_LIST),
    ];
    for (level, file) in cases {
        let revoking = ListShape::revoking([certificate(level)]);
        let mut set = Set::default();
        match file {
            INDIRECT_LIST => set.indirect = revoking,
            PLATFORM_LIST => set.platform = revoking,
            PRODUCT_LIST => set.product = revoking,
            _ => set.root = revoking,
        }
        for policy in POLICIES {
            let refusal = verify(policy, &set.lists()).unwrap_err();
            assert!(refusal.is_about_revocation());
            let OdcaRefusal::Revoked(revoked) = &refusal else { panic!("{level}: {refusal}") };
            assert_eq!((revoked.level, revoked.file.as_str()), (level, file), "{policy}");
        }
    }
}

#[test]
fn a_refusal_names_the_certificate_the_list_and_the_way_out() {
    let set = Set { platform: ListShape::revoking([certificate(Level::RomCa)]), ..Set::default() };
    let OdcaRefusal::Revoked(revoked) = verify(IfPresent, &set.lists()).unwrap_err() else { panic!() };
    let serial: String = revoked.serial.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        revoked.to_string(),
        format!(
            "the ROM CA `ODCA 2 CSME SIM SOC ROM CA`, serial number {serial}, is revoked since 2020-03-19 (KeyCompromise) by \
             SIM_00000001_ODCA_CA2.crl of `ODCA 2 CSME P_SIM SOC 00000001 Issuing CA`: this machine can no longer prove \
             what it is: take it out of service"
        )
    );
    let set = Set { indirect: ListShape::revoking([certificate(Level::KernelCa)]), ..Set::default() };
    let told = verify(IfPresent, &set.lists()).unwrap_err().to_string();
    assert!(told.ends_with("update the device's firmware, which makes new certificates"), "{told}");
}

#[test]
fn an_indirect_list_says_of_each_entry_whose_certificate_it_is() {
    let other = AUTHORITY.silicon(&ChainShape::default()).unwrap().identity.chain;
    // The AMT CA's and the leaf's issuers differ; the second of another's entries inherits its issuer.
    let entries = [other[2].clone(), other[1].clone(), certificate(Level::AmtCa), other[0].clone()];
    let set = Set { indirect: ListShape::revoking(entries), ..Set::default() };
    let list = RevocationList::read(INDIRECT_LIST, &set.lists()[3].1).unwrap();
    assert_eq!((list.kind(), list.len(), list.is_empty()), (Kind::Indirect, 4, false));
    let OdcaRefusal::Revoked(revoked) = verify(Required, &set.lists()).unwrap_err() else { panic!() };
    assert_eq!(revoked.level, Level::AmtCa);

    let set = Set { indirect: ListShape::revoking(other[..3].to_vec()), ..Set::default() };
    assert!(verify(Required, &set.lists()).is_ok(), "another device's certificates");
}

#[test]
fn the_same_serial_number_of_another_issuer_is_another_certificate() {
    let list = AUTHORITY.indirect_list(&ListShape::revoking([certificate(Level::AmtCa)])).unwrap();
    let list = RevocationList::read("a.crl", &list).unwrap();
    let amt = Certificate::from_der(&certificate(Level::AmtCa)).unwrap();
    let serial = amt.tbs_certificate().serial_number().as_bytes();
    assert!(list.entry(&CaName::from(amt.tbs_certificate().issuer()), serial).is_some());
    assert!(list.entry(&CaName::from(amt.tbs_certificate().subject()), serial).is_none());
    assert!(list.entry(list.issuer(), serial).is_none());
}

#[test]
fn a_list_of_another_authority_is_ignored_whatever_its_name() {
    // The same names at every level, and other keys: as Intel's debug authorities have it.
    let stranger = SimulatorAuthority::generate().unwrap();
    let all = ListShape::revoking(SILICON.identity.chain.clone());
    let forged = [
        ("a.crl", stranger.root_list(&ListShape::revoking([certificate(Level::IntermediateCa)])).unwrap()),
        ("b.crl", stranger.indirect_list(&all).unwrap()),
        (
            "c.crl",
            stranger
                .silicon(&ChainShape::default())
                .unwrap()
                .platform_list(&ListShape::revoking([certificate(Level::RomCa)]))
                .unwrap(),
        ),
        ("d.crl", AUTHORITY.sibling("ODCA CA2 OSSE Intermediate CA").unwrap().indirect_list(&all).unwrap()),
    ];
    assert!(verify(IfPresent, &forged).is_ok());
    let mut lists = Set::default().lists();
    lists.splice(0..0, forged.clone());
    assert!(verify(Required, &lists).is_ok(), "genuine ones beside them cover the device");

    let OdcaRefusal::RevocationUnknown(uncovered) = verify(Required, &forged).unwrap_err() else { panic!() };
    assert_eq!((uncovered.level, &uncovered.gap), (Level::IntermediateCa, &Gap::Forged { file: "a.crl".into() }));
    assert_eq!(
        uncovered.to_string(),
        "revocation lists are required, and none covers the CSME intermediate `ODCA CA2 CSME Intermediate CA`: a.crl bears \
         the name of its authority and not its signature; get https://odca.simulator.invalid/crls/OnDie_CA.crl into the \
         server's crl_directory"
    );
}

#[test]
fn a_list_is_that_of_an_authority_by_its_name_and_its_signature() {
    let list = RevocationList::read("a.crl", &AUTHORITY.root_list(&ListShape::default()).unwrap()).unwrap();
    let [root, other] = [AUTHORITY.root(), AUTHORITY.intermediate()].map(|der| Authority::of(der).unwrap());
    let renamed = Authority { name: other.name.clone(), key: root.key.clone() };
    let namesake = Authority { name: root.name.clone(), key: other.key.clone() };
    // Twice: what was found of the signature is remembered.
    for _ in 0..2 {
        assert_eq!(
            [&root, &renamed, &namesake, &other].map(|authority| list.is_of(authority)),
            [true, false, false, false]
        );
    }
}

#[test]
fn a_forged_list_of_a_known_authority_is_known_as_one_before_a_device_comes() {
    let stranger = SimulatorAuthority::generate().unwrap();
    let read = |der: Der| RevocationList::read("a.crl", &der).unwrap();
    let shape = ListShape::default();
    for (list, expected) in [
        (AUTHORITY.root_list(&shape).unwrap(), Ok(true)),
        (AUTHORITY.indirect_list(&shape).unwrap(), Ok(true)),
        (SILICON.platform_list(&shape).unwrap(), Ok(false)),
        (stranger.silicon(&ChainShape::default()).unwrap().platform_list(&shape).unwrap(), Ok(false)),
    ] {
        assert_eq!(trust().recognises(&read(list)), expected);
    }
    for list in [stranger.root_list(&shape).unwrap(), stranger.indirect_list(&shape).unwrap()] {
        let list = read(list);
        assert_eq!(trust().recognises(&list), Err(Flaw::Forged(list.issuer().clone())));
    }
    // The production set has keys of its own for the name that the simulator's intermediate borrows.
    let borrowed = read(AUTHORITY.indirect_list(&shape).unwrap());
    assert_eq!(OdcaTrust::production().recognises(&borrowed), Err(Flaw::Forged(borrowed.issuer().clone())));
    let mut damaged = AUTHORITY.root_list(&shape).unwrap().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(trust().recognises(&read(damaged.into())).is_err());
}

#[test]
fn where_lists_are_required_each_of_the_four_is() {
    let names = [Level::IntermediateCa, Level::IssuingCa, Level::RomCa, Level::KernelCa];
    for (missing, level) in names.into_iter().enumerate() {
        let mut lists = Set::default().lists();
        let (file, _) = lists.remove(missing);
        assert!(verify(IfPresent, &lists).is_ok(), "{level}");
        let OdcaRefusal::RevocationUnknown(uncovered) = verify(Required, &lists).unwrap_err() else { panic!() };
        assert_eq!((uncovered.level, &uncovered.gap), (level, &Gap::Missing));
        assert!(uncovered.address.ends_with(file), "{}", uncovered.address);
    }
    assert!(verify(IfPresent, &[]).is_ok());
    assert!(matches!(verify(Required, &[]), Err(OdcaRefusal::RevocationUnknown(_))));
}

#[test]
fn a_direct_list_is_no_indirect_one_and_the_other_way_round() {
    let lists = |indirect: Der, product: Der| {
        let [root, _, platform, _] = <[_; 4]>::try_from(Set::default().lists()).unwrap();
        [root, ("product.crl", product), platform, ("indirect.crl", indirect)]
    };
    let (direct, indirect) =
        (AUTHORITY.product_list(&ListShape::default()), AUTHORITY.indirect_list(&ListShape::default()));
    let (direct, indirect) = (direct.unwrap(), indirect.unwrap());
    assert!(verify(Required, &lists(indirect.clone(), direct.clone())).is_ok());
    for (first, second, level) in
        [(direct.clone(), direct, Level::KernelCa), (indirect.clone(), indirect, Level::IssuingCa)]
    {
        let OdcaRefusal::RevocationUnknown(uncovered) = verify(Required, &lists(first, second)).unwrap_err() else {
            panic!()
        };
        assert_eq!(uncovered.level, level);
    }
}

#[test]
fn a_list_that_is_about_some_certificates_only_covers_no_other() {
    let authorities = scoped(|point| point.only_contains_ca_certs = true);
    let users = scoped(|point| point.only_contains_user_certs = true);
    let attributes = scoped(|point| point.only_contains_attribute_certs = true);
    assert!(verify(Required, &Set { platform: authorities, ..Set::default() }.lists()).is_ok());
    for shape in [users, attributes] {
        let refused = verify(Required, &Set { platform: shape, ..Set::default() }.lists());
        assert!(matches!(refused, Err(OdcaRefusal::RevocationUnknown(uncovered)) if uncovered.level == Level::RomCa));
    }
}

#[test]
fn no_more_lists_than_the_limit_are_held() {
    let list =
        Arc::new(RevocationList::read("a.crl", &AUTHORITY.product_list(&ListShape::default()).unwrap()).unwrap());
    let lists: RevocationLists = std::iter::repeat_n(list, MAX_LISTS + 1).collect();
    assert_eq!(lists.len(), MAX_LISTS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn a_damaged_list_panics_nobody_and_lets_nobody_in_or_out(at in 0usize..600, flip in 1u8..) {
        let mut set = Set { indirect: ListShape::revoking([certificate(Level::KernelCa)]), ..Set::default() }.lists();
        let mut bytes = set.remove(3).1.to_vec();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        if let Ok(list) = RevocationList::read("a.crl", &bytes) {
            prop_assert!(trust().recognises(&list) != Ok(true));
            set.push(("a.crl", bytes.into()));
            prop_assert!(verify(IfPresent, &set).is_ok());
            prop_assert!(verify(Required, &set).is_err());
        }
    }
}
