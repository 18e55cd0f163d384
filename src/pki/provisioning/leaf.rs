//! What the leaf says: its purpose and its names.

use x509_cert::Certificate;
use x509_cert::der::Any;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier, PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectAltName};

/// Whether a firmware takes it as a provisioning certificate: by Intel's purpose 2.16.840.1.113741.1.2.3 beside
/// `serverAuth`, or by the organizational unit `Intel(R) Client Setup Certificate` (wsman.md §2.1).
pub fn is_for_provisioning(leaf: &Certificate) -> bool {
    const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
    const PROVISIONING: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113741.1.2.3");
    const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
    let by_purpose = matches!(
        leaf.tbs_certificate().get_extension::<ExtendedKeyUsage>(),
        Ok(Some((_, ExtendedKeyUsage(purposes)))) if purposes.contains(&SERVER_AUTH) && purposes.contains(&PROVISIONING)
    );
    by_purpose || texts(leaf, ORGANIZATIONAL_UNIT).any(|unit| unit == "Intel(R) Client Setup Certificate")
}

/// Its common names and DNS names, in lower case.
pub fn names(leaf: &Certificate) -> Vec<String> {
    const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
    let mut names: Vec<String> = texts(leaf, COMMON_NAME).collect();
    if let Ok(Some((_, SubjectAltName(alternatives)))) = leaf.tbs_certificate().get_extension() {
        names.extend(alternatives.iter().filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
            _ => None,
        }));
    }
    names.iter_mut().for_each(|name| name.make_ascii_lowercase());
    names.sort();
    names.dedup();
    names
}

/// Whether one of the names lies in the domain, as a firmware judges it: it is the suffix, or ends with it behind a dot.
pub fn covers(names: &[String], suffix: &str) -> bool {
    let suffix = suffix.to_ascii_lowercase();
    let in_domain =
        |name: &String| name.strip_suffix(&suffix).is_some_and(|host| host.is_empty() || host.ends_with('.'));
    names.iter().any(in_domain)
}

fn texts(certificate: &Certificate, oid: ObjectIdentifier) -> impl Iterator<Item = String> {
    let attributes = certificate.tbs_certificate().subject().iter();
    attributes.filter(move |attribute| attribute.oid == oid).filter_map(|attribute| text(&attribute.value))
}

fn text(value: &Any) -> Option<String> {
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
    let text = utf8.or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned()));
    let text = text.or_else(|_| value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str().to_owned()));
    text.or_else(|_| value.decode_as::<TeletexStringRef<'_>>().map(|text| text.as_str().to_owned())).ok()
}
