//! Which proxy the environment names: `HTTPS_PROXY` and `NO_PROXY`, as other programs read them.

use std::net::IpAddr;

use super::url::{ProxyUrl, ProxyUrlError};
use crate::relay::ServerUrl;

/// What the environment says of proxies.
///
/// There is no standard, so the common ground: the lower-case name goes first; `HTTPS_PROXY` is for `wss://` alone, so
/// that `ws://`, which is for the same machine and for laboratories, goes straight; loopback is never a proxy's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    proxy: Option<ProxyUrl>,
    exceptions: Vec<Exception>,
}

/// A variable that names no proxy. The operator is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} names {source}; --proxy goes before it")]
pub struct ProxyVariableError {
    name: &'static str,
    source: ProxyUrlError,
}

impl ProxyEnvironment {
    /// Asks `variable` for the variables. One that is empty counts as not set.
    ///
    /// # Errors
    /// [`ProxyVariableError`], if `HTTPS_PROXY` names none.
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, ProxyVariableError> {
        let first = |names: [&'static str; 2]| {
            names.into_iter().find_map(|name| Some((name, variable(name).filter(|value| !value.is_empty())?)))
        };
        let proxy = match first(["https_proxy", "HTTPS_PROXY"]) {
            Some((name, value)) => Some(value.parse().map_err(|source| ProxyVariableError { name, source })?),
            None => None,
        };
        let exceptions = first(["no_proxy", "NO_PROXY"]).map(|(_, value)| value).unwrap_or_default();
        let exceptions = exceptions.split(',').filter_map(|entry| Exception::of(entry.trim())).collect();
        Ok(Self { proxy, exceptions })
    }

    /// The proxy for the way to `url`; `None` for the straight way.
    pub fn proxy(&self, url: &ServerUrl) -> Option<ProxyUrl> {
        let straight = !url.is_tls() || url.is_loopback() || self.exceptions.iter().any(|it| it.covers(url));
        self.proxy.clone().filter(|_| !straight)
    }
}

/// An entry of `NO_PROXY`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exception {
    /// `*`
    Everything,
    /// `corp.example` or `.corp.example`, without the dot: that host and all below it; perhaps one port alone.
    Domain(String, Option<u16>),
    /// `10.0.0.0/8`, or an address with the whole length.
    Network(IpAddr, u32),
}

impl Exception {
    fn of(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        if entry == "*" {
            return Some(Self::Everything);
        }
        let (address, length) =
            entry.split_once('/').map_or((entry, None), |(address, length)| (address, Some(length)));
        if let Ok(address) = address.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            let whole = bits(address).1;
            let length = length.map_or(Some(whole), |length| length.parse().ok().filter(|length| *length <= whole));
            return length.map(|length| Self::Network(address, length));
        }
        let (domain, port) = match entry.rsplit_once(':').map(|(domain, port)| (domain, port.parse())) {
            Some((domain, Ok(port))) => (domain, Some(port)),
            _ => (entry, None),
        };
        Some(Self::Domain(domain.trim_start_matches('.').to_ascii_lowercase(), port))
    }

    fn covers(&self, url: &ServerUrl) -> bool {
        match self {
            Self::Everything => true,
            Self::Domain(domain, port) => {
                let host = url.host().to_ascii_lowercase();
                let below = host.strip_suffix(domain.as_str());
                port.is_none_or(|port| port == url.port())
                    && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
            }
            Self::Network(network, length) => url.host().parse().is_ok_and(|address| {
                let ((one, whole), (other, size)) = (bits(*network), bits(address));
                // A shift by the whole width is no shift in Rust.
                whole == size && (one ^ other).checked_shr(whole - length).unwrap_or_default() == 0
            }),
        }
    }
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, it)| (*it).to_owned());
        ProxyEnvironment::read(value).unwrap().proxy(&url.parse().unwrap()).map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_environments_proxy_is_for_wss_beyond_this_machine() {
        let set = [("HTTPS_PROXY", "http://p:1")];
        assert_eq!(proxy(&set, "wss://s.example").as_deref(), Some("http://p:1"));
        for url in ["ws://s.example", "wss://127.0.0.1", "wss://[::1]", "wss://localhost:8443"] {
            assert_eq!(proxy(&set, url), None, "{url}");
        }
        assert_eq!(proxy(&[("HTTPS_PROXY", "")], "wss://s.example"), None);
        let both = [("HTTPS_PROXY", "http://p:1"), ("https_proxy", "http://q:2")];
        assert_eq!(proxy(&both, "wss://s.example").as_deref(), Some("http://q:2"));
    }

    #[test]
    fn no_proxy_names_hosts_domains_ports_and_networks() {
        let straight =
            |entries: &str, url: &str| proxy(&[("https_proxy", "http://p:1"), ("NO_PROXY", entries)], url).is_none();
        for (entries, url) in [
            ("*", "wss://s.example"),
            ("other, s.example", "wss://s.example"),
            ("example", "wss://s.example"),
            (".S.example", "wss://a.s.EXAMPLE"),
            ("s.example:8443", "wss://s.example:8443"),
            ("10.0.0.0/8", "wss://10.1.2.3"),
            ("0.0.0.0/0", "wss://10.1.2.3"),
            ("10.1.2.3", "wss://10.1.2.3"),
            ("fd00::/8", "wss://[fd12::1]"),
            ("[fd12::1]", "wss://[fd12::1]"),
        ] {
            assert!(straight(entries, url), "{entries} {url}");
        }
        for (entries, url) in [
            ("", "wss://s.example"),
            (",, ", "wss://s.example"),
            ("ample", "wss://s.example"),
            ("s.example:8443", "wss://s.example"),
            ("10.0.0.0/8", "wss://11.1.2.3"),
            ("10.0.0.0/33", "wss://10.0.0.0"),
            ("::/0", "wss://10.1.2.3"),
            ("10.1.2.3", "wss://10.1.2.4"),
        ] {
            assert!(!straight(entries, url), "{entries} {url}");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_named_and_its_password_is_not() {
        let value = |name: &str| (name == "HTTPS_PROXY").then(|| "socks5://u:hunter2@p:1".to_owned());
        let error = ProxyEnvironment::read(value).unwrap_err().to_string();
        assert!(error.starts_with("HTTPS_PROXY names no proxy's URL") && !error.contains("hunter2"), "{error}");
    }
}
