//! From what the firmware says to what the first message carries.

use crate::mei::{LocalTls, Survey};
use crate::protocol::{Command, DeviceReport, Hello, HostnameInfo, IpConfiguration};
use crate::secret::Secret;

use super::RelayConfig;

/// The name that our reports carry as the program's: RPS knows no other (rps.md §1).
const CLIENT: &str = "RPC";

/// The first message.
pub(super) fn hello(config: &RelayConfig, survey: Survey) -> Hello {
    let hostname = config.hostname.clone().unwrap_or_else(os_hostname);
    let of_host = || hostname.split_once('.').map(|(_, suffix)| suffix.to_owned());
    let dns_suffix = config.dns_suffix.clone().or(survey.dns_suffix).or_else(of_host).unwrap_or_default();
    let uses_dhcp = survey.wired.is_some_and(|wired| wired.dhcp_enabled);
    let report = DeviceReport {
        version: survey.version,
        build: survey.build,
        sku: survey.sku.to_string(),
        features: survey.sku.features(),
        uuid: survey.uuid,
        username: survey.local_system_account.user.to_string(),
        password: password(&config.command).unwrap_or(survey.local_system_account.password),
        control_mode: survey.control_mode,
        hostname: hostname.clone(),
        dns_suffix: dns_suffix.clone(),
        client: CLIENT.to_owned(),
        root_hashes: survey.certificate_hashes.iter().filter_map(|entry| entry.hash.to_string().parse().ok()).collect(),
        ip: IpConfiguration {
            dhcp: uses_dhcp,
            is_static: !uses_dhcp,
            ip_sync: true,
            ip_address: survey.wired.map(|wired| wired.ipv4.to_string()).unwrap_or_default(),
            ..IpConfiguration::default()
        },
        hostname_info: HostnameInfo { dns_suffix_os: of_host().unwrap_or(dns_suffix), hostname },
        friendly_name: config.friendly_name.clone(),
        tls_enforced: survey.local_tls == LocalTls::Enforced,
        tls_tunnel: config.tls_tunnel,
        lms_installed: true,
    };
    Hello { command: config.command.clone(), tenant: config.tenant.clone(), report }
}

/// On an activated device the operator's password takes the place of the local system account's (rpc-go.md §3).
fn password(command: &Command) -> Option<Secret> {
    match command {
        Command::Activate { .. } => None,
        Command::Deactivate { password, .. } | Command::Maintenance { password, .. } => password.clone(),
    }
}

fn os_hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
