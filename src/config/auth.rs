//! `[server.auth]`: how relays prove who they are.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::model::TenantRule;
use super::pem_file;
use super::read::{Section, Value};
use crate::access::{Access, KnownToken};
use crate::store::Tenant;

/// Who is let in, and who judges client certificates.
pub(super) struct Auth {
    pub(super) access: Access,
    pub(super) clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// `tenants` is `None` where a mistake among them has been told: then they cannot be looked up.
pub(super) fn read(value: &Value<'_>, tenants: Option<&[TenantRule]>, has_tls: bool) -> Option<Auth> {
    let section = value.section("[server.auth]", &["tokens", "client_ca"])?;
    let tokens = section.or("tokens", Vec::new(), |value| tokens(&value, tenants));
    let clients = section.or("client_ca", None, |value| {
        let verifier = verifier(&value);
        if !has_tls {
            return value.mistake("has no effect without TLS: name the server's own certificates in [server.tls]");
        }
        verifier.map(Some)
    });
    let (tokens, clients) = tokens.zip(clients)?;
    if tokens.is_empty() && clients.is_none() {
        // After a misspelt key a person has been told.
        return if section.is_misspelt() { None } else { value.mistake("lets nobody in: name tokens or a client_ca") };
    }
    Some(Auth { access: Access::Known(tokens), clients })
}

fn tokens(value: &Value<'_>, tenants: Option<&[TenantRule]>) -> Option<Vec<KnownToken>> {
    let sections = value.sections("[[server.auth.tokens]]", &["name", "sha256", "tenant"])?;
    let mut tokens: Vec<KnownToken> = Vec::new();
    for section in &sections {
        tokens.extend(token(section, &tokens, tenants));
    }
    // One that is missing here has told its mistake.
    (tokens.len() == sections.len()).then_some(tokens)
}

fn token(section: &Section<'_>, others: &[KnownToken], tenants: Option<&[TenantRule]>) -> Option<KnownToken> {
    let name = section.required("name", "name = \"site-a\"").and_then(|value| {
        let name = value.parse()?;
        if others.iter().any(|other| other.name == name) {
            return value.mistake(format_args!("is \"{name}\" for the second time: the log tells tokens by name"));
        }
        Some(name)
    });
    let hash = section.required("sha256", "sha256 = \"…\", what `sha256sum` says of the token").and_then(|value| {
        let hash = value.parse()?;
        match others.iter().find(|other| other.hash == hash) {
            Some(other) => value.mistake(format_args!("is that of \"{}\" too: make a token for each", other.name)),
            None => Some(hash),
        }
    });
    let tenant = section.or("tenant", None, |value| {
        let tenant: Tenant = value.parse()?;
        match tenants {
            Some([]) if tenant != Tenant::default() => value.mistake(format_args!(
                "is \"{tenant}\", and without [[tenants]] there is the default one alone: add it"
            )),
            Some(rules) if !rules.is_empty() && !rules.iter().any(|rule| rule.tenant == tenant) => {
                value.mistake(format_args!("is \"{tenant}\", and no [[tenants]] has that name: add it"))
            }
            Some(_) | None => Some(Some(tenant)),
        }
    });
    Some(KnownToken { name: name?, hash: hash?, tenant: tenant? })
}

/// Whoever shows no certificate gets through the handshake, and is told what is missing in HTTP.
fn verifier(value: &Value<'_>) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for (at, certificate) in (1..).zip(pem_file::certificates(value)?) {
        if let Err(error) = roots.add(certificate) {
            return value.mistake(format_args!("has a certificate, number {at}, that is no authority's: {error}"));
        }
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    match WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated().build() {
        Ok(verifier) => Some(verifier),
        Err(error) => value.mistake(format_args!("is refused: {error}")),
    }
}
