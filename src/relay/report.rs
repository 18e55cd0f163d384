//! From what firmware and operating system say to what the first message carries.

use crate::mei::{LocalTls, Survey};
use crate::protocol::{DeviceReport, Hello, HostnameInfo, IpConfiguration};

use super::RelayConfig;
use super::host::Host;

/// The name that our reports carry as the program's: RPS knows no other (rps.md §1).
const CLIENT: &str = "RPC";

/// What the firmware says, as the first message carries it. What it does not know stays empty: the operating system's
/// names and addresses, and what a person calls the device.
///
/// ```
/// use amt_provision::mei::Survey;
/// use amt_provision::protocol::DeviceReport;
///
/// fn report(survey: Survey, hostname: String) -> DeviceReport {
///     DeviceReport { hostname, ..DeviceReport::from(survey) }
/// }
/// ```
impl From<Survey> for DeviceReport {
    fn from(survey: Survey) -> Self {
        let account = survey.local_system_account;
        let hashes = survey.certificate_hashes.iter().filter_map(|entry| entry.hash.to_string().parse().ok());
        Self {
            version: survey.version,
            build: survey.build,
            sku: survey.sku.to_string(),
            features: survey.sku.features(),
            uuid: survey.uuid,
            username: account.user.to_string(),
            password: account.password,
            control_mode: survey.control_mode,
            hostname: String::new(),
            dns_suffix: survey.dns_suffix.unwrap_or_default(),
            client: CLIENT.to_owned(),
            root_hashes: hashes.collect(),
            ip: IpConfiguration::default(),
            hostname_info: HostnameInfo::default(),
            friendly_name: String::new(),
            tls_enforced: survey.local_tls == LocalTls::Enforced,
            tls_tunnel: false,
            // No relay comes this far without.
            lms_installed: true,
        }
    }
}

/// The first message.
pub(super) fn hello(config: &RelayConfig, survey: Survey, host: Host) -> Hello {
    let of_host = Some(host.names.dns_suffix_os.clone()).filter(|suffix| !suffix.is_empty());
    let dns_suffix = config.dns_suffix.clone().or_else(|| survey.dns_suffix.clone()).or(of_host).unwrap_or_default();
    let of_firmware = DeviceReport::from(survey);
    let report = DeviceReport {
        password: config.amt_password.clone().unwrap_or(of_firmware.password),
        hostname: host.names.hostname.clone(),
        dns_suffix,
        hostname_info: host.names,
        ip: host.ip,
        friendly_name: config.friendly_name.clone(),
        tls_tunnel: config.tls_tunnel,
        ..of_firmware
    };
    Hello { command: config.command.clone(), tenant: config.tenant.clone(), report }
}

#[cfg(test)]
mod tests {
    use amt_provision_fsm::firmware::ControlMode;
    use amt_provision_fsm::firmware::ProvisioningState;

    use super::*;
    use crate::mei::Sku;
    use crate::mei::pthi::{CertificateHash, CertificateHashEntry, LocalSystemAccount, Text};
    use crate::protocol::{APP_VERSION, Command, ToServer};

    use crate::secret::Secret;

    /// The report of rps.md §1 A, as text.
    const PLAIN: &str = r#"{"ver":"16.1.25","build":"2124","sku":"16392","features":"AMT Pro Corporate","uuid":"11111111-1111-1111-1111-111111111111","username":"$$OsAdmin","password":"lsa-Pa55w0rd","currentMode":0,"hostname":"lab-host","fqdn":"vprodemo.test","client":"RPC","certHashes":["0123456789abcdef0123456789abcdef01234567","91e870c4cd1ac3ffc9beb15c7dd7f3affd2efd988d3d4d8021f44a4a7214e9ad"],"ipConfiguration":{"dhcp":true,"static":false,"ipsync":true,"ipAddress":"127.0.0.1","netmask":"255.255.255.0","gateway":"","primaryDns":"","secondaryDns":""},"hostnameInfo":{"dnsSuffixOS":"vprodemo.test","hostname":"lab-host"}}"#;

    fn config(command: Command) -> RelayConfig {
        RelayConfig::new("ws://rps.test".parse().unwrap(), command, "/dev/mei0".parse().unwrap())
    }

