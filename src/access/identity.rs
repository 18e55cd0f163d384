//! What is known of a relay that was let in.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::store::{NameError, ServerName, Tenant};

/// Who a relay is. `Display` is for log lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nobody asked.
    Unasked,
    /// It has a token.
    Token {
        /// The token's name.
        name: TokenName,
        /// Whose devices it may serve; `None` for everybody's.
        tenant: Option<Tenant>,
    },
    /// It has the key of a client certificate, for everybody's devices.
    Certificate(Subject),
}

impl Identity {
    /// Whether it may ask for devices of `tenant`.
    pub fn may_serve(&self, tenant: &Tenant) -> bool {
        match self {
            Self::Token { tenant: Some(own), .. } => own == tenant,
            Self::Token { tenant: None, .. } | Self::Certificate(_) | Self::Unasked => true,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => f.write_str("nobody asked"),
            Self::Token { name, .. } => write!(f, "token {name}"),
            Self::Certificate(subject) => write!(f, "certificate {subject}"),
        }
    }
}

/// What a token is called, in configuration and log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenName(ServerName);

/// A text that is no name of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenNameError {
    /// There is nothing in it.
    #[error("a token needs a name")]
    Empty,
    /// It is no name at all.
    #[error(transparent)]
    Name(NameError),
}

impl FromStr for TokenName {
    type Err = TokenNameError;

    fn from_str(text: &str) -> Result<Self, TokenNameError> {
        match text.parse() {
            Ok(name) => Ok(Self(name)),
            Err(NameError::Empty) => Err(TokenNameError::Empty),
            Err(error) => Err(TokenNameError::Name(error)),
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom a client certificate names, fit for one line: its subject (RFC 4514), or where that is empty its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// The longest that is kept, in characters.
    const MAX: usize = 200;

    /// The subject of a certificate that TLS has verified.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        let subject = Certificate::from_der(certificate).map(|read| read.tbs_certificate().subject().to_string());
        Self(match subject {
            Ok(subject) if !subject.is_empty() => subject.escape_debug().take(Self::MAX).collect(),
            Ok(_) | Err(_) => {
                Sha256::digest(certificate).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
            }
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn only_a_token_with_a_tenant_is_held_to_it() {
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let token = |tenant| Identity::Token { name: "a".parse().unwrap(), tenant };
        let bound = token(Some(acme));
        assert!(bound.may_serve(&"acme".parse().unwrap()));
        assert!(!bound.may_serve(&other) && !bound.may_serve(&Tenant::default()));
        assert!(token(Some(Tenant::default())).may_serve(&Tenant::default()));
        assert!(!token(Some(Tenant::default())).may_serve(&other));
        assert!(token(None).may_serve(&other) && Identity::Unasked.may_serve(&other));
    }

    #[test]
    fn a_subject_is_one_line_whatever_is_in_it() {
        let subject = |name: Option<&str>| {
            let mut params = CertificateParams::default();
            params.distinguished_name = rcgen::DistinguishedName::new();
            if let Some(name) = name {
                params.distinguished_name.push(DnType::CommonName, name);
            }
            Subject::of(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der()).to_string()
        };
        assert_eq!(subject(Some("pc-7")), "CN=pc-7");
        let hostile = subject(Some("pc\nERROR forged \u{1b}[31m"));
        assert!(!hostile.contains(['\n', '\u{1b}']), "{hostile:?}");
        assert_eq!(subject(Some(&"x".repeat(999))).len(), Subject::MAX);
        let nameless = subject(None);
        assert!(nameless.starts_with("sha256:") && nameless.len() == 71, "{nameless}");
    }
}
