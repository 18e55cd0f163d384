//! Where a body ends (RFC 9112 §6 and §7.1).

use super::fields::Fields;
use super::limits::{HttpError, Limits, take_line};

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After that many bytes.
    Length(usize),
    /// After the chunk of size 0 and its trailers.
    Chunked,
    /// With the connection: replies only.
    UntilClose,
}

impl Framing {
    /// What the fields say; `otherwise` applies when they say nothing.
    ///
    /// Everything that two readers could take differently is refused: a relay in between must not be able to make
    /// one reply look like two.
    pub(super) fn of(fields: &Fields, otherwise: Self) -> Result<Self, HttpError> {
        let mut lengths = fields.all("Content-Length");
        let mut codings = fields.all("Transfer-Encoding");
        match (codings.next(), lengths.next()) {
            (Some(_), Some(_)) => Err(HttpError::Ambiguous("both Transfer-Encoding and Content-Length")),
            (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") && codings.next().is_none() => {
                Ok(Self::Chunked)
            }
            (Some(_), None) => Err(HttpError::Ambiguous("a Transfer-Encoding other than chunked")),
            (None, Some(_)) if lengths.next().is_some() => Err(HttpError::Ambiguous("two Content-Lengths")),
            (None, Some(length)) if length.bytes().all(|c| c.is_ascii_digit()) => match length.parse() {
                Ok(length) => Ok(Self::Length(length)),
                Err(_) => Err(HttpError::Ambiguous("a Content-Length that is empty or too large")),
            },
            (None, Some(_)) => Err(HttpError::Ambiguous("a Content-Length that is no number")),
            (None, None) => Ok(otherwise),
        }
    }
}

/// Collects one body.
#[derive(Debug)]
pub(super) struct BodyDecoder {
    limits: Limits,
    state: State,
    body: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Length { missing: usize },
    ChunkSize { line: Vec<u8> },
    ChunkData { missing: usize },
    ChunkEnd { line: Vec<u8> },
    Trailers { line: Vec<u8>, seen: usize },
    UntilClose,
    Done,
}

/// Size in hexadecimal digits and an extension, in bytes.
const MAX_CHUNK_LINE: usize = 256;

impl BodyDecoder {
    pub(super) fn new(framing: Framing, limits: Limits) -> Result<Self, HttpError> {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(missing) if missing > limits.body => return Err(HttpError::BodyTooLong(limits.body)),
            Framing::Length(missing) => State::Length { missing },
            Framing::Chunked => State::ChunkSize { line: Vec::new() },
            Framing::UntilClose => State::UntilClose,
        };
        Ok(Self { limits, state, body: Vec::new() })
    }

    /// Takes what belongs to this body off `input`; `true` once it is whole.
    pub(super) fn decode(&mut self, input: &mut &[u8]) -> Result<bool, HttpError> {
        loop {
            self.state = match &mut self.state {
                State::Done => return Ok(true),
                _ if input.is_empty() => return Ok(false),
                State::UntilClose => {
                    if input.len() > self.limits.body - self.body.len() {
                        return Err(HttpError::BodyTooLong(self.limits.body));
                    }
                    self.body.extend_from_slice(core::mem::take(input));
                    return Ok(false);
                }
                State::Length { missing } => match take(missing, input, &mut self.body) {
                    true => State::Done,
                    false => return Ok(false),
                },
                State::ChunkSize { line } => match take_line(line, input, MAX_CHUNK_LINE) {
                    None => return Err(HttpError::MalformedChunk),
                    Some(false) => return Ok(false),
                    Some(true) => match chunk_size(line)? {
                        0 => State::Trailers { line: Vec::new(), seen: 0 },
                        size if size > self.limits.body - self.body.len() => {
                            return Err(HttpError::BodyTooLong(self.limits.body));
                        }
                        missing => State::ChunkData { missing },
                    },
                },
                State::ChunkData { missing } => match take(missing, input, &mut self.body) {
                    true => State::ChunkEnd { line: Vec::new() },
                    false => return Ok(false),
                },
                State::ChunkEnd { line } => match take_line(line, input, 2) {
                    Some(true) if line == b"\r\n" => State::ChunkSize { line: Vec::new() },
                    Some(false) if line == b"\r" => return Ok(false),
                    _ => return Err(HttpError::MalformedChunk),
                },
                State::Trailers { line, seen } => match take_line(line, input, self.limits.head - *seen) {
                    None => return Err(HttpError::HeadTooLong(self.limits.head)),
                    Some(false) => return Ok(false),
                    Some(true) if line == b"\r\n" => State::Done,
                    Some(true) => State::Trailers { seen: *seen + line.len(), line: Vec::new() },
                },
            };
        }
    }

    /// The end of the stream has come: whether that is also the end of this body.
    pub(super) fn ends_here(&self) -> bool {
        matches!(self.state, State::UntilClose | State::Done)
    }

    pub(super) fn received(&self) -> usize {
        self.body.len()
    }

    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// Moves up to `missing` bytes; `true` once none is missing.
fn take(missing: &mut usize, input: &mut &[u8], body: &mut Vec<u8>) -> bool {
    let (taken, rest) = input.split_at((*missing).min(input.len()));
    body.extend_from_slice(taken);
    *missing -= taken.len();
    *input = rest;
    *missing == 0
}

/// The size in a whole line. Zero-padding and extensions are usual (wsman.md §1.5); an empty line, which httparse
/// would take for 0, and with it for the end of the body, is not.
fn chunk_size(line: &[u8]) -> Result<usize, HttpError> {
    match httparse::parse_chunk_size(line) {
        Ok(httparse::Status::Complete((_, size))) if line.first().is_some_and(u8::is_ascii_hexdigit) => {
            usize::try_from(size).map_err(|_| HttpError::MalformedChunk)
        }
        _ => Err(HttpError::MalformedChunk),
    }
}
