//! `AMT_GeneralSettings` (wsman.md §2.2): the digest realm and the names of the device.

use crate::http::digest::DigestRealm;
use crate::wsman::call::{Call, Operation};
use crate::wsman::properties::{Properties, PropertyError};
use crate::wsman::query::Query;
use crate::wsman::resource::ResourceUri;
use crate::wsman::xml::Node;

/// The class.
pub const RESOURCE: ResourceUri = ResourceUri::known("http://intel.com/wbem/wscim/1/amt-schema/1/AMT_GeneralSettings");

/// The one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneralSettings {
    /// The realm that every password hash of this device is for.
    pub digest_realm: DigestRealm,
    /// Whether AMT is on at all; a device that says `false` cannot be managed.
    pub network_enabled: Option<bool>,
    /// AMT's host name.
    pub host_name: Option<String>,
    /// AMT's domain.
    pub domain_name: Option<String>,
    /// Whether AMT shares the name of the operating system.
    pub shared_fqdn: Option<bool>,
    /// Everything as it was read, for a Put that leaves the rest alone.
    pub instance: Node,
}

/// Reads the settings.
pub fn get() -> Query<GeneralSettings> {
    Query::new(Call::new(RESOURCE, Operation::Get), |body| read(body.as_ref()))
}

fn read(body: Option<&Node>) -> Result<GeneralSettings, PropertyError> {
    let settings = Properties::of_instance(body, &RESOURCE)?;
    Ok(GeneralSettings {
        digest_realm: settings
            .parsed("DigestRealm", "Digest: and 32 hexadecimal digits", |realm| realm.parse().ok())?,
        network_enabled: settings.optional_flag("AMTNetworkEnabled")?,
        host_name: settings.optional_text("HostName"),
        domain_name: settings.optional_text("DomainName"),
        shared_fqdn: settings.optional_flag("SharedFQDN")?,
        instance: settings.node().clone(),
    })
}
