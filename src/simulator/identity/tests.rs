//! What the certificates look like to those who read them.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::Decode;

use super::*;

fn parse(certificate: &CertificateDer<'_>) -> Certificate {
    Certificate::from_der(certificate).unwrap()
}

#[test]
fn a_device_shows_the_six_certificates_of_odca_leaf_first() {
    let authority = SimulatorAuthority::generate().unwrap();
    let device = authority.device(&ChainShape::default()).unwrap();
    let subjects: Vec<_> =
        device.chain.iter().map(|certificate| parse(certificate).tbs_certificate().subject().to_string()).collect();
    assert_eq!(
        subjects,
        [
            "CN=AMT RCFG",
            "CN=ODCA 2 CSME SIM SOC SVN 01 AMT   CA",
            "CN=ODCA 2 CSME SIM SOC SVN 01 Kernel CA",
            "CN=ODCA 2 CSME SIM SOC ROM CA",
            "CN=www.intel.com,OU=ODCA 2 CSME P_SIM SOC 00000001 Issuing CA",
            "CN=www.intel.com,OU=ODCA CA2 CSME Intermediate CA",
        ]
    );
    for certificate in &device.chain {
        assert!(certificate.len() < 1024, "{} bytes", certificate.len());
        let not_after = parse(certificate).tbs_certificate().validity().not_after;
        assert_eq!(not_after.to_unix_duration().as_secs(), 2_524_607_999);
    }
}

#[test]
fn a_leaf_has_the_extensions_of_the_recorded_one_and_no_other() {
    let authority = SimulatorAuthority::generate().unwrap();
    let device = authority.device(&ChainShape::default()).unwrap();
    let leaf = parse(&device.chain[0]);
    let mut extensions: Vec<_> = leaf
        .tbs_certificate()
        .extensions()
        .unwrap()
        .iter()
        .map(|extension| (extension.extn_id.to_string(), extension.critical))
        .collect();
    extensions.sort();
    let expected = [
        ("2.5.29.15", true),  // key usage
        ("2.5.29.19", true),  // basic constraints
        ("2.5.29.31", false), // CRL distribution points
        ("2.5.29.35", false), // authority key identifier
        ("2.5.29.37", true),  // extended key usage
    ];
    assert_eq!(extensions, expected.map(|(oid, critical)| (oid.to_string(), critical)));
}

#[test]
fn an_authority_read_back_from_pem_has_the_same_keys_and_names() {
    let authority = SimulatorAuthority::generate().unwrap();
    let again = SimulatorAuthority::from_pem(&authority.to_pem()).unwrap();
    for (before, after) in [(authority.root(), again.root()), (authority.intermediate(), again.intermediate())]
        .map(|(a, b)| (parse(a), parse(b)))
    {
        assert_eq!(before.tbs_certificate(), after.tbs_certificate());
    }
}

#[test]
fn no_part_of_an_authoritys_file_is_one() {
    let text = SimulatorAuthority::generate().unwrap().to_pem();
    for length in 0..text.trim_end().len() {
        assert!(SimulatorAuthority::from_pem(&text[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_file_that_is_no_authority_is_refused() {
    for (text, found) in [("", 0), (generate_p384_key().unwrap().serialize_pem().as_str(), 1)] {
        match SimulatorAuthority::from_pem(text) {
            Err(IdentityError::NotAnAuthority { found: keys }) => assert_eq!(keys, found),
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn the_version_1_certificate_has_no_extension_and_the_same_subject() {
    let v3 = Identity::self_signed(generate_p384_key().unwrap()).unwrap();
    let v1 = Identity::self_signed_v1(generate_p384_key().unwrap()).unwrap();
    let (v3, v1) = (parse(&v3.chain[0]), parse(&v1.chain[0]));
    assert_eq!(v1.tbs_certificate().version(), Version::V1);
    assert_eq!(v1.tbs_certificate().extensions(), None);
    assert_eq!(v1.tbs_certificate().subject(), v3.tbs_certificate().subject());
}
