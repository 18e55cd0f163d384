//! `http://[USER:PASSWORD@]HOST[:PORT]`.

use std::fmt;
use std::str::FromStr;

use async_tungstenite::tungstenite::http::Uri;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// An HTTP proxy. `Display` and `Debug` show host and port, never the user or the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    host: String,
    port: u16,
    /// `USER:PASSWORD` in base64 (RFC 7617 §2).
    basic: Option<Secret>,
}

/// A text that is no proxy's URL. It is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no proxy's URL: expected http://[USER:PASSWORD@]HOST[:PORT], with % and two digits for what else has a meaning"
)]
pub struct ProxyUrlError;

impl ProxyUrl {
    /// The name or address in it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port in it, or 80.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether there is a user to be named to it.
    pub const fn has_user(&self) -> bool {
        self.basic.is_some()
    }

    /// The value of the header `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<Zeroizing<String>> {
        self.basic.as_ref().map(|basic| Zeroizing::new(format!("Basic {}", basic.expose())))
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let uri: Uri = text.parse().map_err(|_| ProxyUrlError)?;
        if uri.scheme_str() != Some("http") || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(ProxyUrlError);
        }
        let authority = uri.authority().ok_or(ProxyUrlError)?;
        let (user, place) = match authority.as_str().rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority.as_str()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = match authority.port_u16() {
            Some(port) => port,
            // A port that is none: the parser passes over it.
            None if place != authority.host() => return Err(ProxyUrlError),
            None => 80,
        };
        if host.is_empty() {
            return Err(ProxyUrlError);
        }
        Ok(Self { host: host.to_owned(), port, basic: user.map(basic).transpose()? })
    }
}

/// The user-id has no colon (RFC 7617 §2); neither part has control characters.
fn basic(user: &str) -> Result<Secret, ProxyUrlError> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let decode = |part: &str| Zeroizing::new(percent_decode_str(part).collect::<Vec<u8>>());
    let (name, password) = (decode(name), decode(password));
    if name.contains(&b':') || name.iter().chain(password.iter()).any(u8::is_ascii_control) {
        return Err(ProxyUrlError);
    }
    let pair = Zeroizing::new([&name[..], b":", &password[..]].concat());
    Ok(Secret::from(BASE64_STANDARD.encode(&*pair)))
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        if host.contains(':') { write!(f, "http://[{host}]:{port}") } else { write!(f, "http://{host}:{port}") }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_host_a_port_and_perhaps_a_user() {
        for (text, shown, authorization) in [
            ("http://proxy.example:3128", "http://proxy.example:3128", None),
            ("http://proxy.example/", "http://proxy.example:80", None),
            ("http://[::1]:8080", "http://[::1]:8080", None),
            // RFC 7617 §2
            ("http://Aladdin:open%20sesame@p:1", "http://p:1", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            ("http://user@p:1", "http://p:1", Some("Basic dXNlcjo=")),
            ("http://u:p%40s%3As@[::1]:1", "http://[::1]:1", Some("Basic dTpwQHM6cw==")),
        ] {
            let url: ProxyUrl = text.parse().unwrap();
            assert_eq!((url.to_string().as_str(), format!("{url:?}")), (shown, format!("ProxyUrl({shown})")));
            assert_eq!(url.authorization().as_deref().map(String::as_str), authorization, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_and_not_repeated() {
        for text in [
            "",
            "proxy.example:3128",
            "https://u:hunter2@p:1",
            "socks5://u:hunter2@p:1",
            "http://u:hunter2@",
            "http://u:hunter2@p:70000",
            "http://u:hunter2@p:",
            "http://u:hunter2@p/path",
            "http://u:hunter2@p/?x",
            "http://u:hunter2%0d%0aX:y@p",
            "http://u%3Av:hunter2@p",
        ] {
            let error = text.parse::<ProxyUrl>().unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{text}");
        }
    }
}
