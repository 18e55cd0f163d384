//! Distribution points as no AMT has been seen with, and as RFC 5280 §4.2.1.13 allows.

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType};
use x509_cert::der::asn1::Ia5String;
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::{DistributionPoint, ReasonFlags, Reasons};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};

use super::*;
use crate::simulator::identity::generate_p384_key;

/// Where the list of the certificate's own issuer is.
const OWN: &str = "https://a.example/own.crl";
/// Where a list would be, of a publisher that is nobody above the certificate.
const STRANGERS: &str = "https://a.example/strangers.crl";

fn point(address: &str) -> DistributionPoint {
    let address = GeneralName::UniformResourceIdentifier(Ia5String::new(address).unwrap());
    DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![address])),
        reasons: None,
        crl_issuer: None,
    }
}

fn point_of_a_stranger() -> DistributionPoint {
    let leaf = Certificate::from_der(&certificate(Level::Leaf)).unwrap();
    let publisher = GeneralName::DirectoryName(leaf.tbs_certificate().subject().clone());
    DistributionPoint { crl_issuer: Some(vec![publisher]), ..point(STRANGERS) }
}

fn check(points: Vec<DistributionPoint>, lists: &[&ListShape]) -> Result<(), Uncovered> {
    check_extension(Some(CrlDistributionPoints(points).to_der().unwrap()), lists)
}

/// Holds a leaf with these points, right under the intermediate, against these lists of the intermediate.
fn check_extension(points: Option<Vec<u8>>, lists: &[&ListShape]) -> Result<(), Uncovered> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "AMT RCFG");
    let points = points.map(|points| CustomExtension::from_oid_content(&[2, 5, 29, 31], points));
    params.custom_extensions.extend(points);
    // Who signed it is of no account here: the path is verified before it is held against lists.
    let leaf = params.self_signed(&generate_p384_key().unwrap()).unwrap();
    let leaf = Certificate::from_der(leaf.der()).unwrap();

    let read = |shape: &&ListShape| RevocationList::read("a.crl", &AUTHORITY.product_list(shape).unwrap()).unwrap();
    let lists = Arc::new(lists.iter().map(read).map(Arc::new).collect());
    let above = [AUTHORITY.intermediate(), AUTHORITY.root()].map(|authority| Authority::of(authority).unwrap());
    match (Revocation { policy: Required, lists }).check(&[leaf], &above, now()) {
        Ok(()) => Ok(()),
        Err(OdcaRefusal::RevocationUnknown(uncovered)) => Err(*uncovered),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_certificate_without_points_needs_no_list_and_one_whose_points_cannot_be_read_has_none_that_covers_it() {
    assert_eq!(check_extension(None, &[]), Ok(()));
    for points in [&b"\x05\x00"[..], b"\x30\x00"] {
        assert_eq!(check_extension(Some(points.to_vec()), &[&ListShape::default()]).unwrap_err().gap, Gap::Missing);
    }
}

#[test]
fn of_several_points_one_that_is_covered_will_do() {
    for points in [vec![point(OWN), point_of_a_stranger()], vec![point_of_a_stranger(), point(OWN)]] {
        assert_eq!(check(points.clone(), &[&ListShape::default()]), Ok(()));
        assert_eq!(check(points, &[]).unwrap_err().gap, Gap::Missing);
    }
}

#[test]
fn of_several_points_that_are_not_covered_the_one_with_a_list_is_told_of() {
    let stale = Gap::Stale { file: "a.crl".into(), next_update: at(1_593_561_600) };
    for points in [vec![point(OWN), point_of_a_stranger()], vec![point_of_a_stranger(), point(OWN)]] {
        let uncovered = check(points, &[&ended()]).unwrap_err();
        assert_eq!((uncovered.gap, uncovered.address.as_str()), (stale.clone(), OWN));
    }
}

#[test]
fn a_point_for_some_reasons_only_is_covered_by_no_list() {
    let some = DistributionPoint { reasons: Some(ReasonFlags::from(Reasons::KeyCompromise)), ..point(OWN) };
    assert_eq!(check(vec![some], &[&ListShape::default()]).unwrap_err().gap, Gap::Missing);
}

#[test]
fn a_list_about_end_entities_only_covers_a_leaf_and_one_about_authorities_only_does_not() {
    let users = scoped(|point| point.only_contains_user_certs = true);
    let authorities = scoped(|point| point.only_contains_ca_certs = true);
    assert_eq!(check(vec![point(OWN)], &[&users]), Ok(()));
    assert_eq!(check(vec![point(OWN)], &[&authorities]).unwrap_err().gap, Gap::Missing);
}

#[test]
fn one_of_several_lists_covers_those_certificates_that_name_its_address() {
    let published_at = |address| scoped(|scope| scope.distribution_point = point(address).distribution_point);
    assert_eq!(check(vec![point(OWN)], &[&published_at(OWN)]), Ok(()));
    assert_eq!(check(vec![point(OWN)], &[&published_at(STRANGERS)]).unwrap_err().gap, Gap::Missing);
}

#[test]
fn a_list_that_gives_its_address_as_part_of_a_name_covers_nobody() {
    let relative = scoped(|scope| {
        scope.distribution_point = Some(DistributionPointName::NameRelativeToCRLIssuer(Default::default()));
    });
    assert_eq!(check(vec![point(OWN)], &[&relative]).unwrap_err().gap, Gap::Missing);
}
