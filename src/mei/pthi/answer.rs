//! What the firmware answers, apart from the trusted root hashes.

use std::net::Ipv4Addr;

use amt_provision_fsm::firmware::{ControlMode, ProvisioningState};

use super::fields::{Fields, put_length, put_padded};
use super::{AnswerError, Text};
use crate::secret::Secret;

/// An answer's part behind the status. Both directions.
pub trait Answer: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`AnswerError`]: a field is not there or holds what it cannot hold.
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError>;

    /// Appends it to `out`.
    fn write(&self, out: &mut Vec<u8>);
}

impl Answer for ControlMode {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let got = fields.u32("control mode")?;
        Self::from_code(got).ok_or(AnswerError::Unknown { field: "control mode", got })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.code().to_le_bytes());
    }
}

impl Answer for ProvisioningState {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let got = fields.u32("provisioning state")?;
        Self::from_code(got).ok_or(AnswerError::Unknown { field: "provisioning state", got })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.code().to_le_bytes());
    }
}

/// The system UUID in mixed-endian GUID order, placeholder or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceGuid(pub [u8; 16]);

impl Answer for DeviceGuid {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        fields.array("UUID").map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.0);
    }
}

/// One named version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeVersion {
    /// `AMT`, `Build Number`, `Sku` and others.
    pub name: Text<20>,
    /// The version as the firmware writes it.
    pub value: Text<20>,
}

/// The versions of the firmware's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeVersions {
    bios: Text<65>,
    versions: Vec<CodeVersion>,
}

impl CodeVersions {
    /// The most versions that an answer holds.
    pub const LIMIT: usize = 50;

    /// An answer with these versions; `None` if they are more than [`LIMIT`](Self::LIMIT).
    pub fn new(bios: Text<65>, versions: Vec<CodeVersion>) -> Option<Self> {
        (versions.len() <= Self::LIMIT).then_some(Self { bios, versions })
    }

    /// The BIOS version.
    pub fn bios(&self) -> &str {
        &self.bios
    }

    /// The version of the part with that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.versions.iter().find(|version| &*version.name == name).map(|version| &*version.value)
    }
}

impl Answer for CodeVersions {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let bios = fields.bytes("BIOS version", 65)?;
        let bios = bios.split(|&byte| byte == 0).next().unwrap_or_default();
        let count = fields.count("versions count", Self::LIMIT)?;
        let mut version = || {
            let name = Text::strict(fields.padded::<20>("version name")?, "version name")?;
            let value = Text::strict(fields.padded::<20>("version value")?, "version value")?;
            Ok(CodeVersion { name, value })
        };
        let versions = (0..count).map(|_| version()).collect::<Result<_, _>>()?;
        Ok(Self { bios: Text::lenient(bios), versions })
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_padded::<65>(out, &self.bios);
        out.extend(u32::try_from(self.versions.len()).unwrap_or(u32::MAX).to_le_bytes());
        for version in &self.versions {
            for text in [&version.name, &version.value] {
                put_length(out, text.len());
                put_padded::<20>(out, text);
            }
        }
    }
}

/// The account that the firmware gives the local operating system until AMT is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSystemAccount {
    /// `$$OsAdmin`.
    pub user: Text<32>,
    /// Its password.
    pub password: Secret,
}

impl Answer for LocalSystemAccount {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let user = Text::strict(fields.terminated::<33>("account name")?, "account name")?;
        let password = Text::<32>::strict(fields.terminated::<33>("account password")?, "account password")?;
        Ok(Self { user, password: Secret::from(password.into_string()) })
    }

    /// A password that is longer than its field is cut off there.
    fn write(&self, out: &mut Vec<u8>) {
        put_padded::<33>(out, &self.user);
        put_padded::<32>(out, self.password.expose());
        out.push(0);
    }
}

/// The DNS suffix set in the MEBx, empty if none is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsSuffix(pub Text<1000>);

impl Answer for DnsSuffix {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let bytes = fields.counted("DNS suffix", 1000)?;
        Text::strict(bytes.strip_suffix(b"\0").unwrap_or(bytes), "DNS suffix").map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        put_length(out, self.0.len());
        out.extend(self.0.bytes());
    }
}

/// Whether the interface has a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// It has.
    Up,
    /// It has not.
    Down,
}

/// Who does DHCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhcpMode {
    /// The firmware itself.
    Active,
    /// The operating system; the firmware listens.
    Passive,
}

/// The settings of one network interface as the firmware sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanSettings {
    /// Whether the firmware uses the interface.
    pub enabled: bool,
    /// Its IPv4 address, 0.0.0.0 if it has none.
    pub ipv4: Ipv4Addr,
    /// Whether the address comes from DHCP.
    pub dhcp_enabled: bool,
    /// Who does DHCP.
    pub dhcp_mode: DhcpMode,
    /// Whether there is a link.
    pub link: LinkStatus,
    /// The MAC address.
    pub mac: [u8; 6],
}

impl Answer for LanSettings {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        Ok(Self {
            enabled: fields.flag("interface enabled")?,
            ipv4: fields.u32("IPv4 address")?.into(),
            dhcp_enabled: fields.flag("DHCP enabled")?,
            dhcp_mode: if fields.u8("DHCP mode")? == 1 { DhcpMode::Active } else { DhcpMode::Passive },
            link: if fields.u8("link status")? == 1 { LinkStatus::Up } else { LinkStatus::Down },
            mac: fields.array("MAC address")?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(u32::from(self.enabled).to_le_bytes());
        out.extend(u32::from(self.ipv4).to_le_bytes());
        out.extend(u32::from(self.dhcp_enabled).to_le_bytes());
        out.push(if self.dhcp_mode == DhcpMode::Active { 1 } else { 2 });
        out.push(u8::from(self.link == LinkStatus::Up));
        out.extend(self.mac);
    }
}
