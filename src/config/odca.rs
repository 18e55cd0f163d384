//! `[odca]`: trust sets beside Intel's production one, which stays as it is, and revocation lists.

use super::model::CrlSource;
use super::pem_file;
use super::read::{Section, Value};
use crate::pki::certificate::CertificateParts;
use crate::pki::odca::revocation::RevocationPolicy;
use crate::pki::odca::{OdcaTrust, TrustSet};

pub(super) fn read(value: Value<'_>) -> Option<(OdcaTrust, Option<CrlSource>)> {
    let section = value.section("[odca]", &["trust", "revocation", "crl_directory"])?;
    let revocation = revocation(&section);
    let mut trust = OdcaTrust::production();
    let mut whole = true;
    if let Some(sets) = section.optional("trust") {
        for section in sets.sections("[[odca.trust]]", &["name", "certificates"])? {
            let added = trust_set(&section).and_then(|set| match trust.add(set) {
                Ok(()) => Some(()),
                Err(error) => section.optional("certificates")?.mistake(format_args!("is refused: {error}")),
            });
            whole &= added.is_some();
        }
    }
    whole.then_some((trust, revocation?))
}

/// `None` after a mistake. A folder alone means that what is in it is obeyed.
fn revocation(section: &Section<'_>) -> Option<Option<CrlSource>> {
    const WORDS: [(&str, Option<RevocationPolicy>); 3] = [
        ("off", None),
        ("if-present", Some(RevocationPolicy::IfPresent)),
        ("required", Some(RevocationPolicy::Required)),
    ];
    let word = section.optional("revocation");
    let policy = match &word {
        Some(word) => Some(word.word(&WORDS)?),
        None => None,
    };
    match (policy, section.optional("crl_directory")) {
        (None | Some(None), None) => Some(None),
        (Some(None), Some(directory)) => directory.mistake(
            "has no effect where revocation = \"off\": leave it out, or write revocation = \"if-present\" or \"required\"",
        ),
        (Some(Some(_)), None) => word?.mistake(
            "needs revocation lists: write for instance crl_directory = \"crls\", a folder with files that end in .crl",
        ),
        (None | Some(Some(_)), Some(directory)) => {
            let policy = policy.flatten().unwrap_or(RevocationPolicy::IfPresent);
            let path = directory.path()?;
            match path.is_dir() {
                true => Some(Some(CrlSource { policy, directory: path })),
                false => directory.mistake(format_args!("is {}, which is no folder: create it", path.display())),
            }
        }
    }
}

fn trust_set(section: &Section<'_>) -> Option<TrustSet> {
    let name = section.required("name", "name = \"laboratory\"").and_then(|value| value.text());
    let file =
        section.required("certificates", "certificates = \"odca.pem\": the root, then its CSME intermediates")?;
    let certificates = pem_file::certificates(&file)?;
    let (root, intermediates) = certificates.split_first()?;
    let Ok(root_parts) = CertificateParts::read(root) else { return None };
    if !root_parts.is_self_signed() {
        return file.mistake("begins with a certificate that is not self-signed: put the root first");
    }
    let strangers = intermediates.iter().position(|intermediate| {
        !CertificateParts::read(intermediate).is_ok_and(|parts| parts.is_signed_by(root_parts.spki()))
    });
    if let Some(at) = strangers {
        return file.mistake(format_args!(
            "has a certificate, number {}, that its root did not sign: expected the root's CSME intermediates",
            at + 2
        ));
    }
    match TrustSet::from_certificates(name?, root, intermediates) {
        Ok(set) => Some(set),
        Err(error) => file.mistake(format_args!("is refused: {error}")),
    }
}
