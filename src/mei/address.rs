//! How an operator names an MEI.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{MeiError, SeqpacketMei};

/// Where the firmware's MEI is: `unix:PATH`, or a device node such as `/dev/mei0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MeiAddress {
    /// The kernel driver's device node.
    Device(PathBuf),
    /// A `SOCK_SEQPACKET` socket at this path: a simulated device.
    Unix(PathBuf),
}

/// A text that names no MEI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no MEI: expected /dev/meiN or unix:PATH")]
pub struct MeiAddressError(String);

impl MeiAddress {
    /// A transport to that address. Nothing is connected yet.
    ///
    /// # Errors
    /// [`MeiError::NoDriver`] for a device node: this build has no driver for it yet.
    pub fn open(&self) -> Result<SeqpacketMei, MeiError> {
        match self {
            Self::Device(path) => Err(MeiError::NoDriver { path: path.clone() }),
            Self::Unix(path) => Ok(SeqpacketMei::new(path.clone())),
        }
    }
}

impl FromStr for MeiAddress {
    type Err = MeiAddressError;

    fn from_str(text: &str) -> Result<Self, MeiAddressError> {
        let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        match (text.strip_prefix("unix:"), text.strip_prefix("/dev/mei")) {
            (Some(path), _) if !path.is_empty() => Ok(Self::Unix(path.into())),
            (None, Some(digits)) if number(digits) => Ok(Self::Device(text.into())),
            _ => Err(MeiAddressError(text.to_owned())),
        }
    }
}

impl fmt::Display for MeiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(path) => write!(f, "{}", path.display()),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_back_what_they_print() {
        for text in ["/dev/mei0", "/dev/mei12", "unix:/run/mei.sock", "unix:relative"] {
            assert_eq!(text.parse::<MeiAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_text_that_names_no_mei_says_what_would() {
        for text in ["", "unix:", "/dev/mei", "/dev/sda", "/dev/mei0x", "mei0"] {
            let error = text.parse::<MeiAddress>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` names no MEI: expected /dev/meiN or unix:PATH"));
        }
    }

    #[test]
    fn a_device_node_is_refused_honestly() {
        let error = "/dev/mei0".parse::<MeiAddress>().unwrap().open().unwrap_err();
        assert_eq!(error.to_string(), "this build has no driver for /dev/mei0 yet: use unix:PATH");
    }
}