    fn survey(version: &str, local_tls: LocalTls) -> Survey {
        let hash = |bytes: &[u8]| CertificateHashEntry {
            hash: match bytes.len() {
                20 => CertificateHash::Sha1(bytes.try_into().unwrap()),
                _ => CertificateHash::Sha256(bytes.try_into().unwrap()),
            },
            is_default: true,
            is_active: false,
            name: Text::new("a root").unwrap(),
        };
        let sha256 = b"\x91\xe8\x70\xc4\xcd\x1a\xc3\xff\xc9\xbe\xb1\x5c\x7d\xd7\xf3\xaf\xfd\x2e\xfd\x98\x8d\x3d\x4d\x80\x21\xf4\x4a\x4a\x72\x14\xe9\xad";
        let sha1 = b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67";
        Survey {
            version: version.parse().unwrap(),
            build: "2124".to_owned(),
            sku: Sku(16392),
            uuid: "11111111-1111-1111-1111-111111111111".parse().unwrap(),
            control_mode: ControlMode::PreProvisioning,
            provisioning_state: ProvisioningState::Pre,
            local_system_account: LocalSystemAccount {
                user: Text::new("$$OsAdmin").unwrap(),
                password: Secret::from("lsa-Pa55w0rd".to_owned()),
            },
            certificate_hashes: vec![hash(sha1), hash(sha256)],
            dns_suffix: Some("vprodemo.test".to_owned()),
            wired: None,
            wireless: None,
            local_tls,
        }
    }

    fn host() -> Host {
        let ip_address = "127.0.0.1".to_owned();
        let ip = IpConfiguration { dhcp: true, ip_sync: true, ip_address, ..IpConfiguration::default() };
        Host {
            names: HostnameInfo { dns_suffix_os: "vprodemo.test".to_owned(), hostname: "lab-host".to_owned() },
            ip: IpConfiguration { netmask: "255.255.255.0".to_owned(), ..ip },
        }
    }

    /// The frame that rpc-go would send in our place.
    fn frame(method: &str, report: &str, tenant: &str) -> String {
        use base64::Engine;
        let payload = base64::prelude::BASE64_STANDARD.encode(report);
        format!(
            r#"{{"method":"{method}","apiKey":"key","appVersion":"{APP_VERSION}","protocolVersion":"4.0.0","status":"ok","message":"ok","fqdn":"","payload":"{payload}","tenantId":"{tenant}"}}"#
        )
    }

    fn encoded(config: &RelayConfig, survey: Survey) -> String {
        ToServer::Hello(Box::new(hello(config, survey, host()))).encode().unwrap()
    }

    /// Nothing is different from rpc-go's but `appVersion`, and that LMS is always there.
    #[test]
    fn the_first_message_is_rpc_gos_field_for_field() {
        let activate = |profile: &str| config(Command::Activate { profile: profile.parse().unwrap() });
        let with = |report: &str, more: &str| report.replace(r#""lab-host"}}"#, &format!(r#""lab-host"}}{more}}}"#));
        assert_eq!(
            encoded(&activate("labccm"), survey("16.1.25", LocalTls::NotEnforced)),
            frame("activate --profile labccm", &with(PLAIN, r#","lmsInstalled":true"#), ""),
        );
        let enforced = PLAIN.replace("16.1.25", "19.0.5");
        assert_eq!(
            encoded(&activate("labacmtls"), survey("19.0.5", LocalTls::Enforced)),
            frame("activate --profile labacmtls", &with(&enforced, r#","tlsEnforced":true,"lmsInstalled":true"#), ""),
        );
        let tunnel = RelayConfig {
            tls_tunnel: true,
            friendly_name: "desk 7".to_owned(),
            tenant: "t1".to_owned(),
            ..activate("labacmtls")
        };
        let more = r#","friendlyName":"desk 7","tlsTunnel":true,"lmsInstalled":true"#;
        assert_eq!(
            encoded(&tunnel, survey("16.1.25", LocalTls::NotEnforced)),
            frame("activate --profile labacmtls", &with(PLAIN, more), "t1"),
        );
    }

    /// RPS takes the report's password where the command line has none; there no character is lost.
    #[test]
    fn a_provisioned_devices_password_is_in_the_report_and_not_in_the_method() {
        let password = Some(Secret::from("P@ss w0rd -f".to_owned()));
        let deactivate = Command::Deactivate { password: None, force: false };
        let config = RelayConfig { amt_password: password, ..config(deactivate) };
        let mut survey = survey("16.1.25", LocalTls::NotEnforced);
        survey.control_mode = ControlMode::Admin;
        let report = PLAIN.replace("lsa-Pa55w0rd", "P@ss w0rd -f").replace(r#""currentMode":0"#, r#""currentMode":2"#);
        let report = report.replace(r#""lab-host"}}"#, r#""lab-host"},"lmsInstalled":true}"#);
        assert_eq!(encoded(&config, survey), frame("deactivate", &report, ""));
    }
}
