//! `[[domains]]`: provisioning certificates.

use std::sync::Arc;

use amt_provision_fsm::request::ChainLength;
use rustls::pki_types::{CertificateDer, DnsName, PrivateKeyDer};
use zeroize::Zeroizing;

use super::model::{Domain, Source};
use super::pem_file;
use super::read::{Section, Value};
use crate::pki::provisioning::{Finding, Opened, OrderError, Pkcs12Error, open};
use crate::tunnel::channel::{AssemblyError, ProvisioningCertificate, ProvisioningIdentity};

const KEYS: &[&str] = &["dns_suffix", "certificates", "key", "pfx", "password_file", "password_env"];

/// A domain that a profile may name.
pub(super) struct Named {
    pub(super) dns_suffix: String,
    /// `None` after a mistake that has been told.
    pub(super) domain: Option<(ChainLength, Arc<Domain>)>,
}

/// What a section's files hold, and where the section names them.
struct Material<'a> {
    /// Where the certificates are.
    file: Value<'a>,
    /// Where the key is.
    key_file: Value<'a>,
    certificates: Vec<CertificateDer<'static>>,
    key: Zeroizing<PrivateKeyDer<'static>>,
}

pub(super) fn read(value: Value<'_>) -> Option<Vec<Named>> {
    let mut domains: Vec<Named> = Vec::new();
    for section in value.sections("[[domains]]", KEYS)? {
        let suffix = section.required("dns_suffix", "dns_suffix = \"corp.example\"").and_then(|value| {
            let suffix = dns_name(&value)?;
            if domains.iter().any(|other| other.dns_suffix == suffix.as_ref()) {
                return value.mistake(format_args!("is {} for the second time: keep one", suffix.as_ref()));
            }
            Some(suffix)
        });
        let material = match section.optional("pfx") {
            Some(pfx) => from_pfx(&section, pfx),
            None => from_pem(&section),
        };
        let assembled = material.and_then(assemble);
        if let Some(dns_suffix) = suffix {
            let name = dns_suffix.as_ref().to_owned();
            let domain = assembled.map(|(length, certificate, unused, source)| {
                (length, Arc::new(Domain { dns_suffix, certificate: Arc::new(certificate), unused, source }))
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

/// The chain in order. Whether devices take it is a matter of time, and not of reading.
fn assemble(material: Material<'_>) -> Option<(ChainLength, ProvisioningCertificate, usize, Source)> {
    let Material { file, key_file, certificates, key } = material;
    let (certificate, unused) = match ProvisioningCertificate::assemble(certificates, &key) {
        Ok(assembled) => assembled,
        Err(error @ (AssemblyError::Key(_) | AssemblyError::Order(OrderError::NoLeaf))) => {
            return key_file.mistake(format_args!("is refused: {error}"));
        }
        Err(error @ AssemblyError::Order(OrderError::SeveralLeaves(_))) => {
            return file.mistake(format_args!("is refused: {error}"));
        }
    };
    let Some(length) = ChainLength::new(certificate.chain().len()) else {
        return file.mistake(format_args!("is refused: {}", Finding::Length(certificate.chain().len())));
    };
    let source = Source { place: file.place(), key: file.key(), path: file.path()? };
    Some((length, certificate, unused, source))
}

fn from_pem<'a>(section: &Section<'a>) -> Option<Material<'a>> {
    for key in ["password_file", "password_env"] {
        if let Some(password) = section.optional(key) {
            return password.mistake("has no effect without `pfx`: name the PFX file, or leave it out");
        }
    }
    let file = section.required(
        "certificates",
        "certificates = \"provisioning.pem\" beside key = \"provisioning.key\", or pfx = \"provisioning.pfx\"",
    );
    let certificates = file.as_ref().and_then(pem_file::certificates);
    let key_file = section.required("key", "key = \"provisioning.key\"")?;
    let key = pem_file::private_key(&key_file)?;
    let (file, certificates) = file.zip(certificates)?;
    Some(Material { file, key_file, certificates, key })
}

fn from_pfx<'a>(section: &Section<'a>, file: Value<'a>) -> Option<Material<'a>> {
    for key in ["certificates", "key"] {
        if let Some(other) = section.optional(key) {
            return other.mistake("stands beside `pfx`, which holds certificates and key: keep one of the two");
        }
    }
    let password = password(section);
    let (path, contents) = (file.path()?, pem_file::contents(&file)?);
    let (password_value, password) = password?;
    match open(&contents, &password) {
        Ok(Opened { key, certificates }) => Some(Material { key_file: file.clone(), file, certificates, key }),
        Err(error @ Pkcs12Error::WrongPassword) => {
            password_value.mistake(format_args!("does not fit: {} {error}", path.display()))
        }
        Err(error) => file.mistake(format_args!("names {}, which {error}", path.display())),
    }
}

/// The password of a PFX file, and where the section says where it is. An empty one is a password too.
fn password<'a>(section: &Section<'a>) -> Option<(Value<'a>, Zeroizing<String>)> {
    match (section.optional("password_file"), section.optional("password_env")) {
        (Some(value), None) => {
            let contents = pem_file::contents(&value)?;
            let Ok(text) = std::str::from_utf8(&contents) else {
                return value.mistake("names a file that is no text in UTF-8");
            };
            // An editor ends the line; no password ends so.
            let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
            let password = Zeroizing::new(text.to_owned());
            Some((value, password))
        }
        (None, Some(value)) => {
            let name = value.text()?;
            let usable = !name.is_empty() && !name.contains(['=', '\0']);
            match usable.then(|| std::env::var(name)) {
                Some(Ok(password)) => Some((value, Zeroizing::new(password))),
                Some(Err(std::env::VarError::NotUnicode(_))) => {
                    value.mistake("names an environment variable that is no text in UTF-8")
                }
                Some(Err(std::env::VarError::NotPresent)) | None => {
                    value.mistake("names an environment variable that is not set")
                }
            }
        }
        (Some(value), Some(_)) => value.mistake("stands beside `password_env`: keep one of the two"),
        (None, None) if section.is_misspelt() => None,
        (None, None) => {
            section.mistake(
                "[[domains]] with `pfx` has no password: write password_file = \"provisioning.password\" or \
                 password_env = \"PFX_PASSWORD\"",
            );
            None
        }
    }
}
