//! What the operating system says about this machine.

use std::net::IpAddr;

use if_addrs::{IfAddr, Interface};

use super::RelayConfig;
use crate::mei::Survey;
use crate::protocol::{HostnameInfo, IpConfiguration};

/// The operating system's part of a device report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) names: HostnameInfo,
    pub(super) ip: IpConfiguration,
}

impl Host {
    /// Asks the operating system; the operator's word goes before its.
    pub(super) fn ask(config: &RelayConfig, survey: &Survey) -> Self {
        let os_hostname = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        let hostname = config.hostname.clone().unwrap_or_else(os_hostname);
        let of_host = hostname.split_once('.').map(|(_, suffix)| suffix.to_owned());
        let dns_suffix_os = of_host.or_else(|| config.dns_suffix.clone()).or_else(|| survey.dns_suffix.clone());
        let dns_suffix_os = dns_suffix_os.unwrap_or_default();
        let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::warn!(%error, "the operating system does not list its interfaces");
            Vec::new()
        });
        Self { names: HostnameInfo { dns_suffix_os, hostname }, ip: ip(survey, &interfaces) }
    }
}

/// AMT's wired interface as the operating system has it: the two share the address, and the operating system knows
/// the mask too.
fn ip(survey: &Survey, interfaces: &[Interface]) -> IpConfiguration {
    let Some(wired) = survey.wired else { return IpConfiguration { ip_sync: true, ..IpConfiguration::default() } };
    let mask = interfaces.iter().find_map(|interface| match &interface.addr {
        IfAddr::V4(v4) if IpAddr::V4(v4.ip) == IpAddr::V4(wired.ipv4) => Some(v4.netmask.to_string()),
        IfAddr::V4(_) | IfAddr::V6(_) => None,
    });
    IpConfiguration {
        dhcp: wired.dhcp_enabled,
        is_static: !wired.dhcp_enabled,
        ip_sync: true,
        ip_address: wired.ipv4.to_string(),
        netmask: mask.unwrap_or_default(),
        ..IpConfiguration::default()
    }
}
