//! The firmware's MEI clients: whom a connection speaks to.

use std::fmt;

/// The sixteen bytes that the connect request carries, in the mixed-endian order of the kernel's ioctl.
pub type ClientGuid = [u8; 16];

/// A firmware client that this project talks to (rpc-go.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FirmwareClient {
    /// PTHI, also called AMTHI: commands about AMT itself.
    Pthi,
    /// The watchdog or "manageability" client: the state-independence byte.
    Watchdog,
}

impl FirmwareClient {
    /// Every client there is.
    pub const ALL: [Self; 2] = [Self::Pthi, Self::Watchdog];

    /// The bytes of the connect request.
    pub const fn guid(self) -> ClientGuid {
        match self {
            Self::Pthi => {
                [0x28, 0x00, 0xf8, 0x12, 0xb7, 0xb4, 0x2d, 0x4b, 0xac, 0xa8, 0x46, 0xe0, 0xff, 0x65, 0x81, 0x4c]
            }
            Self::Watchdog => {
                [0x6f, 0x9a, 0xb7, 0x05, 0x28, 0x46, 0x7f, 0x4d, 0x89, 0x9d, 0xa9, 0x15, 0x14, 0xcb, 0x32, 0xab]
            }
        }
    }

    /// The client with that GUID; `None` for every other.
    pub fn from_guid(guid: &ClientGuid) -> Option<Self> {
        Self::ALL.into_iter().find(|client| client.guid() == *guid)
    }
}

impl fmt::Display for FirmwareClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pthi => "PTHI",
            Self::Watchdog => "watchdog",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_found_by_its_guid() {
        for client in FirmwareClient::ALL {
            assert_eq!(FirmwareClient::from_guid(&client.guid()), Some(client));
        }
        assert_eq!(FirmwareClient::from_guid(&[0; 16]), None);
        for client in FirmwareClient::ALL {
            for bit in 0..128 {
                let mut other = client.guid();
                other[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(FirmwareClient::from_guid(&other), None, "bit {bit} of {client}");
            }
        }
    }
}
