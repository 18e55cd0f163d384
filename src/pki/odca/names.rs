//! What the names in an ODCA chain say. Names are read only of certificates whose path is verified, and they
//! only ever narrow what a key vouches for (odca.md §1.1).

use x509_cert::Certificate;
use x509_cert::der::asn1::{Any, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::name::Name;

pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
pub(super) const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// The subject's common name; empty if there is none, or more than one.
pub(super) fn common_name(certificate: &Certificate) -> String {
    only(certificate.tbs_certificate().subject(), COMMON_NAME)
}

/// The subject's organizational unit; empty if there is none, or more than one.
pub(super) fn unit(certificate: &Certificate) -> String {
    only(certificate.tbs_certificate().subject(), ORGANIZATIONAL_UNIT)
}

fn only(name: &Name, oid: ObjectIdentifier) -> String {
    let mut values = name.iter().filter(|attribute| attribute.oid == oid).map(|attribute| &attribute.value);
    let (Some(value), None) = (values.next(), values.next()) else { return String::new() };
    text(value).unwrap_or_default()
}

/// The text of an attribute, whichever of the two usual kinds of string it is.
pub(super) fn text(value: &Any) -> Option<String> {
    let utf8 = value.decode_as::<Utf8StringRef<'_>>().map(|text| text.as_str().to_owned());
    let printable = || value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str().to_owned());
    utf8.or_else(|_| printable()).ok()
}

/// Whether `name` has each of `words` as a word of its own.
pub(super) fn has_words(name: &str, words: &[&str]) -> bool {
    words.iter().all(|word| name.split_whitespace().any(|found| found == *word))
}

/// The firmware's security version in the name of an AMT or kernel CA: `SVN 01`, `SVN01` or `01SVN`.
pub(super) fn security_version(name: &str) -> Option<u16> {
    let words: Vec<_> = name.split_whitespace().collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let number = match word.strip_prefix("SVN").or_else(|| word.strip_suffix("SVN"))? {
            "" => words.get(at + 1)?,
            number => number,
        };
        number.parse().ok()
    })
}

/// The platform in the unit of its issuing CA: `LNL SOC 00003648 ZE` of `ODCA 2 CSME P_LNL SOC 00003648 ZE Issuing CA`.
pub(super) fn platform<'a>(unit: &'a str, branches: &[String]) -> Option<&'a str> {
    branches.iter().find_map(|branch| unit.strip_prefix(branch.as_str())?.strip_suffix(" Issuing CA"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_versions_are_read_as_intel_has_written_them() {
        for (name, svn) in [
            ("ODCA 2 CSME LNL SOC SVN 01 AMT   CA", Some(1)),
            ("CSME ADL SVN12 Kernel CA", Some(12)),
            ("CSME ADL PTT  01SVN", Some(1)),
            ("ODCA 2 CSME LNL SOC ROM CA", None),
            ("ODCA 2 CSME LNL SOC SVN", None),
            ("ODCA 2 CSME LNL SOC SVN 99999999 AMT CA", None),
        ] {
            assert_eq!(security_version(name), svn, "{name}");
        }
    }

    #[test]
    fn a_name_that_says_a_thing_twice_says_nothing() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        assert_eq!(only(&name("CN=AMT RCFG,OU=AMT"), COMMON_NAME), "AMT RCFG");
        assert_eq!(only(&name("CN=AMT RCFG,CN=AMT RCFG"), COMMON_NAME), "");
        assert_eq!(only(&name("CN=AMT WS-MAN+CN=AMT RCFG"), COMMON_NAME), "");
        assert_eq!(only(&name("OU=AMT"), COMMON_NAME), "");
    }

    #[test]
    fn words_are_whole_words() {
        assert!(has_words("ODCA 2 CSME LNL SOC SVN 01 AMT   CA", &["AMT", "CA"]));
        assert!(!has_words("ODCA 2 CSME LNL SOC SVN 01 XAMT CA", &["AMT", "CA"]));
        assert!(!has_words("ODCA 2 CSME LNL SOC ROM DE", &["ROM", "CA"]));
    }

    #[test]
    fn only_allowed_branches_have_a_platform() {
        let branches = ["ODCA 2 CSME P_".to_owned()];
        assert_eq!(platform("ODCA 2 CSME P_LNL SOC 00003648 ZE Issuing CA", &branches), Some("LNL SOC 00003648 ZE"));
        assert_eq!(platform("ODCA 2 CSME E_ADL 00002225 Issuing CA", &branches), None);
        assert_eq!(platform("ODCA 2 CSME P_ADL", &branches), None);
    }
}
