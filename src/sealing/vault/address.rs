//! Where Vault is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// `https://HOST:PORT`, or `http://` on this machine. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultAddress(String);

/// An address that is none: the fault of whoever wrote it. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultAddressError {
    /// It cannot be read.
    #[error("expected https://HOST:PORT, and nothing behind it")]
    Unreadable,
    /// The token and the key would go over a network in the clear.
    #[error(
        "http:// is for this machine alone, because the token and the key would be read on the way: write https://"
    )]
    InTheClear,
}

impl FromStr for VaultAddress {
    type Err = VaultAddressError;

    fn from_str(text: &str) -> Result<Self, VaultAddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(VaultAddressError::Unreadable)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if authority.is_empty() || !authority.bytes().all(usable) {
            return Err(VaultAddressError::Unreadable);
        }
        match scheme {
            "https" => {}
            "http" if is_local(authority) => {}
            "http" => return Err(VaultAddressError::InTheClear),
            _ => return Err(VaultAddressError::Unreadable),
        }
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

impl VaultAddress {
    pub(super) fn is_tls(&self) -> bool {
        self.0.starts_with("https:")
    }
}

fn is_local(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl fmt::Display for VaultAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
