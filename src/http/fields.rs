//! Header fields.

use httparse::Header;

/// The header fields of one message, in their order, values as text. Bytes that are not UTF-8 are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn new(headers: &[Header<'_>]) -> Self {
        let value = |header: &Header<'_>| String::from_utf8_lossy(header.value).trim().to_owned();
        Self(headers.iter().map(|header| (header.name.to_owned(), value(header))).collect())
    }

    /// All values of the field `name`, whatever its case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The first value of the field `name`, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether the comma-separated list in the field `name` has `token`, whatever its case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
    }
}

/// RFC 9112 §9.3: what the version means, unless the field says otherwise.
pub(super) fn keeps_connection(minor: u8, fields: &Fields) -> bool {
    if minor == 0 { fields.has_token("Connection", "keep-alive") } else { !fields.has_token("Connection", "close") }
}
