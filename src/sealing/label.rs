//! What a secret is, and where it belongs.

/// The place of a secret: authenticated with it, and not encrypted. A secret that is moved to another place does not
/// open there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Vec<u8>);

impl Label {
    /// The label of these parts. Each has its length in front, so that no two lists have the same label.
    pub fn new(parts: &[&str]) -> Self {
        let mut label = Vec::new();
        for part in parts {
            label.extend_from_slice(&(part.len() as u64).to_be_bytes());
            label.extend_from_slice(part.as_bytes());
        }
        Self(label)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
