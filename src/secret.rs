//! Text and bytes that must not be printed, logged or left in memory.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// A secret text (`Secret`) or secret bytes (`Secret<Vec<u8>>`).
///
/// Its memory is overwritten when it is dropped, `Debug` shows that it is there and nothing more, two
/// secrets of one length are compared in constant time, and [`expose`](Secret::expose) is the only way in,
/// so that a search for that word finds every use.
///
/// ```
/// use amt_provision::secret::Secret;
///
/// let password = Secret::from("P@ssw0rd".to_owned());
/// assert_eq!(format!("{password:?}"), "Secret(…)");
/// assert_eq!(password.expose(), "P@ssw0rd");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize = String>(Zeroizing<T>);

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_empty()
    }
}

impl Secret {
    /// The text itself: for the one place that sends or stores it, never for a log line.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret<Vec<u8>> {
    /// The bytes themselves: for the one place that sends or stores them, never for a log line.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let text = format!("{:?} {:?}", Secret::from("hunter2".to_owned()), Secret::from(vec![0x68_u8, 0x75]));
        assert_eq!(text, "Secret(…) Secret(…)");
    }

    #[test]
    fn secrets_are_equal_by_content_and_length() {
        let secret = |text: &str| Secret::from(text.to_owned());
        assert_eq!(secret("abc"), secret("abc"));
        assert_ne!(secret("abc"), secret("abd"));
        assert_ne!(secret("abc"), secret("abcd"));
        assert!(secret("").is_empty());
    }
}
