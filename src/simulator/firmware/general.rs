//! The network identity: `AMT_GeneralSettings` (wsman.md §2.2).

use super::instance::Instance;
use super::refusal::Written;
use super::{Class, Firmware, Generation};
use crate::http::digest::DigestRealm;
use crate::wsman::xml::Node;

/// What a Put may change, with what it is at first. Everything else is read-only, and passed over (wsman.md §2).
const WRITABLE: [(&str, &str); 16] = [
    ("AMTNetworkEnabled", "1"),
    ("DDNSPeriodicUpdateInterval", "1440"),
    ("DDNSTTL", "900"),
    ("DDNSUpdateByDHCPServerEnabled", "true"),
    ("DDNSUpdateEnabled", "false"),
    ("DomainName", ""),
    ("HostName", ""),
    ("HostOSFQDN", ""),
    ("IdleWakeTimeout", "65535"),
    ("PingResponseEnabled", "true"),
    ("PowerSource", "0"),
    ("PreferredAddressFamily", "0"),
    ("PresenceNotificationInterval", "0"),
    ("RmcpPingResponseEnabled", "true"),
    ("SharedFQDN", "true"),
    ("WsmanOnlyMode", "false"),
];

/// The settings as they come from the factory.
pub(super) fn factory_settings(realm: &DigestRealm, generation: &Generation) -> Node {
    let name = "Intel(r) AMT: General Settings";
    WRITABLE
        .iter()
        .chain(generation.general)
        .fold(Instance::of(Class::GeneralSettings), |instance, (name, value)| instance.with(name, value))
        .with("DigestRealm", realm)
        .with("ElementName", name)
        .with("InstanceID", name)
        .with("NetworkInterfaceEnabled", "true")
        .with("PrivacyLevel", 0)
        .finish()
}

impl Firmware {
    /// Takes over what is there; absent properties keep their values, as a host name's Put counts on (wsman.md §3.15).
    pub(super) fn put_general_settings(&mut self, instance: &Node) -> Written {
        for (name, _) in WRITABLE.iter().chain(self.generation.general) {
            if let Some(property) = instance.property(name) {
                self.general.set_property(name, property.value());
            }
        }
        Ok(Some(self.general.clone()))
    }
}
