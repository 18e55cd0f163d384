//! What is a list, and what is none.

use x509_cert::crl::CertificateList;
use x509_cert::der::asn1::Ia5String;
use x509_cert::ext::pkix::name::GeneralName;

use super::super::entries::Entries;
use super::*;

fn refused(shape: &ListShape) -> ListError {
    RevocationList::read("a.crl", &AUTHORITY.product_list(shape).unwrap()).unwrap_err()
}

#[test]
fn a_list_that_is_not_understood_whole_is_not_used() {
    let with = |oid, critical, value: &[u8]| ListShape {
        extensions: vec![extension(oid, critical, value.to_vec())],
        ..ListShape::default()
    };
    let strange = "1.3.6.1.4.1.55555.1";
    assert_eq!(
        refused(&with(strange, true, b"\x05\x00")),
        ListError::Critical(ObjectIdentifier::new(strange).unwrap())
    );
    assert!(
        RevocationList::read("a.crl", &AUTHORITY.product_list(&with(strange, false, b"\x05\x00")).unwrap()).is_ok()
    );
    assert_eq!(refused(&with("2.5.29.27", true, b"\x02\x01\x01")), ListError::Delta);
    assert_eq!(refused(&ListShape { next_update: None, ..ListShape::default() }), ListError::NoNextUpdate);
    // A direct list may not speak of what another authority issued.
    assert_eq!(refused(&ListShape::revoking([certificate(Level::KernelCa)])), ListError::Foreign);
}

#[test]
fn files_are_der_or_pem_of_one_list_and_bounded() {
    let der = AUTHORITY.product_list(&ListShape::default()).unwrap();
    let pem = pem::encode(&pem::Pem::new("X509 CRL", &der[..]));
    assert_eq!(RevocationList::read("a.crl", pem.as_bytes()), RevocationList::read("a.crl", &der));
    for (contents, error) in [
        (Vec::new(), ListError::NotAList),
        (b"not a list".to_vec(), ListError::NotAList),
        (SILICON.identity.chain[0].to_vec(), ListError::NotAList),
        (pem.repeat(2).into_bytes(), ListError::Several { found: 2 }),
        (vec![0x30; MAX_LIST_BYTES + 1], ListError::TooLong),
        (vec![0x30; MAX_LIST_BYTES], ListError::NotAList),
    ] {
        assert_eq!(RevocationList::read("a.crl", &contents), Err(error));
    }
    for length in 0..der.len() {
        assert_eq!(RevocationList::read("a.crl", &der[..length]), Err(ListError::NotAList), "{length} bytes");
    }
    for length in 0..pem.trim_end().len() {
        assert_eq!(
            RevocationList::read("a.crl", &pem.as_bytes()[..length]),
            Err(ListError::NotAList),
            "{length} bytes"
        );
    }
}

#[test]
fn a_list_as_long_as_one_of_100_000_entries_is_read() {
    // A serial number of 20 bytes and a date in each.
    let ballast = extension("1.3.6.1.4.1.55555.1", false, vec![0x5a; 100_000 * (2 + 2 + 20 + 2 + 13)]);
    let shape = ListShape { extensions: vec![ballast], ..ListShape::default() };
    let list = RevocationList::read("a.crl", &AUTHORITY.product_list(&shape).unwrap()).unwrap();
    assert!(list.is_empty());
}

#[test]
fn a_list_that_names_two_signature_algorithms_is_not_used() {
    let der = AUTHORITY.product_list(&ListShape::default()).unwrap();
    let mut list: CertificateList = CertificateList::from_der(&der).unwrap();
    list.signature_algorithm.oid = ObjectIdentifier::new("1.2.840.10045.4.3.2").unwrap();
    assert_eq!(RevocationList::read("a.crl", &list.to_der().unwrap()), Err(ListError::Algorithms));
}

#[test]
fn an_entry_that_is_not_understood_spoils_the_list() {
    let list = AUTHORITY.indirect_list(&ListShape::revoking([certificate(Level::Leaf)])).unwrap();
    let list: CertificateList = CertificateList::from_der(&list).unwrap();
    let issuer = CaName::from(&list.tbs_cert_list.issuer);
    let read = |added: Option<Extension>| {
        let mut revoked = list.tbs_cert_list.revoked_certificates.clone().unwrap();
        revoked[0].crl_entry_extensions.as_mut().unwrap().extend(added);
        Entries::read(&issuer, Kind::Indirect, &revoked).map(|entries| entries.len())
    };
    let strange = "1.3.6.1.4.1.55555.1";
    assert_eq!(read(None), Ok(1));
    assert_eq!(read(Some(extension(strange, false, b"\x05\x00".to_vec()))), Ok(1));
    let critical = extension(strange, true, b"\x05\x00".to_vec());
    assert_eq!(read(Some(critical)), Err(ListError::Critical(ObjectIdentifier::new(strange).unwrap())));
    // An issuer by its address only: whose certificate is it?
    let by_address = vec![GeneralName::UniformResourceIdentifier(Ia5String::new("https://a.example").unwrap())];
    let nameless = extension("2.5.29.29", true, by_address.to_der().unwrap());
    assert_eq!(read(Some(nameless)), Err(ListError::Nameless));
}
