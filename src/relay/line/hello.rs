//! The two messages of a TLS handshake that travel in the clear and say what will follow.

use super::records::HEADER;

/// Whether bytes from the server begin a handshake: the rule of rpc-go.md §4. On this line it means "a new
/// channel".
pub(super) const fn starts_client_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, _, _, _, _, 0x01, ..])
}

/// The random number of the ClientHello at the front of `bytes`. The second ClientHello of a handshake, which
/// answers a HelloRetryRequest, has the one of the first (RFC 8446 §4.1.2); that of a new session never has.
pub(super) fn client_random(bytes: &[u8]) -> Option<[u8; 32]> {
    const VERSION: usize = 2;
    bytes.get(HEADER + HANDSHAKE_HEADER + VERSION..)?.first_chunk().copied()
}

/// Type and length of a handshake message, in bytes.
pub(super) const HANDSHAKE_HEADER: usize = 4;

/// What a ServerHello says about the rest of the device's flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerHello {
    /// A HelloRetryRequest: nothing follows.
    Retry,
    /// TLS 1.3: the rest is encrypted.
    Tls13 {
        /// How long the Finished message is: the length of the suite's hash, and its header.
        finished: usize,
        /// Whether the session is resumed: then there is no certificate.
        resumed: bool,
    },
    /// TLS 1.2 or earlier: the rest is in the clear.
    Older,
}

impl ServerHello {
    /// Reads the body of a ServerHello; `None` if it is none.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let (_legacy_version, rest) = body.split_first_chunk::<2>()?;
        let (random, rest) = rest.split_first_chunk::<32>()?;
        let (&session_id, rest) = rest.split_first()?;
        let (suite, rest) = rest.get(usize::from(session_id)..)?.split_first_chunk::<2>()?;
        let extensions = rest.get(1..)?;
        if extension(extensions, SUPPORTED_VERSIONS) != Some(&[0x03, 0x04]) {
            return Some(Self::Older);
        }
        if random == RETRY_RANDOM {
            return Some(Self::Retry);
        }
        let hash = if suite == TLS_AES_256_GCM_SHA384 { 48 } else { 32 };
        let resumed = extension(extensions, PRE_SHARED_KEY).is_some();
        Some(Self::Tls13 { finished: HANDSHAKE_HEADER + hash, resumed })
    }
}

/// The one TLS 1.3 suite whose hash is not SHA-256 (RFC 8446 §B.4).
const TLS_AES_256_GCM_SHA384: &[u8; 2] = &[0x13, 0x02];

/// SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3).
const RETRY_RANDOM: &[u8; 32] = &[
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11,
    0x16, 0x7A, 0xBB, 0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

/// Types of extensions (RFC 8446 §4.2).
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;

/// The value of an extension.
fn extension(extensions: &[u8], wanted: u16) -> Option<&[u8]> {
    let (_length, mut rest) = extensions.split_first_chunk::<2>()?;
    while let Some((&[a, b, c, d], after)) = rest.split_first_chunk::<4>() {
        let (kind, length) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        let value = after.get(..length)?;
        if kind == wanted {
            return Some(value);
        }
        rest = after.get(length..)?;
    }
    None
}
