//! What is wrong with a message, and whose fault it is.

use std::fmt;

use super::{MAX_MESSAGE, PROTOCOL_VERSION};

/// Who sent a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The relay on the device's operating system.
    Relay,
    /// The server.
    Server,
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relay => "relay",
            Self::Server => "server",
        })
    }
}

/// A text frame that is no message. Its sender is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {sender} sent {flaw}")]
pub struct ParseError {
    /// Who sent it.
    pub sender: Sender,
    /// What is wrong with it.
    pub flaw: Flaw,
}

impl ParseError {
    /// What RPS answers to such a message, word for word where it has a word for it (DataProcessor wraps
    /// each parse error, hence the `Error: `).
    pub fn rps_text(&self) -> String {
        match &self.flaw {
            Flaw::Version(got) => format!("Error: protocol version NOT supported: {got}"),
            other => format!("Error: expected another message than {other}"),
        }
    }
}

/// What is wrong with a message. Says what was expected; shows nothing that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// More than [`MAX_MESSAGE`] bytes.
    #[error("a message of {0} bytes: expected at most {MAX_MESSAGE}")]
    TooLong(usize),
    /// Not JSON at all.
    #[error("no JSON: it ends being JSON at line {line}, column {column}")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON whose fields are not those of `what`.
    #[error("a {what} with a field that is missing, twice there or of another type, before column {column}")]
    Fields {
        /// `message`, or the payload's name.
        what: &'static str,
        /// From 1.
        column: usize,
    },
    /// Another protocol version; empty if none.
    #[error("protocolVersion `{0}`: expected {PROTOCOL_VERSION}")]
    Version(Excerpt),
    /// A method that no message in this direction has.
    #[error("the method `{0}`, which is unknown in this direction")]
    Method(Excerpt),
    /// A command line in the method that lacks something.
    #[error("the method `{command}` without {expected}")]
    Command {
        /// Its first word.
        command: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// A payload that is missing or no base64.
    #[error("a payload that is missing or not standard base64 with its padding")]
    Base64,
    /// A field of the device report.
    #[error("a device report whose `{field}` is not {expected}")]
    Report {
        /// The field as it is called in JSON.
        field: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// A port switch to something that is no AMT port (G9).
    #[error("port_switch to port `{0}`: expected 16992 or 16993")]
    Port(Excerpt),
}

impl Flaw {
    pub(super) fn json(what: &'static str, error: &serde_json::Error) -> Self {
        // Only where, never serde's own words: they quote values, and a value may be a password.
        match error.classify() {
            serde_json::error::Category::Data => Self::Fields { what, column: error.column() },
            _ => Self::NotJson { line: error.line(), column: error.column() },
        }
    }
}

/// The beginning of a peer's text, made fit to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Excerpt(String);

impl Excerpt {
    const LIMIT: usize = 40;

    pub(super) fn of(text: &str) -> Self {
        let mut excerpt: String = text.chars().take(Self::LIMIT).flat_map(char::escape_debug).collect();
        if text.chars().nth(Self::LIMIT).is_some() {
            excerpt.push('…');
        }
        Self(excerpt)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// A message of ours that would be longer than the other end takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("our own message would have {0} bytes: the other end takes {MAX_MESSAGE}")]
pub struct TooLong(pub usize);
