//! How much is read, and why no more.

use thiserror::Error;

/// How large one message may be (G10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start line and the header fields, and again of the trailers.
    pub head: usize,
    /// Bytes of the body, its framing not counted.
    pub body: usize,
}

impl Limits {
    /// Heads of AMT have a few hundred bytes, bodies are at most what one Pull asks for (wsman.md §1.2) and its
    /// envelope.
    pub const DEFAULT: Self = Self { head: 8 * 1024, body: 256 * 1024 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why the bytes are no message. The peer or the line is to blame, and the connection cannot be used any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HttpError {
    /// More header bytes than the limit.
    #[error("HTTP header longer than {0} bytes")]
    HeadTooLong(usize),
    /// More body bytes than the limit.
    #[error("HTTP body longer than {0} bytes")]
    BodyTooLong(usize),
    /// A start line or a header field that is none.
    #[error("malformed HTTP header: {0}")]
    MalformedHead(String),
    /// A body whose end readers could see in different places.
    #[error("HTTP message with {0}: where it ends is not certain")]
    Ambiguous(&'static str),
    /// Chunked framing that is broken.
    #[error("malformed HTTP chunk")]
    MalformedChunk,
    /// The stream ended inside a message.
    #[error("the connection ended inside an HTTP {part} after {received} bytes of it: ask again on a new connection")]
    Truncated {
        /// `header` or `body`.
        part: &'static str,
        /// How much of that part had come.
        received: usize,
    },
    /// More `1xx` replies than anybody sends.
    #[error("more than {0} interim HTTP replies in a row")]
    TooManyInterim(usize),
    /// A reply that belongs to no request of ours.
    #[error("unexpected HTTP status {0}: no such change of protocol was asked for")]
    UnexpectedStatus(u16),
}

/// Moves bytes from `input` to `line` until the line is whole: `Some(true)` with its line feed. `None` when it would be
/// longer than `limit`.
pub(super) fn take_line(line: &mut Vec<u8>, input: &mut &[u8], limit: usize) -> Option<bool> {
    let end = input.iter().position(|&byte| byte == b'\n');
    let (taken, rest) = input.split_at(end.map_or(input.len(), |at| at + 1));
    if taken.len() > limit.saturating_sub(line.len()) {
        return None;
    }
    line.extend_from_slice(taken);
    *input = rest;
    Some(end.is_some())
}
