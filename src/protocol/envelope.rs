//! The JSON object around every message, its limits, and base64.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::error::Excerpt;
use super::{Flaw, ParseError, Sender, TooLong};

/// The longest text frame in bytes, in both directions: RPS closes the connection above it (rps.md §1).
pub const MAX_MESSAGE: usize = 100 * 1024;

/// The most raw bytes that fit one data message, whatever its method.
pub const MAX_DATA: usize = (MAX_MESSAGE - 400) / 4 * 3;

/// A whole TLS record, with the most that TLS 1.2 may add to it, goes into one message.
const _: () = assert!(MAX_DATA > 5 + 16 * 1024 + 2048);

/// The one version of these messages.
pub const PROTOCOL_VERSION: &str = "4.0.0";

/// What our messages carry as `appVersion`.
pub const APP_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes that only pass through. `Debug` shows how many, because what they are may be a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Data(pub Vec<u8>);

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What of an incoming message is looked at. Everything else in it is passed over.
#[derive(Deserialize)]
pub(super) struct Incoming {
    pub(super) method: String,
    #[serde(rename = "protocolVersion")]
    version: Option<String>,
    message: Option<String>,
    payload: Option<String>,
    #[serde(rename = "tenantId")]
    tenant: Option<String>,
}

impl Incoming {
    /// Opens a text frame: length, JSON, version, in this order.
    pub(super) fn open(sender: Sender, text: &str) -> Result<Self, ParseError> {
        let wrong = |flaw| ParseError { sender, flaw };
        if text.len() > MAX_MESSAGE {
            return Err(wrong(Flaw::TooLong(text.len())));
        }
        let message: Self = from_json("message", text.as_bytes()).map_err(wrong)?;
        match message.version.as_deref().unwrap_or_default() {
            PROTOCOL_VERSION => Ok(message),
            other => Err(wrong(Flaw::Version(Excerpt::of(other)))),
        }
    }

    pub(super) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    pub(super) fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or_default()
    }

    /// The payload as it stands.
    pub(super) fn payload(&self) -> &str {
        self.payload.as_deref().unwrap_or_default()
    }

    /// The payload out of its base64. There must be one; it may be empty.
    pub(super) fn decoded(&self) -> Result<Vec<u8>, Flaw> {
        let payload = self.payload.as_ref().ok_or(Flaw::Base64)?;
        BASE64_STANDARD.decode(payload).map_err(|_| Flaw::Base64)
    }

    pub(super) fn data(&self) -> Result<Data, Flaw> {
        self.decoded().map(Data)
    }

    /// The method's first word: what may be shown of it, because passwords stand behind it.
    pub(super) fn unknown_method(&self) -> Flaw {
        Flaw::Method(Excerpt::of(self.method.trim().split(' ').next().unwrap_or_default()))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.method.zeroize();
        self.payload.zeroize();
    }
}

/// A relay's message, its fields in rpc-go's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FromRelay<'a> {
    method: &'a str,
    api_key: &'static str,
    app_version: &'static str,
    protocol_version: &'static str,
    status: &'static str,
    message: &'static str,
    fqdn: &'static str,
    payload: &'a str,
    tenant_id: &'a str,
}

impl<'a> FromRelay<'a> {
    pub(super) const fn new(method: &'a str, payload: &'a str, tenant_id: &'a str) -> Self {
        Self {
            method,
            api_key: "key",
            app_version: APP_VERSION,
            protocol_version: PROTOCOL_VERSION,
            status: "ok",
            message: "ok",
            fqdn: "",
            payload,
            tenant_id,
        }
    }
}

/// A server's message, its fields in RPS's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FromServer<'a> {
    method: &'static str,
    api_key: &'static str,
    app_version: &'static str,
    protocol_version: &'static str,
    status: &'static str,
    message: &'a str,
    payload: Option<&'a str>,
    tenant_id: &'static str,
}

impl<'a> FromServer<'a> {
    pub(super) const fn new(
        method: &'static str,
        status: &'static str,
        message: &'a str,
        payload: Option<&'a str>,
    ) -> Self {
        Self {
            method,
            api_key: "xxxxx",
            app_version: APP_VERSION,
            protocol_version: PROTOCOL_VERSION,
            status,
            message,
            payload,
            tenant_id: "",
        }
    }
}

/// The text frame of a message.
pub(super) fn seal(message: &impl Serialize) -> Result<String, TooLong> {
    let text = to_json(message);
    if text.len() > MAX_MESSAGE { Err(TooLong(text.len())) } else { Ok(text) }
}

/// Reads a struct of JSON. It must be an object: serde would also take a list of its fields in order.
pub(super) fn from_json<T: DeserializeOwned>(what: &'static str, json: &[u8]) -> Result<T, Flaw> {
    if json.trim_ascii_start().first() == Some(&b'[') {
        return Err(Flaw::Fields { what, column: 1 });
    }
    serde_json::from_slice(json).map_err(|error| Flaw::json(what, &error))
}

/// JSON of a struct of texts and numbers, which cannot fail: there are no maps with other keys than texts.
pub(super) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Base64 that leaves no copy behind.
pub(super) fn to_base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(bytes))
}
