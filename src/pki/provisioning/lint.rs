//! Whether a chain is one that a firmware takes (wsman.md §2.1).

use std::time::Duration;

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::request::ChainLength;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;

use super::finding::{Finding, Place};
use super::leaf;
use super::signature::SignatureKind;
use crate::pki::certificate::CertificateParts;
use crate::pki::spki::KeyKind;

/// How long before its end a certificate is worth a warning.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a chain is judged by.
#[derive(Clone, Debug)]
pub struct Terms {
    firmware: Option<AmtVersion>,
    dns_suffix: Option<String>,
    now: UnixTime,
}

impl Terms {
    /// What every firmware wants: a chain that none takes is found.
    pub const fn of_any_device(now: UnixTime) -> Self {
        Self { firmware: None, dns_suffix: None, now }
    }

    /// What this firmware wants.
    #[must_use]
    pub fn with_firmware(self, version: AmtVersion) -> Self {
        Self { firmware: Some(version), ..self }
    }

    /// What a device in this domain wants. An empty one wants no name; one beyond DNS' 253 characters is never met.
    #[must_use]
    pub fn with_dns_suffix(self, suffix: &str) -> Self {
        let suffix: String = suffix.trim_matches('.').chars().take(254).collect();
        Self { dns_suffix: (!suffix.is_empty()).then_some(suffix), ..self }
    }

    /// The shortest RSA key: RSA-2048 is gone with AMT 22 (odca.md §5).
    fn least_rsa_bits(&self) -> usize {
        match self.firmware {
            Some(version) if version.major >= 22 => 3072,
            _ => 2048,
        }
    }
}

/// A certificate of the chain, read both ways.
struct Link {
    place: Place,
    parts: CertificateParts,
    certificate: Certificate,
    signature: SignatureKind,
}

impl Link {
    fn read((at, der): (usize, &CertificateDer<'_>)) -> Result<Self, Finding> {
        let place = Place(at);
        let parts = CertificateParts::read(der).map_err(|_| Finding::Unreadable(place))?;
        let certificate = Certificate::from_der(der).map_err(|_| Finding::Unreadable(place))?;
        let signature = SignatureKind::of(&certificate);
        Ok(Self { place, parts, certificate, signature })
    }

    /// A signature that nobody takes is a finding of its own, and is not checked.
    fn is_issued_by(&self, issuer: &Self) -> bool {
        self.parts.names_as_issuer(&issuer.parts)
            && (!self.signature.is_taken_by(None) || self.parts.is_signed_by(issuer.parts.spki()))
    }
}

/// Everything that is to be said about a chain, leaf first; without a finding that has a flaw, a firmware takes it if it
/// trusts the root.
pub fn lint(chain: &[CertificateDer<'_>], terms: &Terms) -> Vec<Finding> {
    let mut findings = Vec::new();
    if ChainLength::new(chain.len()).is_none() {
        findings.push(Finding::Length(chain.len()));
    }
    let links: Vec<Link> = match chain.iter().enumerate().map(Link::read).collect() {
        Ok(links) => links,
        Err(unreadable) => {
            findings.push(unreadable);
            return findings;
        }
    };
    if let Some(leaf) = links.first() {
        of_leaf(leaf, terms, &mut findings);
    }
    for (link, issuer) in links.iter().zip(links.iter().skip(1)) {
        if !link.is_issued_by(issuer) {
            findings.push(Finding::Gap(link.place));
        }
        if !is_authority(&issuer.certificate) {
            findings.push(Finding::NoAuthority(issuer.place));
        }
        // The root's own signature is not looked at: its hash is what the device knows.
        if !link.signature.is_taken_by(terms.firmware) {
            findings.push(Finding::Signature {
                place: link.place,
                found: link.signature,
                firmware: terms.firmware.filter(|_| link.signature.is_taken_by(None)),
            });
        }
    }
    if links.last().is_some_and(|last| !last.parts.is_self_issued()) {
        findings.push(Finding::NoRoot);
    }
    for link in &links {
        of_any(link, terms, &mut findings);
    }
    findings
}

fn of_leaf(leaf: &Link, terms: &Terms, findings: &mut Vec<Finding>) {
    if !leaf::is_for_provisioning(&leaf.certificate) {
        findings.push(Finding::NotForProvisioning);
    }
    if let Some(suffix) = &terms.dns_suffix {
        let names = leaf::names(&leaf.certificate);
        if !leaf::covers(&names, suffix) {
            findings.push(Finding::DnsSuffix { suffix: suffix.clone(), names });
        }
    }
}

fn of_any(link: &Link, terms: &Terms, findings: &mut Vec<Finding>) {
    let place = link.place;
    let (found, least) = (KeyKind::of(link.parts.spki()), terms.least_rsa_bits());
    if !matches!(found, KeyKind::Rsa { bits } if bits >= least) {
        findings.push(Finding::Key { place, found, least });
    }
    let validity = link.certificate.tbs_certificate().validity();
    let from = UnixTime::since_unix_epoch(validity.not_before.to_unix_duration());
    let at = UnixTime::since_unix_epoch(validity.not_after.to_unix_duration());
    if terms.now < from {
        findings.push(Finding::NotYetValid { place, from });
    } else if terms.now > at {
        findings.push(Finding::Expired { place, at });
    } else if at.as_secs() - terms.now.as_secs() < SOON.as_secs() {
        findings.push(Finding::EndsSoon { place, at });
    }
}

fn is_authority(certificate: &Certificate) -> bool {
    matches!(certificate.tbs_certificate().get_extension::<BasicConstraints>(), Ok(Some((_, it))) if it.ca)
}
