//! Each finding, and the chain that has nothing of it.

use amt_provision_fsm::request::ChainFlaw;
use rcgen::{CertificateParams, DistinguishedName, DnType};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::*;
use crate::pki::spki::KeyKind;
use crate::simulator::identity::{Identity, generate_p384_key};
use crate::simulator::provisioning::ProvisioningMark;

fn found(chain: &ProvisioningChain, terms: &Terms) -> Vec<Finding> {
    lint(chain.certificates(), terms)
}

/// The chain with the first `from` in one certificate replaced by `to`.
fn damaged(number: usize, from: &[u8], to: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut chain = BOUGHT.certificates().to_vec();
    let mut bytes = chain[number].to_vec();
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    chain[number] = bytes.into();
    chain
}

#[test]
fn a_chain_as_it_is_bought_has_nothing_to_be_said_of_by_either_mark_and_with_one_or_two_intermediates() {
    assert_eq!(found(&BOUGHT, &terms()), []);
    let unit = ProvisioningShape { mark: ProvisioningMark::Unit, intermediates: 2, ..shape() };
    assert_eq!(found(&mint(&unit), &terms()), []);
}

#[test]
fn a_leaf_without_a_mark_is_no_provisioning_certificate() {
    let unmarked = mint(&ProvisioningShape { mark: ProvisioningMark::Missing, ..shape() });
    assert_eq!(found(&unmarked, &terms()), [Finding::NotForProvisioning]);
    assert_eq!(Finding::NotForProvisioning.flaw(), Some(ChainFlaw::Purpose));
}

#[test]
fn more_than_four_certificates_are_too_many_and_one_is_too_few() {
    let long = mint(&ProvisioningShape { intermediates: 3, ..shape() });
    assert_eq!(found(&long, &terms()), [Finding::Length(5)]);
    assert_eq!(lint(&[], &terms()), [Finding::Length(0)]);
    assert_eq!(lint(&BOUGHT.certificates()[..1], &terms()), [Finding::Length(1), Finding::NoRoot]);
}

#[test]
fn a_chain_that_stops_below_its_root_says_so() {
    assert_eq!(lint(&BOUGHT.certificates()[..2], &terms()), [Finding::NoRoot]);
    assert_eq!(Finding::NoRoot.flaw(), Some(ChainFlaw::Broken));
}

#[test]
fn a_gap_and_an_issuer_of_the_same_name_with_another_key_are_told_by_their_place() {
    let [leaf, middle, root] = <[_; 3]>::try_from(BOUGHT.certificates().to_vec()).unwrap();
    assert_eq!(lint(&[leaf.clone(), root], &terms()), [Finding::Gap(Place(0))]);
    // The other chain's root has the same name, and did not sign.
    let stranger = mint(&shape()).root().clone();
    assert_eq!(lint(&[leaf, middle, stranger], &terms()), [Finding::Gap(Place(1))]);
}

#[test]
fn order_is_part_of_a_chain() {
    let [leaf, middle, root] = <[_; 3]>::try_from(BOUGHT.certificates().to_vec()).unwrap();
    let mixed = lint(&[leaf, root, middle], &terms());
    assert_eq!(mixed, [Finding::Gap(Place(0)), Finding::Gap(Place(1)), Finding::NoRoot]);
}

#[test]
fn an_issuer_that_is_no_authority_is_told() {
    // BasicConstraints: cA TRUE, and FALSE; the signature over it is broken by that.
    let chain = damaged(1, b"\x30\x03\x01\x01\xff", b"\x30\x03\x01\x01\x00");
    assert_eq!(lint(&chain, &terms()), [Finding::NoAuthority(Place(1)), Finding::Gap(Place(1))]);
}

#[test]
fn what_cannot_be_read_is_told_by_its_place() {
    let mut chain = BOUGHT.certificates().to_vec();
    chain[1] = vec![0x30, 0].into();
    assert_eq!(lint(&chain, &terms()), [Finding::Unreadable(Place(1))]);
}

#[test]
fn a_name_lies_in_a_domain_whole_labels_only_and_case_does_not_count() {
    for suffix in ["corp.example", "CORP.Example.", ".example", "provisioning.corp.example", ""] {
        assert_eq!(found(&BOUGHT, &terms().with_dns_suffix(suffix)), [], "{suffix}");
    }
    for suffix in ["orp.example", "other.example", "a.corp.example", "pc.provisioning.corp.example"] {
        let expected =
            Finding::DnsSuffix { suffix: suffix.into(), names: vec!["provisioning.corp.example".to_owned()] };
        assert_eq!(found(&BOUGHT, &terms().with_dns_suffix(suffix)), [expected], "{suffix}");
    }
    let endless = "a".repeat(100_000);
    let [Finding::DnsSuffix { suffix, .. }] = &found(&BOUGHT, &terms().with_dns_suffix(&endless))[..] else { panic!() };
    assert_eq!(suffix.len(), 254, "what a relay says is not repeated without end");
}

