//! `[server]` and `[store]`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::SingleCertAndKey;

use super::auth::{self, Auth};
use super::limits;
use super::model::{Listener, TenantRule};
use super::read::{Section, Value};
use super::{keys, pem_file};
use crate::access::Access;
use crate::limits::{Deadlines, Limits};
use crate::sealing::KeySources;
use crate::store::{ServerName, StoreAddress};

const DEFAULT_NAME: &str = "amt-provision";

/// `tenants` is `None` where a mistake among them has been told: then they cannot be looked up.
pub(super) fn read(
    value: &Value<'_>,
    tenants: Option<&[TenantRule]>,
    usual: Deadlines,
) -> Option<(Listener, ServerName)> {
    const KEYS: &[&str] = &["listen", "name", "tls", "auth", "allow_unauthenticated", "limits", "deadlines"];
    let section = value.section("[server]", KEYS)?;
    let unauthenticated = section.or("allow_unauthenticated", false, |value| {
        let allowed = value.flag()?;
        if allowed && section.optional("auth").is_some() {
            return value.mistake("is true, and [server.auth] asks who relays are: leave one of the two out");
        }
        Some(allowed)
    });
    let name = match section.optional("name") {
        Some(value) => value.parse(),
        None => DEFAULT_NAME.parse().ok(),
    };
    let has_tls = section.optional("tls").is_some();
    let auth = section
        .or("auth", Auth { access: Access::Anybody, clients: None }, |value| auth::read(&value, tenants, has_tls));
    let (access, clients) = auth.map_or((None, None), |Auth { access, clients }| (Some(access), clients));
    let tls = section.or("tls", None, |value| tls(&value, clients).map(Some));
    let limits = section.or("limits", Limits::default(), |value| limits::read(&value));
    let deadlines = section.or("deadlines", usual, |value| limits::read_deadlines(&value, usual));
    let listen = section.required("listen", "listen = \"127.0.0.1:8080\"");
    let address = listen.and_then(|value| {
        let address: SocketAddr = match value.text()?.parse() {
            Ok(address) => address,
            Err(_) => return value.mistake("is no address: expected IP:PORT, such as \"127.0.0.1:8080\""),
        };
        if !address.ip().is_loopback() && unauthenticated == Some(false) && access == Some(Access::Anybody) {
            return value.mistake(format_args!(
                "is {address}, which others can reach, and relays are not authenticated: listen on 127.0.0.1, name \
                 tokens or a client_ca in [server.auth], or write allow_unauthenticated = true if something in front \
                 authenticates them"
            ));
        }
        Some(address)
    });
    let listener = Listener { address: address?, tls: tls?, access: access?, limits: limits?, deadlines: deadlines? };
    Some((listener, name?)).filter(|_| unauthenticated.is_some())
}

fn tls(value: &Value<'_>, clients: Option<Arc<dyn ClientCertVerifier>>) -> Option<Arc<ServerConfig>> {
    let key = pem_file::certified_key(&value.section("[server.tls]", &["certificates", "key"])?)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = match ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(versions) => versions,
        Err(error) => return value.mistake(format_args!("cannot be had: {error}")),
    };
    let asking = match clients {
        Some(verifier) => versions.with_client_cert_verifier(verifier),
        None => versions.with_no_client_auth(),
    };
    Some(Arc::new(asking.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)))))
}

/// The store, and the keys of its secrets.
pub(super) fn read_store(value: Value<'_>) -> Option<(StoreAddress, KeySources)> {
    let section = value.section("[store]", &["path", "url", "key", "old_keys"])?;
    let address = address(&section);
    let keys = keys::read(&section, address.as_ref());
    address.zip(keys)
}

/// A file or a database: `path` or `url`.
fn address(section: &Section<'_>) -> Option<StoreAddress> {
    let Some(url) = section.optional("url") else {
        return read_file(&section.required("path", "path = \"fleet.db\"")?).map(StoreAddress::Sqlite);
    };
    if section.optional("path").is_some() {
        return url.mistake("names a second store beside `path`: keep one of them");
    }
    match url.parse()? {
        StoreAddress::Postgres(address) => Some(StoreAddress::Postgres(address)),
        StoreAddress::Sqlite(_) => url.mistake("is the name of a file: write path = \"fleet.db\" for a SQLite file"),
    }
}

fn read_file(path: &Value<'_>) -> Option<PathBuf> {
    let file = path.path()?;
    // SQLite makes the file, and no folder.
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            path.mistake(format_args!("is in {}, which is no folder: create it", folder.display()))
        }
        _ if file.is_dir() => path.mistake(format_args!("is {}, a folder: expected a file in it", file.display())),
        _ => Some(file),
    }
}
