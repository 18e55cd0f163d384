//! How many, and how often.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::Neighbourhood;

/// So many at once after a quiet minute, and so many in each minute from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMinute(pub NonZeroU32);

impl fmt::Display for PerMinute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a minute", self.0)
    }
}

impl PerMinute {
    pub(super) const MINUTE: Duration = Duration::from_secs(60);

    /// How long it takes until there is room for one more.
    pub(super) fn interval(self) -> Duration {
        Self::MINUTE / self.0.get()
    }
}

/// How many relays a server takes at a time, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time, those of relays that have not shown yet who they are included: 4096.
    pub connections: NonZeroUsize,
    /// Connections of one address at a time: 256. An IPv6 address counts with its network of 64 bits.
    pub address_connections: NonZeroUsize,
    /// New connections of one address: 600 a minute.
    pub address_rate: PerMinute,
    /// Runs of one device that one address asks for: 30 a minute. A device is not kept from its server by somebody
    /// elsewhere who asks in its name.
    pub device_rate: PerMinute,
    /// Addresses that the two limits of an address are not for: those of proxies, behind which there are many relays.
    pub exempt: Vec<IpAddr>,
}

impl Limits {
    /// What the two limits of an address are counted by; `None` for loopback, where a proxy may be too, and for what is
    /// exempt.
    pub(crate) fn counted(&self, address: IpAddr) -> Option<Neighbourhood> {
        let address = address.to_canonical();
        let is_exempt = address.is_loopback() || self.exempt.iter().any(|exempt| exempt.to_canonical() == address);
        (!is_exempt).then(|| Neighbourhood::of(address))
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connections, address_connections, address_rate, device_rate, exempt } = self;
        write!(
            f,
            "limits: {connections} connections; of one address {address_connections}, and {address_rate} new; {device_rate} \
             runs of one device"
        )?;
        match exempt.len() {
            0 => Ok(()),
            count => write!(f, "; {count} addresses exempt"),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        const fn count(count: usize) -> NonZeroUsize {
            NonZeroUsize::new(count).expect("not zero")
        }
        const fn rate(count: u32) -> PerMinute {
            PerMinute(NonZeroU32::new(count).expect("not zero"))
        }
        Self {
            connections: const { count(4096) },
            address_connections: const { count(256) },
            address_rate: const { rate(600) },
            device_rate: const { rate(30) },
            exempt: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_exempt_addresses_are_not_counted_however_they_are_written() {
        let limits = Limits { exempt: vec!["10.0.0.7".parse().unwrap()], ..Limits::default() };
        let is_counted = |address: &str| limits.counted(address.parse().unwrap()).is_some();
        assert!(
            ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "10.0.0.7", "::ffff:10.0.0.7"].map(is_counted)
                == [false; 6]
        );
        assert!(["10.0.0.8", "::ffff:10.0.0.8", "2001:db8::7"].map(is_counted) == [true; 3]);
    }
}
