//! `[[domains]]`: provisioning certificates.

use std::sync::Arc;

use amt_provision_fsm::request::ChainLength;
use rustls::pki_types::DnsName;

use super::model::Domain;
use super::pem_file;
use super::read::{Section, Value};
use crate::tunnel::channel::{ProvisioningCertificate, ProvisioningCertificateError};

/// A domain that a profile may name.
pub(super) struct Named {
    pub(super) dns_suffix: String,
    /// `None` after a mistake that has been told.
    pub(super) domain: Option<(ChainLength, Arc<Domain>)>,
}

pub(super) fn read(value: Value<'_>) -> Option<Vec<Named>> {
    let mut domains: Vec<Named> = Vec::new();
    for section in value.sections("[[domains]]", &["dns_suffix", "certificates", "key"])? {
        let suffix = section.required("dns_suffix", "dns_suffix = \"corp.example\"").and_then(|value| {
            let suffix = dns_name(&value)?;
            if domains.iter().any(|other| other.dns_suffix == suffix.as_ref()) {
                return value.mistake(format_args!("is {} for the second time: keep one", suffix.as_ref()));
            }
            Some(suffix)
        });
        let certificate = certificate(&section);
        if let Some(dns_suffix) = suffix {
            let name = dns_suffix.as_ref().to_owned();
            let domain = certificate.map(|(length, certificate)| {
                (length, Arc::new(Domain { dns_suffix, certificate: Arc::new(certificate) }))
            });
            domains.push(Named { dns_suffix: name, domain });
        }
    }
    Some(domains)
}

fn dns_name(value: &Value<'_>) -> Option<DnsName<'static>> {
    match DnsName::try_from(value.text()?.to_ascii_lowercase()) {
        Ok(name) => Some(name),
        Err(_) => value.mistake("is no DNS name: expected one such as \"corp.example\""),
    }
}

fn certificate(section: &Section<'_>) -> Option<(ChainLength, ProvisioningCertificate)> {
    use ProvisioningCertificateError as Error;
    let file = section.required("certificates", "certificates = \"provisioning.pem\", the leaf first");
    let chain = file.as_ref().and_then(pem_file::certificates);
    let key_file = section.required("key", "key = \"provisioning.key\"")?;
    let key = pem_file::private_key(&key_file)?;
    let (file, chain) = file.zip(chain)?;
    let length = chain.len();
    match ProvisioningCertificate::new(chain, &key) {
        Ok(certificate) => Some((ChainLength::new(length)?, certificate)),
        Err(error @ (Error::Length(_) | Error::Unreadable(_) | Error::Order(_))) => {
            file.mistake(format_args!("is refused: {error}"))
        }
        Err(error @ (Error::Key | Error::OtherKey)) => key_file.mistake(format_args!("is refused: {error}")),
    }
}
