//! `port_switch`: the server asks the relay to go on at another AMT port.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::Millis;
use serde::{Deserialize, Serialize};

use super::Flaw;
use super::envelope::{from_json, to_json};
use super::error::Excerpt;

/// Where to go on, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortSwitch {
    /// One of the two AMT ports; no other can be said (G9).
    pub port: Port,
    /// How long to wait before the first try, in whole seconds on the wire, at most
    /// [`MAX_DELAY`](Self::MAX_DELAY).
    pub delay: Millis,
}

/// The payload, which is plain JSON and not base64. `rootCert`, which rpc-go passes over too, is unknown here.
#[derive(Serialize, Deserialize)]
struct Wire {
    port: String,
    #[serde(default)]
    delay: i64,
}

impl PortSwitch {
    /// The longest delay that a relay agrees to; longer ones are shortened to it, as rpc-go does.
    pub const MAX_DELAY: Millis = Millis::from_secs(60);

    pub(super) fn from_json(payload: &str) -> Result<Self, Flaw> {
        let wire: Wire = from_json("port_switch payload", payload.as_bytes())?;
        let port = [Port::Plain, Port::Tls].into_iter().find(|port| port.to_string() == wire.port);
        let port = port.ok_or_else(|| Flaw::Port(Excerpt::of(&wire.port)))?;
        let delay = Millis::from_secs(u64::try_from(wire.delay).unwrap_or(0)).min(Self::MAX_DELAY);
        Ok(Self { port, delay })
    }

    /// Part of a second counts as a whole one: the relay must not come too early.
    pub(super) fn to_json(self) -> String {
        let delay = i64::try_from(self.delay.min(Self::MAX_DELAY).0.div_ceil(1000)).unwrap_or(0);
        to_json(&Wire { port: self.port.to_string(), delay })
    }
}
