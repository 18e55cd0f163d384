//! What a server says to people.

use std::fmt;

/// A line of the server's, made fit for a terminal: without control characters, and not endless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark(String);

impl Remark {
    /// The most characters of a remark.
    pub const LIMIT: usize = 400;

    /// Makes `text` fit.
    pub fn new(text: &str) -> Self {
        Self(text.chars().take(Self::LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect())
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
