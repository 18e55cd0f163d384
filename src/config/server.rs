//! `[server]` and `[store]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::model::Listener;
use super::pem_file;
use super::read::Value;
use crate::store::ServerName;

const DEFAULT_NAME: &str = "amt-provision";

pub(super) fn read(value: Value<'_>) -> Option<(Listener, ServerName)> {
    let section = value.section("[server]", &["listen", "name", "tls", "allow_unauthenticated"])?;
    let unauthenticated = section.or("allow_unauthenticated", false, |value| value.flag());
    let name = match section.optional("name") {
        Some(value) => value.parse(),
        None => DEFAULT_NAME.parse().ok(),
    };
    let tls = match section.optional("tls") {
        Some(value) => value
            .section("[server.tls]", &["certificates", "key"])
            .and_then(|section| pem_file::certified_key(&section))
            .map(Some),
        None => Some(None),
    };
    let listen = section.required("listen", "listen = \"127.0.0.1:8080\"");
    let address = listen.and_then(|value| {
        let address: SocketAddr = match value.text()?.parse() {
            Ok(address) => address,
            Err(_) => return value.mistake("is no address: expected IP:PORT, such as \"127.0.0.1:8080\""),
        };
        if !address.ip().is_loopback() && unauthenticated == Some(false) {
            return value.mistake(format_args!(
                "is {address}, which others can reach, and relays are not authenticated: listen on 127.0.0.1, or write \
                 allow_unauthenticated = true if something in front authenticates them"
            ));
        }
        Some(address)
    });
    Some((Listener { address: address?, tls: tls? }, name?)).filter(|_| unauthenticated.is_some())
}

pub(super) fn read_store(value: Value<'_>) -> Option<PathBuf> {
    let path = value.section("[store]", &["path"])?.required("path", "path = \"fleet.db\"")?;
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
