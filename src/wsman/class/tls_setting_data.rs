//! `AMT_TLSSettingData` (wsman.md §2.8): TLS on the network and on the local ports.
//!
//! Nothing of it takes effect before CommitChanges.

use crate::wsman::call::{Call, Operation};
use crate::wsman::listing::Listing;
use crate::wsman::properties::{Properties, PropertyError};
use crate::wsman::query::Query;
use crate::wsman::reference::Selector;
use crate::wsman::resource::ResourceUri;
use crate::wsman::xml::Node;

/// The class.
pub const RESOURCE: ResourceUri = ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_TLSSettingData");

/// The InstanceID of the network interface.
pub const REMOTE: &str = "Intel(r) AMT 802.3 TLS Settings";
/// The InstanceID of the local interface, through LMS.
pub const LOCAL: &str = "Intel(r) AMT LMS TLS Settings";

/// One of the two instances, told by its InstanceID and never by its place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsSettings {
    /// The network interface.
    Remote(RemoteTls),
    /// The local interface.
    Local(LocalTls),
}

/// TLS on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteTls {
    /// Whether TLS is on.
    pub enabled: bool,
    /// Whether plain text is taken as well.
    pub accepts_plain: bool,
    /// Whether clients need a certificate.
    pub mutual: bool,
    /// Names of clients that are taken, when they need a certificate.
    pub trusted_names: Vec<String>,
    /// Whether [`accepts_plain`](Self::accepts_plain) can be changed; firmware without plain ports says no.
    pub plain_is_configurable: bool,
    instance: Node,
}

/// TLS on the local ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTls {
    /// Whether TLS is on.
    pub enabled: bool,
    /// Whether plain text is taken as well.
    pub accepts_plain: bool,
    instance: Node,
}

/// What a profile wants of the network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteMode {
    /// Whether plain text shall be taken as well.
    pub plain: PlainText,
    /// Who may connect.
    pub clients: Clients,
}

/// Plain text beside TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainText {
    /// TLS only.
    Refused,
    /// Both.
    Accepted,
}

/// Who may connect over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Whoever knows the password.
    Any,
    /// Those with a certificate that the device trusts, and one of these names if there are any.
    WithCertificate(Vec<String>),
}

/// Lists both interfaces.
pub fn list() -> Listing<TlsSettings> {
    Listing::new(RESOURCE, |item| {
        if !item.is(RESOURCE.as_str(), RESOURCE.class()) {
            return Ok(None);
        }
        read(Properties::of_instance(Some(item), &RESOURCE)?)
    })
}

fn read(settings: Properties<'_>) -> Result<Option<TlsSettings>, PropertyError> {
    let enabled = settings.flag("Enabled")?;
    let accepts_plain = settings.optional_flag("AcceptNonSecureConnections")?.unwrap_or(false);
    let instance = settings.node().clone();
    Ok(match settings.text("InstanceID")?.as_str() {
        REMOTE => Some(TlsSettings::Remote(RemoteTls {
            enabled,
            accepts_plain,
            mutual: settings.optional_flag("MutualAuthentication")?.unwrap_or(false),
            trusted_names: settings.texts("TrustedCN"),
            plain_is_configurable: settings.optional_flag("NonSecureConnectionsSupported")?.unwrap_or(true),
            instance,
        })),
        LOCAL => Some(TlsSettings::Local(LocalTls { enabled, accepts_plain, instance })),
        _ => None,
    })
}

/// Switches TLS on for the network as `mode` wants it; what else the device has there stays.
pub fn put_remote(current: &RemoteTls, mode: &RemoteMode) -> Query<()> {
    let mut instance = current.instance.clone();
    if current.plain_is_configurable {
        instance.set_property("AcceptNonSecureConnections", text(mode.plain == PlainText::Accepted));
    }
    instance.set_property("Enabled", "true");
    instance.set_property("MutualAuthentication", text(mode.clients != Clients::Any));
    instance.remove_property("TrustedCN");
    if let Clients::WithCertificate(names) = &mode.clients {
        instance = instance.with_all(names.iter().map(|name| {
            let mut trusted = RESOURCE.element("TrustedCN");
            trusted.set_text(name);
            trusted
        }));
    }
    put(REMOTE, instance)
}

/// Switches TLS on for the local ports and changes nothing else there.
pub fn put_local(current: &LocalTls) -> Query<()> {
    let mut instance = current.instance.clone();
    instance.set_property("Enabled", "true");
    put(LOCAL, instance)
}

fn put(instance_id: &str, instance: Node) -> Query<()> {
    let call = Call::new(RESOURCE, Operation::Put(instance));
    Query::put(call.with_selector(Selector::instance_id(instance_id)))
}

const fn text(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}
