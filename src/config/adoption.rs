//! `adopt = { passwords = "…" }`: the admin passwords of devices that somebody else provisioned.
//!
//! They come from a file of the operator's and never from a relay. The file is TOML: UUIDs and their passwords, and
//! `default` for every device that is not named.

use std::collections::BTreeMap;
use std::fmt;

use amt_provision_fsm::identity::Uuid;

use super::pem_file::contents;
use super::read::Value;
use crate::password::Password;
use crate::secret::Secret;

/// The passwords with which a profile adopts devices.
#[derive(Clone, Default)]
pub struct AdoptionPasswords {
    devices: BTreeMap<Uuid, Password>,
    default: Option<Password>,
}

impl AdoptionPasswords {
    /// The same for every device.
    pub const fn of_every_device(password: Password) -> Self {
        Self { devices: BTreeMap::new(), default: Some(password) }
    }

    /// The password that the device has, if the operator gave one.
    pub fn of(&self, uuid: Uuid) -> Option<&Password> {
        self.devices.get(&uuid).or(self.default.as_ref())
    }
}

impl fmt::Debug for AdoptionPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdoptionPasswords").field("devices", &self.devices.len()).finish_non_exhaustive()
    }
}

/// Reads `{ passwords = "adopt.toml" }`.
pub(super) fn read(value: &Value<'_>) -> Option<AdoptionPasswords> {
    if !value.is_table() {
        return value.expected("{ passwords = \"adopt.toml\" }, a file with the passwords that the devices have");
    }
    let section = value.section("adopt", &["passwords"])?;
    let file = section.required("passwords", "passwords = \"adopt.toml\"")?;
    passwords(&file, &contents(&file)?)
}

// What the file says is never repeated: it may be a password in the wrong place.
fn passwords(file: &Value<'_>, text: &[u8]) -> Option<AdoptionPasswords> {
    const FORM: &str = "expected lines such as default = \"…\" or \"4c4c4544-0051-3610-8053-b7c04f4e3033\" = \"…\"";
    let path = file.path()?;
    let (path, text) = (path.display(), std::str::from_utf8(text).unwrap_or_default());
    let lines: BTreeMap<String, String> = match toml::from_str(text) {
        Ok(lines) => lines,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            return file.mistake(format_args!("names {path}, whose line {line} cannot be read: {FORM}"));
        }
    };
    let mut passwords = AdoptionPasswords::default();
    for (device, password) in lines {
        let password = match Password::new(Secret::from(password)) {
            Ok(password) => password,
            Err(rule) => {
                return file.mistake(format_args!("names {path}, whose password of `{device}` no device has: {rule}"));
            }
        };
        match device.as_str() {
            "default" => passwords.default = Some(password),
            device => match device.parse() {
                Ok(uuid) => drop(passwords.devices.insert(uuid, password)),
                Err(error) => return file.mistake(format_args!("names {path}: `{device}` is wrong: {error}; {FORM}")),
            },
        }
    }
    if passwords.devices.is_empty() && passwords.default.is_none() {
        return file.mistake(format_args!("names {path}, which has no password: {FORM}"));
    }
    Some(passwords)
}
