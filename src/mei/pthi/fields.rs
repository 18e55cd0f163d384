//! Fields of an answer: integers, bounded texts, and what can be wrong with them.

use std::fmt;
use std::ops::Deref;

use super::Status;

/// Why an answer of the firmware is none. The firmware is to blame for each of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The firmware understood the command and did not carry it out.
    #[error("the firmware refused: status {0}")]
    Refused(Status),
    /// The answer ends inside a field.
    #[error("the firmware's answer ends inside `{field}`: {missing} more bytes were expected")]
    Short {
        /// The field it ends in.
        field: &'static str,
        /// How many bytes are missing.
        missing: usize,
    },
    /// The answer belongs to another command.
    #[error("the firmware answered command {got:#010x}: expected {expected:#010x}")]
    OtherCommand {
        /// The response code of our command.
        expected: u32,
        /// The response code that came.
        got: u32,
    },
    /// The header's Length is not the number of bytes that follow it.
    #[error("the firmware announced {announced} bytes after the header and sent {got}")]
    WrongLength {
        /// The header's Length.
        announced: u32,
        /// The bytes after the header.
        got: usize,
    },
    /// A count or a length is larger than its field.
    #[error("the firmware wrote {got} as `{field}`: expected at most {limit}")]
    OverLimit {
        /// The count or length.
        field: &'static str,
        /// What the field holds at most.
        limit: usize,
        /// What came.
        got: usize,
    },
    /// A number that has no meaning here.
    #[error("the firmware wrote {got} as `{field}`, which has no meaning")]
    Unknown {
        /// The field.
        field: &'static str,
        /// What came.
        got: u32,
    },
    /// A text with bytes that are not printable ASCII, or without its end.
    #[error("the firmware's `{0}` is no text: expected printable ASCII that ends inside its field")]
    NotText(&'static str),
}

/// A text of printable ASCII that fits a field of `MAX` bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text; `None` if it is too long or not printable ASCII.
    pub fn new(text: &str) -> Option<Self> {
        (text.len() <= MAX && text.bytes().all(is_printable)).then(|| Self(text.to_owned()))
    }

    pub(super) fn strict(bytes: &[u8], field: &'static str) -> Result<Self, AnswerError> {
        std::str::from_utf8(bytes).ok().and_then(Self::new).ok_or(AnswerError::NotText(field))
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// For texts that vendors write and nobody compares: what is not printable becomes `?`.
    pub(super) fn lenient(bytes: &[u8]) -> Self {
        let printable = |&byte: &u8| char::from(if is_printable(byte) { byte } else { b'?' });
        Self(bytes.iter().take(MAX).map(printable).collect())
    }
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The part of an answer that has not been read yet.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) const fn new(payload: &'a [u8]) -> Self {
        Self(payload)
    }

    pub(super) fn bytes(&mut self, field: &'static str, length: usize) -> Result<&'a [u8], AnswerError> {
        let Some((bytes, rest)) = self.0.split_at_checked(length) else {
            return Err(AnswerError::Short { field, missing: length - self.0.len() });
        };
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], AnswerError> {
        let Some((array, rest)) = self.0.split_first_chunk() else {
            return Err(AnswerError::Short { field, missing: N - self.0.len() });
        };
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, AnswerError> {
        self.array(field).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, AnswerError> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, AnswerError> {
        self.array(field).map(u32::from_le_bytes)
    }

    /// A u32 that is a truth value.
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, AnswerError> {
        Ok(self.u32(field)? != 0)
    }

    /// A u32 that counts something there are at most `limit` of.
    pub(super) fn count(&mut self, field: &'static str, limit: usize) -> Result<usize, AnswerError> {
        within(field, usize::try_from(self.u32(field)?).unwrap_or(usize::MAX), limit)
    }

    /// A u16 length and as many bytes, at most `limit`.
    pub(super) fn counted(&mut self, field: &'static str, limit: usize) -> Result<&'a [u8], AnswerError> {
        let length = within(field, usize::from(self.u16(field)?), limit)?;
        self.bytes(field, length)
    }

    /// A u16 length and a field of `SIZE` bytes, of which the text has that many.
    pub(super) fn padded<const SIZE: usize>(&mut self, field: &'static str) -> Result<&'a [u8], AnswerError> {
        let length = within(field, usize::from(self.u16(field)?), SIZE)?;
        Ok(&self.bytes(field, SIZE)?[..length])
    }

    /// A field of `SIZE` bytes up to its NUL, which must be there.
    pub(super) fn terminated<const SIZE: usize>(&mut self, field: &'static str) -> Result<&'a [u8], AnswerError> {
        let bytes = self.bytes(field, SIZE)?;
        let end = bytes.iter().position(|&byte| byte == 0).ok_or(AnswerError::NotText(field))?;
        Ok(&bytes[..end])
    }
}

fn within(field: &'static str, got: usize, limit: usize) -> Result<usize, AnswerError> {
    if got > limit { Err(AnswerError::OverLimit { field, limit, got }) } else { Ok(got) }
}

/// Appends `text` and as many NULs as a field of `SIZE` bytes needs.
pub(super) fn put_padded<const SIZE: usize>(out: &mut Vec<u8>, text: &str) {
    let end = out.len() + SIZE;
    out.extend(text.bytes().take(SIZE));
    out.resize(end, 0);
}

/// Appends a u16 length. A [`Text`] is always short enough for one.
pub(super) fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
}
