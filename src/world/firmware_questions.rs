//! The relay's questions over MEI, answered by the device in memory.

use std::time::Duration;

use crate::mei::{
    FirmwareClient, LocalTls, Mei, MeiConnection, MeiError, MeiTransport, READ_TIMEOUT, Survey, SurveyError,
};
use crate::protocol::{Command, DeviceReport, Hello, HostnameInfo, IpConfiguration, ProfileName};
use crate::simulator::device::Device;

struct Memory<'a>(&'a Device);

struct Connection<'a> {
    device: &'a Device,
    client: FirmwareClient,
    answer: Option<Vec<u8>>,
}

impl<'a> MeiTransport for Memory<'a> {
    type Connection = Connection<'a>;

    fn connect(&self, client: FirmwareClient) -> Result<Connection<'a>, MeiError> {
        Ok(Connection { device: self.0, client, answer: None })
    }
}

impl MeiConnection for Connection<'_> {
    fn write(&mut self, message: &[u8]) -> Result<(), MeiError> {
        self.answer = self.device.answer_host(self.client, message);
        Ok(())
    }

    fn read(&mut self) -> Result<Vec<u8>, MeiError> {
        self.answer.take().ok_or(MeiError::Timeout(READ_TIMEOUT))
    }
}

/// What the device says of itself.
pub(super) fn survey(device: &Device) -> Result<Survey, SurveyError> {
    fn never(_: Duration) {}
    Mei::new(Memory(device)).with_busy_waits(&[], never).survey()
}

/// The first message of a relay on that device.
pub(super) fn hello(survey: Survey, profile: ProfileName) -> Hello {
    let dns_suffix = survey.dns_suffix.unwrap_or_default();
    let report = DeviceReport {
        version: survey.version,
        build: survey.build,
        sku: survey.sku.to_string(),
        features: survey.sku.features(),
        uuid: survey.uuid,
        username: survey.local_system_account.user.to_string(),
        password: survey.local_system_account.password,
        control_mode: survey.control_mode,
        hostname: "pc".to_owned(),
        dns_suffix: dns_suffix.clone(),
        client: "RPC".to_owned(),
        root_hashes: survey.certificate_hashes.iter().filter_map(|entry| entry.hash.to_string().parse().ok()).collect(),
        ip: IpConfiguration::default(),
        hostname_info: HostnameInfo { dns_suffix_os: dns_suffix, hostname: "pc".to_owned() },
        friendly_name: String::new(),
        tls_enforced: survey.local_tls == LocalTls::Enforced,
        tls_tunnel: false,
        lms_installed: true,
    };
    Hello { command: Command::Activate { profile }, tenant: String::new(), report }
}
