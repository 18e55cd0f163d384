//! What an operator tells a relay.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use amt_provision_fsm::firmware::Port;

use super::Proof;
use super::proxy::ProxyUrl;
use crate::mei::MeiAddress;
use crate::protocol::Command;
use crate::secret::Secret;

/// What a relay does, and where.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// The server.
    pub url: ServerUrl,
    /// A file with the certificates (PEM) that the server's chain may end in; `None` for those of the platform.
    pub ca_file: Option<PathBuf>,
    /// What the relay shows the server of itself.
    pub proof: Proof,
    /// The HTTP proxy on the way to the server; `None` for the straight way.
    pub proxy: Option<ProxyUrl>,
    /// What is wanted.
    pub command: Command,
    /// The AMT password of a device that is provisioned already: it takes the place of the local system account's in
    /// the report (rpc-go.md §3).
    pub amt_password: Option<Secret>,
    /// Where the firmware is asked what it is.
    pub mei: MeiAddress,
    /// Where LMS listens.
    pub lms_address: LmsAddress,
    /// The host name to report; `None` for the operating system's.
    pub hostname: Option<String>,
    /// The DNS suffix to report; `None` for the firmware's, or else the one in the host name.
    pub dns_suffix: Option<String>,
    /// Whose device it is; empty for the default tenant.
    pub tenant: String,
    /// What a person calls the device; empty if nothing.
    pub friendly_name: String,
    /// Whether to speak JSON messages only (`--json-messages`), and offer no compact frames.
    pub json_messages: bool,
    /// Whether to ask RPS to go on over TLS where the firmware would also speak plain text (`--tls-tunnel`).
    pub tls_tunnel: bool,
}

impl RelayConfig {
    /// A relay that shows the server nothing of itself, dials LMS where it usually is, and reports what firmware and
    /// operating system say.
    pub fn new(url: ServerUrl, command: Command, mei: MeiAddress) -> Self {
        Self {
            url,
            ca_file: None,
            proof: Proof::default(),
            proxy: None,
            command,
            amt_password: None,
            mei,
            lms_address: LmsAddress::default(),
            hostname: None,
            dns_suffix: None,
            tenant: String::new(),
            friendly_name: String::new(),
            json_messages: false,
            tls_tunnel: false,
        }
    }
}

/// The URL of a server: `ws://` or `wss://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    host: String,
    port: u16,
    is_tls: bool,
}

/// A text that is no URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no server's URL: expected ws://HOST[:PORT][/PATH] or wss://HOST[:PORT][/PATH]")]
pub struct ServerUrlError(String);

impl ServerUrl {
    /// The name or address in it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port in it, or the scheme's.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is `wss://`.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Whether it is this machine, by address or as `localhost`.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or_else(|_| self.host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
    }
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        let wrong = || ServerUrlError(text.to_owned());
        let uri: async_tungstenite::tungstenite::http::Uri = text.parse().map_err(|_| wrong())?;
        let is_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(wrong()),
        };
        let authority = uri.authority().ok_or_else(wrong)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            // A port that is none: the parser passes over it.
            None if authority.as_str() != authority.host() => return Err(wrong()),
            None if is_tls => 443,
            None => 80,
        };
        Ok(Self { text: text.to_owned(), host: host.to_owned(), port, is_tls })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The one loopback address that a relay dials (G9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LmsAddress(IpAddr);

/// An address that is none of this machine alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no loopback address: expected one such as 127.0.0.1, because LMS runs on this machine")]
pub struct LmsAddressError(String);

impl LmsAddress {
    /// The address of one of the two AMT ports.
    pub const fn port(self, port: Port) -> SocketAddr {
        SocketAddr::new(self.0, port.number())
    }
}

impl Default for LmsAddress {
    /// 127.0.0.1, never a name: `localhost` may resolve to another address (odca.md §3).
    fn default() -> Self {
        Self(Ipv4Addr::LOCALHOST.into())
    }
}

impl FromStr for LmsAddress {
    type Err = LmsAddressError;

    fn from_str(text: &str) -> Result<Self, LmsAddressError> {
        let address = text.parse().ok().filter(IpAddr::is_loopback);
        address.map(Self).ok_or_else(|| LmsAddressError(text.to_owned()))
    }
}

impl fmt::Display for LmsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_the_schemes_port() {
        let read = |text: &str| text.parse::<ServerUrl>().map(|url| (url.host, url.port, url.is_tls));
        assert_eq!(read("ws://rps.example/activate"), Ok(("rps.example".to_owned(), 80, false)));
        assert_eq!(read("wss://rps.example"), Ok(("rps.example".to_owned(), 443, true)));
        assert_eq!(read("wss://[::1]:8443/x?y=z"), Ok(("::1".to_owned(), 8443, true)));
        for (text, loopback) in [("ws://127.9.9.9", true), ("ws://LocalHost", true), ("ws://localhost.example", false)]
        {
            assert_eq!(text.parse::<ServerUrl>().unwrap().is_loopback(), loopback, "{text}");
        }
        for text in
            ["", "rps.example", "http://rps.example", "ws://", "ws:///x", "ws://a:b@c", "ws://a:70000", "ws://a:"]
        {
            assert_eq!(read(text), Err(ServerUrlError(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn only_loopback_addresses_are_dialled() {
        for text in ["127.0.0.1", "127.9.8.7", "::1"] {
            assert_eq!(text.parse::<LmsAddress>().unwrap().to_string(), text);
        }
        for text in ["10.0.0.1", "0.0.0.0", "localhost", "", "::ffff:127.0.0.1", "169.254.1.1"] {
            assert_eq!(text.parse::<LmsAddress>(), Err(LmsAddressError(text.to_owned())), "{text}");
        }
        assert_eq!(LmsAddress::default().port(Port::Tls).to_string(), "127.0.0.1:16993");
    }
}
