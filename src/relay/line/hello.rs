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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The body of a ServerHello of TLS 1.3 with extensions round those that count.
    fn any_server_hello() -> impl Strategy<Value = (Vec<u8>, ServerHello)> {
        let other = (vec(any::<u8>(), 0..20), 0_u16..40).prop_map(|(value, kind)| (kind, value));
        (any::<[u8; 32]>(), vec(any::<u8>(), 0..=32), 1_u8..4, any::<bool>(), any::<bool>(), vec(other, 0..4)).prop_map(
            |(random, session_id, suite, resumed, retry, mut extensions)| {
                extensions.push((SUPPORTED_VERSIONS, vec![3, 4]));
                if resumed {
                    extensions.insert(extensions.len() / 2, (PRE_SHARED_KEY, vec![0, 0]));
                }
                let extensions: Vec<u8> = extensions
                    .into_iter()
                    .flat_map(|(kind, value)| {
                        [&kind.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), &value].concat()
                    })
                    .collect();
                let random = if retry { *RETRY_RANDOM } else { random };
                let mut body = vec![3, 3];
                body.extend(random);
                body.push(session_id.len() as u8);
                body.extend(session_id);
                body.extend([0x13, suite, 0]);
                body.extend((extensions.len() as u16).to_be_bytes());
                body.extend(extensions);
                let finished = HANDSHAKE_HEADER + if suite == 2 { 48 } else { 32 };
                (body, if retry { ServerHello::Retry } else { ServerHello::Tls13 { finished, resumed } })
            },
        )
    }

    proptest! {
        /// Its length stands before it, so a part that is taken for a whole one is of another version at most: never one
        /// that says how long a sealed flight will be.
        #[test]
        fn any_server_hello_is_read_and_no_part_of_it_promises_a_flight((body, what) in any_server_hello()) {
            prop_assert_eq!(ServerHello::parse(&body), Some(what));
            for length in 0..body.len() {
                let part = ServerHello::parse(&body[..length]);
                prop_assert!(matches!(part, None | Some(ServerHello::Older)), "{} bytes: {:?}", length, part);
            }
        }

        #[test]
        fn any_bytes_are_a_hello_or_none(bytes in vec(any::<u8>(), 0..120)) {
            let _ = ServerHello::parse(&bytes);
            prop_assert_eq!(client_random(&bytes).is_some(), bytes.len() >= HEADER + HANDSHAKE_HEADER + 2 + 32);
            prop_assert!(!starts_client_hello(&bytes) || (bytes[0], bytes[5]) == (0x16, 1));
        }
    }
}
