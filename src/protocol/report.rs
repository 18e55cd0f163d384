//! The device report: the base64 JSON in the first message's payload.

use std::fmt;
use std::str::FromStr;

use amt_provision_fsm::firmware::{AmtVersion, ControlMode};
use amt_provision_fsm::identity::Uuid;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::Flaw;
use super::envelope::{from_json, to_json};
use crate::secret::Secret;

/// What a relay says the device is. All of it is a claim of an untrusted party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceReport {
    /// `ver`: the AMT version.
    pub version: AmtVersion,
    /// The build number.
    pub build: String,
    /// The SKU bits in decimal.
    pub sku: String,
    /// The SKU's features by name, such as `AMT Pro Corporate`.
    pub features: String,
    /// The system UUID, which is no placeholder.
    pub uuid: Uuid,
    /// `$$OsAdmin`, the local system account.
    pub username: String,
    /// The local system account's password; on an activated device the AMT password instead.
    pub password: Secret,
    /// `currentMode`.
    pub control_mode: ControlMode,
    /// The operating system's host name.
    pub hostname: String,
    /// `fqdn`: the DNS suffix, empty if none is known.
    pub dns_suffix: String,
    /// The name of the program: rpc-go's is `RPC`, and so is ours towards RPS.
    pub client: String,
    /// `certHashes`: the trusted root hashes, active or not.
    pub root_hashes: Vec<RootHash>,
    /// The operating system's IP settings.
    pub ip: IpConfiguration,
    /// The operating system's names.
    pub hostname_info: HostnameInfo,
    /// What a person calls the device; empty if nothing.
    pub friendly_name: String,
    /// Whether the device's local ports speak TLS only.
    pub tls_enforced: bool,
    /// Whether the relay wants to go on over TLS once there is a certificate (flow B).
    pub tls_tunnel: bool,
    /// Whether something listened on the AMT port when the relay looked.
    pub lms_installed: bool,
}

/// The hash of a trusted root certificate in lower-case hexadecimal, without its algorithm: the length tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RootHash(String);

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: expected 32, 40, 56, 64, 96 or 128 hexadecimal digits")]
pub struct RootHashError;

impl RootHash {
    /// The lower-case hexadecimal digits.
    pub fn as_hex(&self) -> &str {
        &self.0
    }
}

impl FromStr for RootHash {
    type Err = RootHashError;

    fn from_str(text: &str) -> Result<Self, RootHashError> {
        let length = matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128);
        let digits = text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if length && digits { Ok(Self(text.to_ascii_lowercase())) } else { Err(RootHashError) }
    }
}

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The operating system's IP settings, as texts of the relay's making.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpConfiguration {
    /// Whether the address comes from DHCP.
    pub dhcp: bool,
    /// Whether the address is fixed.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// Whether the device is to take the operating system's address.
    #[serde(rename = "ipsync")]
    pub ip_sync: bool,
    /// The IPv4 address.
    pub ip_address: String,
    /// The network mask in dotted form.
    pub netmask: String,
    /// The gateway's address.
    pub gateway: String,
    /// The first name server.
    pub primary_dns: String,
    /// The second name server.
    pub secondary_dns: String,
}

/// The operating system's names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HostnameInfo {
    /// The operating system's DNS suffix.
    #[serde(rename = "dnsSuffixOS")]
    pub dns_suffix_os: String,
    /// The host name.
    pub hostname: String,
}

/// The report as it stands in JSON, its fields in rpc-go's order. Fields that RPS does not ask for may be
/// missing; Go writes an empty list as `null`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    ver: String,
    build: String,
    #[serde(default)]
    sku: String,
    #[serde(default)]
    features: String,
    uuid: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    current_mode: i64,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    fqdn: String,
    client: String,
    #[serde(default)]
    cert_hashes: Option<Vec<String>>,
    #[serde(default)]
    ip_configuration: IpConfiguration,
    #[serde(default)]
    hostname_info: HostnameInfo,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    friendly_name: String,
    #[serde(default, skip_serializing_if = "is_false")]
    tls_enforced: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    tls_tunnel: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    lms_installed: bool,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.password.zeroize();
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl DeviceReport {
    /// The most root hashes that a report may list: a firmware holds 33.
    pub const MAX_ROOT_HASHES: usize = 64;

    /// Reads the report from its JSON.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, Flaw> {
        let mut wire: Wire = from_json("device report", json)?;
        let mut take = |field: fn(&mut Wire) -> &mut String| std::mem::take(field(&mut wire));
        let (build, sku, features) = (take(|w| &mut w.build), take(|w| &mut w.sku), take(|w| &mut w.features));
        let (hostname, dns_suffix) = (take(|w| &mut w.hostname), take(|w| &mut w.fqdn));
        let (username, client) = (take(|w| &mut w.username), take(|w| &mut w.client));
        let (password, friendly_name) = (Secret::from(take(|w| &mut w.password)), take(|w| &mut w.friendly_name));
        if client.is_empty() {
            return Err(Flaw::Report { field: "client", expected: "the name of a program" });
        }
        Ok(Self {
            version: parsed(&wire.ver, "ver", "a version such as 16.1.25")?,
            build,
            sku,
            features,
            uuid: parsed(&wire.uuid, "uuid", "a system UUID that tells this machine from others")?,
            username,
            password,
            control_mode: u32::try_from(wire.current_mode)
                .ok()
                .and_then(ControlMode::from_code)
                .ok_or(Flaw::Report { field: "currentMode", expected: "0, 1 or 2" })?,
            hostname,
            dns_suffix,
            client,
            root_hashes: root_hashes(wire.cert_hashes.take().unwrap_or_default())?,
            ip: std::mem::take(&mut wire.ip_configuration),
            hostname_info: std::mem::take(&mut wire.hostname_info),
            friendly_name,
            tls_enforced: wire.tls_enforced,
            tls_tunnel: wire.tls_tunnel,
            lms_installed: wire.lms_installed,
        })
    }

    /// The report's JSON, in which the password can be read.
    pub(super) fn to_json(&self) -> Zeroizing<String> {
        Zeroizing::new(to_json(&Wire {
            ver: self.version.to_string(),
            build: self.build.clone(),
            sku: self.sku.clone(),
            features: self.features.clone(),
            uuid: self.uuid.to_string(),
            username: self.username.clone(),
            password: self.password.expose().to_owned(),
            current_mode: self.control_mode.code().into(),
            hostname: self.hostname.clone(),
            fqdn: self.dns_suffix.clone(),
            client: self.client.clone(),
            cert_hashes: Some(self.root_hashes.iter().map(RootHash::to_string).collect()),
            ip_configuration: self.ip.clone(),
            hostname_info: self.hostname_info.clone(),
            friendly_name: self.friendly_name.clone(),
            tls_enforced: self.tls_enforced,
            tls_tunnel: self.tls_tunnel,
            lms_installed: self.lms_installed,
        }))
    }
}

fn parsed<T: FromStr>(text: &str, field: &'static str, expected: &'static str) -> Result<T, Flaw> {
    text.parse().map_err(|_| Flaw::Report { field, expected })
}

/// rpc-go writes an empty text for a hash whose algorithm it does not know (rpc-go.md §2): passed over.
fn root_hashes(texts: Vec<String>) -> Result<Vec<RootHash>, Flaw> {
    if texts.len() > DeviceReport::MAX_ROOT_HASHES {
        return Err(Flaw::Report { field: "certHashes", expected: "a list of at most 64 hashes" });
    }
    let hashes = texts.iter().filter(|text| !text.is_empty());
    hashes.map(|text| parsed(text, "certHashes", "a list of hashes in hexadecimal")).collect()
}
