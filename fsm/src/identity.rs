//! What a device is known by: its UUID, the hash of its ROM-CA certificate, the hash of its key.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// A device's system UUID, its sixteen bytes in the order in which they are printed.
///
/// AMT itself answers in mixed-endian GUID order (wsman.md §2.3); [`Uuid::from_guid`] turns that round.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Uuid([u8; 16]);

/// Why a text or a value is no device UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UuidError {
    /// Not of the form `8-4-4-4-12` hexadecimal digits.
    Malformed,
    /// A value that boards carry when nobody has written one: all zero, all ones, or the
    /// `03000200-0400-0500-0006-000700080009` of unfinished firmware (rpc-go.md §3).
    Placeholder,
}

impl fmt::Display for UuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a UUID: expected 8-4-4-4-12 hexadecimal digits",
            Self::Placeholder => "a placeholder UUID that many boards share: write the system UUID in the BIOS first",
        })
    }
}

impl core::error::Error for UuidError {}

const UNFINISHED: [u8; 16] = [3, 0, 2, 0, 4, 0, 5, 0, 0, 6, 0, 7, 0, 8, 0, 9];

impl Uuid {
    /// A UUID from its bytes in printed order.
    ///
    /// # Errors
    /// [`UuidError::Placeholder`] for the values that do not tell one device from another.
    pub const fn from_bytes(bytes: [u8; 16]) -> Result<Self, UuidError> {
        let mut zero = true;
        let mut ones = true;
        let mut unfinished = true;
        let mut i = 0;
        while i < 16 {
            zero &= bytes[i] == 0;
            ones &= bytes[i] == 0xff;
            unfinished &= bytes[i] == UNFINISHED[i];
            i += 1;
        }
        if zero || ones || unfinished { Err(UuidError::Placeholder) } else { Ok(Self(bytes)) }
    }

    /// A UUID from the mixed-endian GUID bytes that AMT and the MEI answer with: the first three
    /// fields little-endian (wsman.md §2.3, rpc-go.md §2).
    ///
    /// # Errors
    /// [`UuidError::Placeholder`], as [`Uuid::from_bytes`].
    pub const fn from_guid(g: [u8; 16]) -> Result<Self, UuidError> {
        Self::from_bytes([
            g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15],
        ])
    }

    /// The bytes in printed order.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The bytes in mixed-endian GUID order, as AMT writes them.
    pub const fn to_guid(self) -> [u8; 16] {
        let b = self.0;
        [b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]]
    }
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        const DASHES: [usize; 4] = [8, 13, 18, 23];
        let text = text.as_bytes();
        if text.len() != 36 || DASHES.iter().any(|&at| text[at] != b'-') {
            return Err(UuidError::Malformed);
        }
        let mut bytes = [0; 16];
        let mut digits = text.iter().enumerate().filter(|(at, _)| !DASHES.contains(at)).map(|(_, &c)| hex_value(c));
        for byte in &mut bytes {
            match (digits.next().flatten(), digits.next().flatten()) {
                (Some(high), Some(low)) => *byte = high * 16 + low,
                _ => return Err(UuidError::Malformed),
            }
        }
        Self::from_bytes(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

macro_rules! sha256_hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The hash from its 32 raw bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 raw bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The hash from 64 hexadecimal digits of either case; `None` for anything else.
            pub fn from_hex(text: &str) -> Option<Self> {
                let text = text.as_bytes();
                let mut bytes = [0; 32];
                if text.len() != 64 {
                    return None;
                }
                for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
                    *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
                }
                Some(Self(bytes))
            }

            /// The hash as 64 lower-case hexadecimal digits.
            pub fn to_hex(&self) -> String {
                alloc::format!("{self}")
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("…)")
            }
        }
    };
}

sha256_hash! {
    /// SHA-256 of a SubjectPublicKeyInfo in DER: what a pin is.
    SpkiHash
}
sha256_hash! {
    /// SHA-256 of a device's ROM-CA certificate in DER, taken from the verified path: the persistent
    /// hardware identity (odca.md §1.7).
    RomCaHash
}
sha256_hash! {
    /// SHA-256 of a whole certificate in DER.
    CertificateHash
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    const TEXT: &str = "4c4c4544-0051-3610-8053-b7c04f4e3033";

    #[test]
    fn uuid_text_and_guid_order_round_trip() {
        let uuid: Uuid = TEXT.parse().unwrap();
        assert_eq!(uuid.to_string(), TEXT);
        assert_eq!(Uuid::from_guid(uuid.to_guid()), Ok(uuid));
        assert_eq!(&uuid.to_guid()[..8], [0x44, 0x45, 0x4c, 0x4c, 0x51, 0x00, 0x10, 0x36]);
    }

    #[test]
    fn texts_that_are_no_uuid_are_refused() {
        for text in ["", "4c4c4544", "4c4c4544-0051-3610-8053-b7c04f4e303g", "4c4c4544+0051-3610-8053-b7c04f4e3033"] {
            assert_eq!(text.parse::<Uuid>(), Err(UuidError::Malformed), "{text}");
        }
    }

    #[test]
    fn uuids_that_many_boards_share_are_refused() {
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "03000200-0400-0500-0006-000700080009",
        ] {
            assert_eq!(text.parse::<Uuid>(), Err(UuidError::Placeholder), "{text}");
        }
    }

    #[test]
    fn hashes_read_back_what_they_print() {
        let hash = SpkiHash::from_bytes(core::array::from_fn(|i| i as u8 * 7));
        assert_eq!(SpkiHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(SpkiHash::from_hex("00"), None);
        assert_eq!(SpkiHash::from_hex(&"zz".repeat(32)), None);
    }
}
