//! `AMT_TLSSettingData`: written at once, in force from the next commit on (wsman.md §2.8).

use super::instance::{Instance, boolean, value};
use super::refusal::{Written, bad_instance, no_such_instance, not_permitted};
use super::{Class, Firmware, Generation, LocalPorts, RemotePlain};
use crate::simulator::persona::FactoryTls;
use crate::wsman::xml::Node;
use crate::wsman::{Selector, SelectorValue};

/// The instance for the network interface.
pub(super) const REMOTE: &str = "Intel(r) AMT 802.3 TLS Settings";
/// The instance for the local ports.
pub(super) const LOCAL: &str = "Intel(r) AMT LMS TLS Settings";

/// Names in TrustedCN; more are refused.
const MAX_TRUSTED_NAMES: usize = 4;

/// TLS on one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceTls {
    /// Whether there is TLS.
    pub enabled: bool,
    /// Whether there is plain text beside it.
    pub accepts_plain: bool,
    /// Whether clients have to show a certificate.
    pub mutual: bool,
    /// The names that those may have.
    pub trusted_names: Vec<String>,
}

/// TLS on both interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// On the network.
    pub remote: InterfaceTls,
    /// On the local ports.
    pub local: InterfaceTls,
}

impl TlsSettings {
    /// How a device leaves the factory.
    pub(super) fn factory(generation: &Generation, tls: FactoryTls) -> Self {
        let enforced = generation.local == LocalPorts::TlsOnly;
        let enabled = enforced || tls == FactoryTls::DefaultKey;
        let plain_is_gone = generation.remote_plain == RemotePlain::Gone;
        Self {
            remote: InterfaceTls { accepts_plain: !plain_is_gone, ..InterfaceTls::default() },
            local: InterfaceTls { enabled, accepts_plain: !enforced, ..InterfaceTls::default() },
        }
    }
}

impl Firmware {
    pub(super) fn tls_setting_data(&self) -> Vec<Node> {
        let instance = |name: &'static str, tls: &InterfaceTls| {
            let mut instance = Instance::of(Class::TlsSettingData)
                .with("AcceptNonSecureConnections", tls.accepts_plain)
                .with("ElementName", name)
                .with("Enabled", tls.enabled)
                .with("InstanceID", name)
                .with("MutualAuthentication", tls.mutual);
            if self.generation.remote_plain == RemotePlain::Gone {
                instance = instance.with("NonSecureConnectionsSupported", false);
            }
            tls.trusted_names.iter().fold(instance, |instance, name| instance.with("TrustedCN", name)).finish()
        };
        vec![instance(REMOTE, &self.staged_tls.remote), instance(LOCAL, &self.staged_tls.local)]
    }

    /// A Put names its instance by selector or else by the InstanceID in its body (wsman.md §1.2).
    pub(super) fn put_tls_setting_data(&mut self, selectors: &[Selector], instance: &Node) -> Written {
        let selected = match selectors {
            [] => value(instance, "InstanceID"),
            [Selector { name, value: SelectorValue::Text(text) }] if name == "InstanceID" => Some(text.trim()),
            _ => None,
        };
        let (remote, at) = match selected {
            Some(REMOTE) => (true, 0),
            Some(LOCAL) => (false, 1),
            _ => return Err(no_such_instance()),
        };
        if value(instance, "InstanceID").is_some_and(|id| Some(id) != selected) {
            return Err(bad_instance());
        }
        let enabled = boolean(instance, "Enabled").ok_or_else(bad_instance)?;
        let mutual = boolean(instance, "MutualAuthentication").unwrap_or(false);
        let accepts_plain = boolean(instance, "AcceptNonSecureConnections");
        let trusted_names: Vec<_> = instance.properties("TrustedCN").map(|name| name.value().to_owned()).collect();
        if trusted_names.len() > MAX_TRUSTED_NAMES {
            return Err(bad_instance());
        }
        let restricted = remote && self.generation.remote_plain == RemotePlain::Gone;
        let enforced = !remote && self.generation.local == LocalPorts::TlsOnly;
        if (restricted && (accepts_plain == Some(true) || !enabled)) || (enforced && !enabled) {
            return Err(not_permitted());
        }
        let staged = if remote { &mut self.staged_tls.remote } else { &mut self.staged_tls.local };
        let accepts_plain = accepts_plain.filter(|_| remote).unwrap_or(staged.accepts_plain);
        *staged = InterfaceTls { enabled, accepts_plain, mutual, trusted_names };
        Ok(self.tls_setting_data().into_iter().nth(at))
    }

    /// Whether what is staged could be put in force: TLS that was asked for needs a certificate, and client
    /// certificates need a root to check them against (wsman.md §2.3, 2057).
    pub(super) fn staged_tls_is_complete(&self) -> bool {
        let TlsSettings { remote, local } = &self.staged_tls;
        let asked_for = remote.enabled || (local.enabled && self.generation.local == LocalPorts::PlainAtFirst);
        let mutual = remote.mutual || local.mutual;
        (!asked_for || self.store.bound().is_some()) && (!mutual || self.store.has_trusted_root())
    }
}