#[test]
fn a_dns_name_beside_the_common_name_counts_as_well() {
    let mut params = CertificateParams::new(["PC.Corp.Example".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "provisioning.other.example");
    let leaf = params.self_signed(&generate_p384_key().unwrap()).unwrap();
    let names = names(&Certificate::from_der(leaf.der()).unwrap());
    assert_eq!(names, ["pc.corp.example", "provisioning.other.example"]);
    for suffix in ["corp.example", "other.example"] {
        assert!(covers(&names, suffix), "{suffix}");
    }
    assert!(!covers(&names, "third.example"));
}

#[test]
fn sha_1_below_the_root_is_taken_by_no_firmware_and_on_the_root_it_does_not_matter() {
    let (sha256, sha1) = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05");
    let expected = Finding::Signature { place: Place(1), found: SignatureKind::RsaSha1, firmware: None };
    for terms in [terms(), terms().with_firmware(AmtVersion::new(16, 1))] {
        assert_eq!(lint(&damaged(1, sha256, sha1), &terms), std::slice::from_ref(&expected));
        assert_eq!(lint(&damaged(2, sha256, sha1), &terms), []);
    }
    assert_eq!(expected.flaw(), Some(ChainFlaw::Signature));
}

#[test]
fn each_firmware_has_the_hashes_that_it_takes() {
    let kinds = |chain: &ProvisioningChain, major| {
        let found = found(chain, &terms().with_firmware(AmtVersion::new(major, 0)));
        found.iter().filter(|finding| matches!(finding, Finding::Signature { .. })).count()
    };
    assert_eq!([12, 16, 20, 21, 22].map(|major| kinds(&BOUGHT, major)), [0, 0, 0, 0, 2]);
    assert_eq!([12, 16, 20, 21, 22].map(|major| kinds(&STRONG, major)), [2, 2, 2, 0, 0]);
    assert_eq!(found(&STRONG, &terms()), [], "some firmware takes it");
}

#[test]
fn amt_22_wants_rsa_3072_and_every_firmware_rsa() {
    let amt_22 = terms().with_firmware(AmtVersion::new(22, 0));
    let short = |place| Finding::Key { place: Place(place), found: KeyKind::Rsa { bits: 2048 }, least: 3072 };
    let keys: Vec<Finding> =
        found(&BOUGHT, &amt_22).into_iter().filter(|finding| finding.flaw() == Some(ChainFlaw::Key)).collect();
    assert_eq!(keys, [short(0), short(1), short(2)]);
    assert_eq!(found(&STRONG, &amt_22), []);

    let elliptic = Identity::self_signed(generate_p384_key().unwrap()).unwrap();
    let found = lint(&elliptic.chain, &terms());
    assert!(found.contains(&Finding::Key { place: Place(0), found: KeyKind::P384, least: 2048 }), "{found:?}");
}

#[test]
fn a_certificate_is_told_of_before_its_time_thirty_days_before_its_end_and_after_it() {
    let every = |finding: fn(Place) -> Finding| [0, 1, 2].map(|at| finding(Place(at))).to_vec();
    let on = |now| lint(BOUGHT.certificates(), &Terms::of_any_device(now));
    assert_eq!(on(at(2023, 12, 31)), every(|place| Finding::NotYetValid { place, from: at(2024, 1, 1) }));
    assert_eq!(on(at(2024, 1, 1)), []);
    assert_eq!(on(at(2035, 12, 2)), [], "thirty days");
    assert_eq!(on(at(2035, 12, 3)), every(|place| Finding::EndsSoon { place, at: at(2036, 1, 1) }));
    assert_eq!(on(at(2036, 1, 1)), every(|place| Finding::EndsSoon { place, at: at(2036, 1, 1) }), "the last second");
    assert_eq!(on(at(2036, 1, 2)), every(|place| Finding::Expired { place, at: at(2036, 1, 1) }));
    assert_eq!(Finding::EndsSoon { place: Place(0), at: at(2036, 1, 1) }.flaw(), None, "a warning");
    assert_eq!(Finding::Expired { place: Place(0), at: at(2036, 1, 1) }.flaw(), Some(ChainFlaw::Dates));
}

#[test]
fn findings_name_what_was_expected_and_what_to_do() {
    let told = |finding: Finding| finding.to_string();
    assert_eq!(
        told(Finding::Expired { place: Place(0), at: at(2026, 1, 31) }),
        "the leaf ended on 2026-01-31: renew it"
    );
    assert_eq!(
        told(Finding::DnsSuffix { suffix: "a.b".into(), names: vec!["x.c".into(), "y.c".into()] }),
        "the leaf is for \"x.c\", \"y.c\", and the device wants a name in its domain \"a.b\""
    );
    assert_eq!(
        told(Finding::Signature {
            place: Place(0),
            found: SignatureKind::RsaSha384,
            firmware: Some(AmtVersion::new(20, 0))
        }),
        "the leaf is signed by RSA with SHA-384, which AMT 20.0.0 does not take: expected RSA with SHA-256"
    );
    assert_eq!(
        told(Finding::Signature { place: Place(0), found: SignatureKind::RsaSha1, firmware: None }),
        "the leaf is signed by RSA with SHA-1, which no AMT takes: expected RSA with SHA-256, or SHA-384 for AMT 21 and \
         later"
    );
    assert_eq!(
        told(Finding::Signature {
            place: Place(1),
            found: SignatureKind::RsaSha256,
            firmware: Some(AmtVersion::new(22, 0))
        }),
        "certificate 2 of the chain is signed by RSA with SHA-256, which AMT 22.0.0 does not take: expected RSA with \
         SHA-384"
    );
    assert_eq!(
        told(Finding::Key { place: Place(0), found: KeyKind::P384, least: 2048 }),
        "the leaf has a key on P-384: expected RSA of 2048 bits or more"
    );
}
