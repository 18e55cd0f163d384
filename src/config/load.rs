//! From a file to a [`Config`].

use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;
use zeroize::Zeroizing;

use super::error::{ConfigError, Mistakes};
use super::model::Config;
use super::read::{Reader, Section};
use super::{domain, odca, profile, server, tenant};
use crate::limits::Deadlines;
use crate::store::StoreAddress;

impl Config {
    /// Reads a file and every file that it names.
    ///
    /// # Errors
    /// [`ConfigError`]: with every mistake, not only the first.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { path: file.to_owned(), source })?;
        // It may hold fixed passwords.
        Ok(Self::parse(file, &Zeroizing::new(text))?)
    }

    /// Reads a text as if it were in `file`.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Mistakes> {
        let (document, errors) = DeTable::parse_recoverable(text);
        let reader = Reader::new(file, text);
        if !errors.is_empty() {
            // What is read beyond a mistake of syntax may be something else than what was meant.
            for error in errors {
                // Its `Display` would show the line, which may hold a password.
                reader
                    .mistake(error.span().map_or(0, |span| span.start), format_args!("not TOML: {}", error.message()));
            }
            return reader.finish(None);
        }
        let value = read(&reader, file, document.get_ref());
        reader.finish(value)
    }
}

fn read<'a>(reader: &'a Reader<'a>, file: &Path, document: &'a DeTable<'a>) -> Option<Config> {
    const KEYS: &[&str] = &["server", "store", "profiles", "domains", "tenants", "odca"];
    let root = Section::new(reader, document, 0, "the file", KEYS);
    // Each part is read, whatever became of the ones before it.
    let store = root.required("store", "[store]").and_then(server::read_store);
    let domains = root.optional("domains").map_or(Some(Vec::new()), domain::read);
    let profiles = root.required("profiles", "[[profiles]]").and_then(|value| profile::read(value, domains.as_deref()));
    let tenants = root.optional("tenants").map_or(Some(Vec::new()), |value| tenant::read(value, profiles.as_deref()));
    let odca = root.optional("odca").map_or_else(|| Some(Default::default()), odca::read);
    let deadlines = match &store {
        Some((StoreAddress::Postgres(_), _)) => Deadlines::shared(),
        _ => Deadlines::default(),
    };
    let server =
        root.required("server", "[server]").and_then(|value| server::read(&value, tenants.as_deref(), deadlines));
    let (listener, name) = server?;
    let (odca, revocation) = odca?;
    let (store, keys) = store?;
    let domains = domains?.into_iter().filter_map(|named| Some(named.domain?.1)).collect();
    Some(Config {
        file: file.to_owned(),
        listener,
        name,
        store,
        keys,
        profiles: profiles?,
        domains,
        tenants: tenants?,
        odca: Arc::new(odca),
        revocation,
    })
}
