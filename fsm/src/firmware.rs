//! What the firmware is and in which state: version, control mode, provisioning state, port, key suite.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// An AMT firmware version such as `19.0.5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AmtVersion {
    /// The generation: 12, 14, 15, 16, 18, 19 …
    pub major: u16,
    /// 16.0 and 16.1 behave differently (odca.md §2.2).
    pub minor: u16,
    /// The maintenance release.
    pub hotfix: u16,
}

/// A text that is no firmware version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmtVersionError;

impl fmt::Display for AmtVersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an AMT version: expected MAJOR.MINOR or MAJOR.MINOR.HOTFIX")
    }
}

impl core::error::Error for AmtVersionError {}

impl AmtVersion {
    /// The first generation whose local ports speak TLS only, from before provisioning on (odca.md §2.2).
    pub const FIRST_TLS_BEFORE_PROVISIONING: u16 = 19;

    /// The version `major.minor.0`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor, hotfix: 0 }
    }

    /// Whether a device of this version must have TLS on its local ports whatever anybody says (G5).
    pub const fn must_have_local_tls(self) -> bool {
        self.major >= Self::FIRST_TLS_BEFORE_PROVISIONING
    }

    /// Whether firmware of this version can tell its host that its local ports speak TLS; older one says that they
    /// do not, whatever they do (rpc-go.md §2).
    pub const fn tells_local_tls(self) -> bool {
        self.major > 16 || (self.major == 16 && self.minor >= 1)
    }

    /// The keys and signatures that this firmware takes (wsman.md §3.13).
    pub const fn suite(self) -> KeySuite {
        if self.major >= 22 { KeySuite::EcP384Sha384 } else { KeySuite::Rsa2048Sha256 }
    }
}

impl FromStr for AmtVersion {
    type Err = AmtVersionError;

    /// Reads `19.0`, `19.0.5`, and `19.0.5.1234` (a build number behind the third dot is passed over).
    fn from_str(text: &str) -> Result<Self, AmtVersionError> {
        let mut fields = text.split('.').map(|field| field.parse::<u16>().map_err(|_| AmtVersionError));
        let major = fields.next().ok_or(AmtVersionError)??;
        let minor = fields.next().ok_or(AmtVersionError)??;
        let hotfix = fields.next().unwrap_or(Ok(0))?;
        if fields.count() > 1 { Err(AmtVersionError) } else { Ok(Self { major, minor, hotfix }) }
    }
}

impl fmt::Display for AmtVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.hotfix)
    }
}

/// Key and signature algorithms, chosen once from the firmware version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeySuite {
    /// RSA-2048 keys, SHA-256, SigningAlgorithm 2: up to AMT 21.
    Rsa2048Sha256,
    /// P-384 keys whose DERKey is a SubjectPublicKeyInfo, SHA-384, SigningAlgorithm 3: from AMT 22.
    EcP384Sha384,
}

/// `IPS_HostBasedSetupService.CurrentControlMode` (wsman.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ControlMode {
    /// 0: not provisioned.
    PreProvisioning,
    /// 1: Client Control Mode, CCM.
    Client,
    /// 2: Admin Control Mode, ACM.
    Admin,
}

impl ControlMode {
    /// The mode that the firmware writes as `code`; `None` for a code that no firmware uses.
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::PreProvisioning),
            1 => Some(Self::Client),
            2 => Some(Self::Admin),
            _ => None,
        }
    }

    /// The number that the firmware writes.
    pub const fn code(self) -> u32 {
        match self {
            Self::PreProvisioning => 0,
            Self::Client => 1,
            Self::Admin => 2,
        }
    }
}

impl fmt::Display for ControlMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreProvisioning => "pre-provisioning",
            Self::Client => "CCM",
            Self::Admin => "ACM",
        })
    }
}

/// `AMT_SetupAndConfigurationService.ProvisioningState` (wsman.md §2.3). The control mode alone lies in
/// the half state (odca.md §2.4), so both are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ProvisioningState {
    /// 0: pre-provisioning.
    Pre,
    /// 1: in provisioning.
    In,
    /// 2: post-provisioning.
    Post,
}

impl ProvisioningState {
    /// The state that the firmware writes as `code`; `None` for a code that no firmware uses.
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::Pre),
            1 => Some(Self::In),
            2 => Some(Self::Post),
            _ => None,
        }
    }

    /// The number that the firmware writes.
    pub const fn code(self) -> u32 {
        match self {
            Self::Pre => 0,
            Self::In => 1,
            Self::Post => 2,
        }
    }
}

/// The two local ports of AMT. There is no way to name another one (G9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Port {
    /// 16992, HTTP in plain text; gone from AMT 19 on.
    Plain,
    /// 16993, HTTP over TLS.
    Tls,
}

impl Port {
    /// The TCP port number.
    pub const fn number(self) -> u16 {
        match self {
            Self::Plain => 16992,
            Self::Tls => 16993,
        }
    }

    /// The AMT port with that number; `None` for every other port (G9).
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            16992 => Some(Self::Plain),
            16993 => Some(Self::Tls),
            _ => None,
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn versions_read_what_devices_and_people_write() {
        let v = AmtVersion { major: 19, minor: 0, hotfix: 5 };
        assert_eq!("19.0.5".parse(), Ok(v));
        assert_eq!("19.0.5.1981".parse(), Ok(v));
        assert_eq!("16.1".parse(), Ok(AmtVersion::new(16, 1)));
        assert_eq!(v.to_string(), "19.0.5");
        for text in ["", "19", "19.", "19.x", "19.0.5.1.2", "-1.0"] {
            assert_eq!(text.parse::<AmtVersion>(), Err(AmtVersionError), "{text}");
        }
    }

    #[test]
    fn the_suite_follows_the_firmware() {
        assert_eq!(AmtVersion::new(21, 0).suite(), KeySuite::Rsa2048Sha256);
        assert_eq!(AmtVersion::new(22, 0).suite(), KeySuite::EcP384Sha384);
    }

    #[test]
    fn only_amt_ports_have_a_name() {
        assert_eq!(Port::from_number(16993), Some(Port::Tls));
        assert_eq!(Port::from_number(16992), Some(Port::Plain));
        assert_eq!(Port::from_number(22), None);
    }
}
