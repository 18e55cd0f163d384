//! Names that people give: of tenants and of servers.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// A text that is no name: the fault of whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is too long.
    #[error("a name has at most {MAX_NAME_BYTES} characters, this one has {0}")]
    Length(usize),
    /// It has a character that would be mistaken in a log line or on a command line.
    #[error("a name consists of letters, digits and punctuation of ASCII, without spaces")]
    Character,
    /// There is nothing in it.
    #[error("a server needs a name")]
    Empty,
}

fn check(text: &str) -> Result<(), NameError> {
    match text.len() {
        length if length > MAX_NAME_BYTES => Err(NameError::Length(length)),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Err(NameError::Character),
        _ => Ok(()),
    }
}

/// Whose device it is. The empty name is the default tenant, as on the wire (rps.md, `tenantId`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tenant {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of the servers it was, for the audit log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName(String);

impl ServerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        check(text)?;
        if text.is_empty() { Err(NameError::Empty) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_length_and_an_alphabet() {
        let longest = "x".repeat(MAX_NAME_BYTES);
        assert_eq!(longest.parse::<Tenant>().unwrap().as_str(), longest);
        assert_eq!(format!("{longest}x").parse::<Tenant>(), Err(NameError::Length(MAX_NAME_BYTES + 1)));
        for text in ["a b", "a\n", "é", "a\0"] {
            assert_eq!(text.parse::<ServerName>(), Err(NameError::Character), "{text:?}");
        }
    }

    #[test]
    fn only_a_tenant_may_be_without_a_name() {
        assert_eq!("".parse(), Ok(Tenant::default()));
        assert_eq!("".parse::<ServerName>(), Err(NameError::Empty));
    }
}
