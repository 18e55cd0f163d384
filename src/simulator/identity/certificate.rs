//! What stands in ODCA certificates (odca.md §1.3, §1.5).

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose,
};
use sha2::{Digest, Sha256};
use x509_cert::der::Encode;
use x509_cert::der::asn1::Ia5String;
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::name::Name;

use super::error::IdentityError;
use super::shape::{ChainShape, LeafPurpose, Subject, end_of_2049};

pub(super) fn authority_params(name: DistinguishedName, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.not_before = rcgen::date_time_ymd(2020, 3, 4);
    params.not_after = end_of_2049();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    // RFC 7093 method 1 over the point, not over the whole SubjectPublicKeyInfo (odca.md §1.3).
    let key_identifier = Sha256::digest(key.public_key_raw()).into_iter().take(20).collect();
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_identifier);
    params
}

pub(super) fn leaf_params(subject: &Subject, purpose: LeafPurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.use_authority_key_identifier_extension = true;
    // By hand: rcgen adds a subject key identifier to the leaf and leaves its purpose non-critical.
    const CA_FALSE: &[u8] = &[0x30, 0x00];
    params.custom_extensions = vec![extension(&[2, 5, 29, 19], true, CA_FALSE.to_vec())];
    let purpose: Option<&[u8]> = match purpose {
        LeafPurpose::ServerAuth => Some(b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"),
        LeafPurpose::ClientAuth => Some(b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"),
        LeafPurpose::Unstated => None,
    };
    params.custom_extensions.extend(purpose.map(|oids| extension(&[2, 5, 29, 37], true, oids.to_vec())));
    params
}

/// One point: where a list is, and who publishes it if that is not the certificate's issuer.
pub(super) fn distribution_point(list: &str, publisher: Option<Name>) -> Result<CustomExtension, IdentityError> {
    let address = Ia5String::new(&format!("https://odca.simulator.invalid/crls/{list}"))?;
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(vec![GeneralName::UniformResourceIdentifier(
            address,
        )])),
        reasons: None,
        crl_issuer: publisher.map(|name| vec![GeneralName::DirectoryName(name)]),
    };
    Ok(extension(&[2, 5, 29, 31], false, CrlDistributionPoints(vec![point]).to_der()?))
}

pub(super) fn dated(mut params: CertificateParams, shape: &ChainShape) -> CertificateParams {
    params.not_before = shape.not_before;
    params.not_after = shape.not_after;
    if shape.ballast > 0 {
        params.custom_extensions.push(extension(&[1, 3, 6, 1, 4, 1, 55555, 1], false, vec![0x5a; shape.ballast]));
    }
    params
}

fn extension(oid: &[u64], critical: bool, content: Vec<u8>) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content);
    extension.set_criticality(critical);
    extension
}
