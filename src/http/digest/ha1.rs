//! The realm of a device and the hash that stands for a password in it.

use core::fmt;
use core::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// A device's digest realm: exactly `Digest:` and 32 hexadecimal digits, the same in every challenge and in
/// `AMT_GeneralSettings.DigestRealm`. The case of the digits is part of it, because it is hashed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DigestRealm([u8; 32]);

/// A text that is no realm of an AMT device.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not an AMT digest realm: expected `Digest:` and 32 hexadecimal digits")]
pub struct RealmError;

const PREFIX: &str = "Digest:";

impl FromStr for DigestRealm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        let digits = text.strip_prefix(PREFIX).ok_or(RealmError)?.as_bytes();
        match <[u8; 32]>::try_from(digits) {
            Ok(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(Self(digits)),
            _ => Err(RealmError),
        }
    }
}

impl DigestRealm {
    /// The realm of those sixteen bytes, spelt in upper case as devices do.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair.copy_from_slice(format!("{byte:02X}").as_bytes());
        }
        Self(digits)
    }

    /// The sixteen bytes that the digits stand for, whatever their case.
    pub fn to_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        for (byte, digits) in bytes.iter_mut().zip(self.0.chunks_exact(2)) {
            *byte = digits.iter().fold(0, |byte, &digit| byte << 4 | hex_value(digit));
        }
        bytes
    }
}

const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit & 0xf) + 9,
    }
}

impl fmt::Display for DigestRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        self.0.iter().try_for_each(|&digit| write!(f, "{}", char::from(digit)))
    }
}

impl fmt::Debug for DigestRealm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `MD5(user:realm:password)`. In its realm it is as good as the password, so it never prints and is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1([u8; 16]);

impl Ha1 {
    /// The hash for `username` and `password` on the device with that realm.
    pub fn new(username: &str, realm: &DigestRealm, password: &str) -> Self {
        let mut hash = Md5::new();
        hash.update(username);
        hash.update(b":");
        hash.update(PREFIX);
        hash.update(realm.0);
        hash.update(b":");
        hash.update(password);
        Self(hash.finalize().into())
    }

    /// 32 lower-case digits: `NetworkAdminPassword` of Setup (wsman.md §1.7).
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(&self.0))
    }

    /// Base64 of the 16 raw bytes: `DigestPassword` of SetAdminAclEntryEx (wsman.md §1.7).
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    /// The 16 bytes themselves.
    #[cfg(feature = "sim")]
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash that a device was sent by Setup; `None` if it is not 32 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if text.len() != 32 {
            return None;
        }
        let mut hash = Self([0; 16]);
        for (byte, digits) in hash.0.iter_mut().zip(text.chunks(2)) {
            for &digit in digits {
                let value = char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())?;
                *byte = *byte << 4 | value;
            }
        }
        Some(hash)
    }

    /// The hash that a device was sent by SetAdminAclEntryEx; `None` if it is not base64 of 16 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
        Some(Self(bytes.as_slice().try_into().ok()?))
    }

    /// RFC 7616 §3.4.1 with `qop=auth`: lower-case digits.
    pub(super) fn response(&self, method: &str, nonce: &str, nc: u32, cnonce: &str) -> String {
        let ha2 = hex(&Md5::digest(format!("{method}:{}", crate::http::WSMAN_PATH)));
        let mut hash = Md5::new();
        hash.update(self.to_hex().as_bytes());
        hash.update(format!(":{nonce}:{nc:08x}:{cnonce}:auth:{ha2}"));
        hex(&hash.finalize())
    }
}

impl Drop for Ha1 {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    text
}
