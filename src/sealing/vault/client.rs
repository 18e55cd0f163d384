//! One request to Vault.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use super::{TokenSource, Vault, VaultError};
use crate::secret::Secret;

/// For a whole request. Together with what a database may take it ends before the core gives the store up
/// (`deadline::STORE`), so that the core hears the reason.
const DEADLINE: Duration = Duration::from_secs(5);

/// The longest answer that is read.
const LIMIT: u64 = 256 * 1024;

pub(super) enum Method<'a> {
    Get,
    Post(&'a [u8]),
}

/// What is inside `data` of an answer about a KV secret.
#[derive(Deserialize)]
pub(super) struct KvSecret {
    pub(super) data: BTreeMap<String, Secret>,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    errors: Vec<String>,
}

/// The token as it is now.
pub(super) fn token(vault: &Vault) -> Result<Secret, VaultError> {
    let (from, text) = match &vault.token {
        TokenSource::File(path) => {
            (path.display().to_string(), std::fs::read_to_string(path).map_err(|error| error.to_string()))
        }
        TokenSource::Environment(name) => {
            (format!("the environment variable {name}"), std::env::var(name).map_err(|_| "it is not set".to_owned()))
        }
    };
    let text = match text {
        Ok(text) => Zeroizing::new(text),
        Err(why) => return Err(VaultError::Token { from, why }),
    };
    let token = text.trim_ascii();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(VaultError::Token { from, why: "expected one word".to_owned() });
    }
    Ok(Secret::from(token.to_owned()))
}

/// Whom Vault's certificate may be of.
pub(super) fn roots(vault: &Vault) -> Result<RootCerts, VaultError> {
    let failed = |why: String| VaultError::Roots { path: vault.ca.clone(), why };
    let certificates: Vec<CertificateDer<'static>> = match &vault.ca {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|error| failed(error.to_string()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    if certificates.is_empty() {
        return Err(failed("there is no certificate".to_owned()));
    }
    let certificates = certificates.iter().map(|der| Certificate::from_der(der).to_owned());
    Ok(RootCerts::Specific(Arc::new(certificates.collect())))
}

fn agent(vault: &Vault) -> Result<Agent, VaultError> {
    let mut tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    if vault.address.is_tls() {
        tls = tls.root_certs(roots(vault)?);
    }
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .timeout_global(Some(DEADLINE))
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .max_idle_connections(0)
        .build();
    Ok(config.new_agent())
}

/// What is in `data` of Vault's answer.
pub(super) fn ask<T: DeserializeOwned>(vault: &Vault, method: Method<'_>, path: &str) -> Result<T, VaultError> {
    let agent = agent(vault)?;
    let token = token(vault)?;
    let url = format!("{}/v1/{path}", vault.address);
    let headers = [("X-Vault-Request", Some("true")), ("X-Vault-Namespace", vault.namespace.as_deref())];
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let answered = match method {
        Method::Get => {
            let request = agent.get(url).header("X-Vault-Token", token.expose());
            headers.fold(request, |request, (name, value)| request.header(name, value)).call()
        }
        Method::Post(body) => {
            let request = agent.post(url).header("X-Vault-Token", token.expose());
            let request = headers.fold(request, |request, (name, value)| request.header(name, value));
            request.content_type("application/json").send(body)
        }
    };
    let mut answer = answered.map_err(|error| VaultError::Unreachable(error.to_string()))?;
    if !answer.status().is_success() {
        return Err(refusal(vault, &mut answer));
    }
    let text = body(&mut answer)?;
    serde_json::from_slice(&text).map(|Answer { data }| data).map_err(|_| VaultError::Answer)
}

fn body(answer: &mut Response<Body>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let read = answer.body_mut().with_config().limit(LIMIT).read_to_vec();
    read.map(Zeroizing::new).map_err(|error| VaultError::Unreachable(error.to_string()))
}

/// Vault's statuses: <https://developer.hashicorp.com/vault/api-docs#http-status-codes>.
fn refusal(vault: &Vault, answer: &mut Response<Body>) -> VaultError {
    let status = answer.status().as_u16();
    let refusal: Refusal = body(answer).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let said = match refusal.errors.join("; ") {
        nothing if nothing.is_empty() => format!("status {status}"),
        // On one line, and not at length.
        words => words.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(200).collect(),
    };
    let what = vault.to_string();
    match status {
        401 | 403 => VaultError::Denied { what, said },
        404 => VaultError::Missing { what, said },
        400 | 405 | 422 => VaultError::Refused { what, said },
        412 | 429 | 472 | 473 | 500..=599 => VaultError::Unready { status, said },
        _ => VaultError::Answer,
    }
}
