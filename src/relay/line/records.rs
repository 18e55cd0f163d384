//! TLS records: where they begin, what kind they are, and nothing of what is in them.

/// Type, version and length, in bytes.
pub(super) const HEADER: usize = 5;

/// The longest record of TLS 1.2 behind its header (RFC 5246 §6.2.3); those of TLS 1.3 are shorter.
pub(super) const LONGEST: usize = 16 * 1024 + 2048;

/// The kind of a record, which is never encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 0x14.
    ChangeCipherSpec,
    /// 0x15.
    Alert,
    /// 0x16.
    Handshake,
    /// 0x17: application data, and everything that TLS 1.3 encrypts.
    Sealed,
}

/// The first byte of a [`Kind::Sealed`] record.
pub(super) const SEALED: u8 = 0x17;

/// The header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes behind the header.
    pub(super) length: usize,
}

impl Header {
    /// Reads five bytes; `None` if no record begins so.
    pub(super) fn parse([kind, major, _, high, low]: [u8; HEADER]) -> Option<Self> {
        let kind = match kind {
            0x14 => Kind::ChangeCipherSpec,
            0x15 => Kind::Alert,
            0x16 => Kind::Handshake,
            SEALED => Kind::Sealed,
            _ => return None,
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        (major == 3 && length <= LONGEST).then_some(Self { kind, length })
    }
}

/// Watches a stream of records, however it is cut, for the first sealed one.
#[derive(Clone, Debug, Default)]
pub(super) struct SealedWatch {
    header: Vec<u8>,
    skip: usize,
    state: Watch,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Watch {
    #[default]
    Looking,
    Seen,
    /// The stream is not TLS.
    Lost,
}

impl SealedWatch {
    /// Takes the next bytes of the stream; `true` once a sealed record has begun.
    pub(super) fn sees(&mut self, mut bytes: &[u8]) -> bool {
        while self.state == Watch::Looking && !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let (head, rest) = bytes.split_at((HEADER - self.header.len()).min(bytes.len()));
            self.header.extend_from_slice(head);
            bytes = rest;
            if let Ok(header) = <[u8; HEADER]>::try_from(self.header.as_slice()) {
                self.header.clear();
                match Header::parse(header) {
                    Some(Header { kind: Kind::Sealed, .. }) => self.state = Watch::Seen,
                    Some(Header { length, .. }) => self.skip = length,
                    None => self.state = Watch::Lost,
                }
            }
        }
        self.state == Watch::Seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_record_has_no_header() {
        assert_eq!(Header::parse([0x16, 3, 3, 0, 9]), Some(Header { kind: Kind::Handshake, length: 9 }));
        assert_eq!(Header::parse(*b"HTTP/"), None);
        assert_eq!(Header::parse([0x17, 2, 0, 0, 1]), None);
        assert_eq!(Header::parse([0x17, 3, 3, 0x48, 0x01]), None);
    }

    proptest! {
        #[test]
        fn a_sealed_record_is_seen_however_the_stream_is_cut(
            clear in prop::collection::vec((0x14_u8..=0x16, 0_usize..40), 0..6),
            cuts in prop::collection::vec(1_usize..12, 1..20),
        ) {
            let mut stream = Vec::new();
            for (kind, length) in clear {
                stream.extend([kind, 3, 3, 0, length as u8]);
                stream.extend(std::iter::repeat_n(SEALED, length));
            }
            let begins = stream.len();
            stream.extend([SEALED, 3, 3, 0, 1, 0]);
            let (mut watch, mut taken) = (SealedWatch::default(), 0);
            for cut in cuts.into_iter().cycle() {
                let end = (taken + cut).min(stream.len());
                prop_assert_eq!(watch.sees(&stream[taken..end]), end >= begins + HEADER);
                taken = end;
                if taken == stream.len() { break }
            }
        }
    }
}
