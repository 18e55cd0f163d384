//! `key` and `old_keys` of `[store]`: where the keys are that the store's secrets are sealed under.

use super::read::{Section, Value};
use crate::sealing::{KeySource, KeySources, TokenSource, Vault, VaultKey};
use crate::store::StoreAddress;

const FORM: &str = "expected { file = \"fleet.key\" }, { env = \"FLEET_KEY\" } or { vault = { … } }";

/// The variable that Vault's own tools read their token from.
const VAULT_TOKEN: &str = "VAULT_TOKEN";

/// `address` is `None` where a mistake in it has been told.
pub(super) fn read(store: &Section<'_>, address: Option<&StoreAddress>) -> Option<KeySources> {
    let older = store.or("old_keys", Vec::new(), |value| {
        let read: Vec<Option<KeySource>> = value.items()?.map(|item| source(&item)).collect();
        read.into_iter().collect()
    });
    let own = match (store.optional("key"), address) {
        (Some(value), _) => KeySources::new(source(&value)?),
        (None, Some(address @ StoreAddress::Sqlite(_))) => address.own_keys(),
        (None, Some(StoreAddress::Postgres(_))) => {
            if !store.is_misspelt() {
                store.mistake(
                    "[store] names a database that several servers share, and no key for its secrets: write for \
                     instance key = { file = \"/etc/amt-provision/fleet.key\" }, the same key on each of them",
                );
            }
            return None;
        }
        (None, None) => return None,
    };
    Some(own.with_older(older?))
}

fn source(value: &Value<'_>) -> Option<KeySource> {
    if !value.is_table() {
        return value.mistake(format_args!("is no table: {FORM}"));
    }
    let section = value.section("the key", &["file", "env", "vault"])?;
    let named = (section.optional("file"), section.optional("env"), section.optional("vault"));
    let source = match named {
        (Some(file), None, None) => KeySource::File(file.path()?),
        (None, Some(name), None) => KeySource::Environment(variable(&name)?),
        (None, None, Some(vault)) => KeySource::Vault(self::vault(&vault)?),
        (None, None, None) if section.is_misspelt() => return None,
        _ => return value.mistake(format_args!("is not one place: {FORM}")),
    };
    match source.check() {
        Ok(()) => Some(source),
        Err(error) => value.mistake(format_args!("cannot be used: {error}")),
    }
}

fn variable(value: &Value<'_>) -> Option<String> {
    let name = value.text()?;
    if name.is_empty() || name.contains(['=', '\0']) {
        return value.mistake("is no name of an environment variable");
    }
    Some(name.to_owned())
}

fn vault(value: &Value<'_>) -> Option<Vault> {
    const KEYS: &[&str] = &["address", "ca", "namespace", "token_file", "token_env", "kv", "transit"];
    let section = value.section("the key's vault", KEYS)?;
    let address = section.required("address", "address = \"https://vault.corp.example:8200\"");
    let address = address.and_then(|value| value.parse());
    let ca = section.or("ca", None, |value| value.path().map(Some));
    let namespace = section.or("namespace", None, |value| part(&value).map(Some));
    let token = match (section.optional("token_file"), section.optional("token_env")) {
        (Some(file), None) => file.path().map(TokenSource::File),
        (None, Some(name)) => variable(&name).map(TokenSource::Environment),
        (None, None) => Some(TokenSource::Environment(VAULT_TOKEN.to_owned())),
        (Some(_), Some(other)) => other.mistake("stands beside `token_file`: keep one of the two"),
    };
    let key = match (section.optional("kv"), section.optional("transit")) {
        (Some(kv), None) => secret(&kv),
        (None, Some(transit)) => self::transit(&transit),
        _ if section.is_misspelt() => None,
        _ => value.mistake(
            "names not one key: write kv = { path = \"amt-provision\" } for a key among Vault's secrets, or transit = { \
             key = \"amt-provision\" } for one that never leaves Vault",
        ),
    };
    Some(Vault { address: address?, ca: ca?, namespace: namespace?, token: token?, key: key? })
}

fn secret(value: &Value<'_>) -> Option<VaultKey> {
    let section = value.section("the vault's kv", &["mount", "path", "field"])?;
    let mount = section.or("mount", "secret".to_owned(), |value| part(&value));
    let path = section.required("path", "path = \"amt-provision\"").and_then(|value| part(&value));
    let field = section.or("field", "key".to_owned(), |value| part(&value));
    Some(VaultKey::Secret { mount: mount?, path: path?, field: field? })
}

fn transit(value: &Value<'_>) -> Option<VaultKey> {
    let section = value.section("the vault's transit", &["mount", "key"])?;
    let mount = section.or("mount", "transit".to_owned(), |value| part(&value));
    let name = section.required("key", "key = \"amt-provision\"").and_then(|value| part(&value));
    Some(VaultKey::Transit { mount: mount?, name: name? })
}

/// A part of a path in Vault, as it stands in an address.
fn part(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let steps = text.split('/').all(|step| !step.is_empty() && step != "." && step != "..");
    if !steps || !text.bytes().all(usable) {
        return value.mistake("is no path in Vault: expected letters, digits, - _ . and single / between them");
    }
    Some(text.to_owned())
}
