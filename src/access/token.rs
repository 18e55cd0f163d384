//! Bearer tokens (RFC 6750), and what a server keeps of them.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// A token as a relay holds it. A server has its [hash](Token::hash), plain SHA-256: so it has to be random, and its
/// length is that of 128 random bits in base64 or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Secret);

/// A text that is no token. It does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is too short to be random, or too long for a header.
    #[error("a token has {min} to {max} characters, this one has {0}", min = Token::MIN, max = Token::MAX)]
    Length(usize),
    /// It has a character that no token has.
    #[error("a token consists of letters, digits and any of - . _ ~ + / with = at the end (RFC 6750 §2.1)")]
    Character,
}

/// A file that has no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{}: {source}", path.display())]
    NoToken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TokenError,
    },
}

impl Token {
    /// The fewest characters: 128 bits in base64.
    pub const MIN: usize = 22;
    /// The most characters.
    pub const MAX: usize = 512;

    /// The token that a file holds, white space around it aside.
    ///
    /// # Errors
    /// [`TokenFileError`]: the operator is to blame.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|source| TokenFileError::Unreadable { path: path.to_owned(), source })?;
        text.trim().parse().map_err(|source| TokenFileError::NoToken { path: path.to_owned(), source })
    }

    /// What a server stores in its place.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.expose().as_bytes())
    }

    /// The value of the header `Authorization`.
    pub(crate) fn authorization(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("Bearer {}", self.0.expose()))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        if !(Self::MIN..=Self::MAX).contains(&text.len()) {
            return Err(TokenError::Length(text.chars().count()));
        }
        let body = text.trim_end_matches('=');
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if body.is_empty() || !body.bytes().all(known) {
            return Err(TokenError::Character);
        }
        Ok(Self(Secret::from(text.to_owned())))
    }
}

/// The SHA-256 of a token. Two are compared in constant time.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

/// A text that is no hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the token's SHA-256 in 64 hexadecimal digits")]
pub struct TokenHashError;

impl TokenHash {
    pub(super) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl FromStr for TokenHash {
    type Err = TokenHashError;

    fn from_str(text: &str) -> Result<Self, TokenHashError> {
        if text.len() != 64 {
            return Err(TokenHashError);
        }
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for digit in digits {
                let digit = char::from(*digit).to_digit(16).ok_or(TokenHashError)?;
                *byte = (*byte << 4) | u8::try_from(digit).map_err(|_| TokenHashError)?;
            }
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "qL3v9PzT0aXyB7mNcR5sWg";

    #[test]
    fn a_token_has_a_length_and_the_alphabet_of_rfc_6750() {
        for text in [TOKEN, "aaaaaaaaaaaaaaaaaaaaaa==", "-._~+/-._~+/-._~+/-._~+/"] {
            let token: Token = text.parse().unwrap();
            assert_eq!(*token.authorization(), format!("Bearer {text}"));
        }
        assert_eq!("short".parse::<Token>(), Err(TokenError::Length(5)));
        assert_eq!("x".repeat(513).parse::<Token>(), Err(TokenError::Length(513)));
        for text in [
            "qL3v9PzT0aXyB7mNcR5sW g",
            "qL3v9PzT0aXyB7mNcR5s\r\nX: y",
            "======================",
            "=qL3v9PzT0aXyB7mNcR5sWg",
        ] {
            assert_eq!(text.parse::<Token>(), Err(TokenError::Character), "{text:?}");
        }
    }

    #[test]
    fn a_token_is_not_printed_and_its_hash_is_the_sha_256_that_other_tools_make() {
        let token: Token = TOKEN.parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(Secret(…))");
        // printf %s abc | sha256sum
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(TokenHash::of(b"abc"), abc.parse().unwrap());
        assert_eq!(TokenHash::of(b"abc"), abc.to_uppercase().parse().unwrap());
        assert_eq!(TokenHash::of(b"abc").to_string(), abc);
        for text in ["", "abc", &abc[1..], &format!("{abc}0"), &abc.replace('b', "g"), &"é".repeat(32)] {
            assert_eq!(text.parse::<TokenHash>(), Err(TokenHashError), "{text}");
        }
    }

    #[test]
    fn a_file_holds_one_token_and_its_error_does_not_repeat_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, format!("{TOKEN}\n")).unwrap();
        assert_eq!(Token::read(&path).unwrap(), TOKEN.parse().unwrap());
        std::fs::write(&path, format!("{TOKEN}\n{TOKEN}\n")).unwrap();
        let error = Token::read(&path).unwrap_err().to_string();
        assert!(error.contains("RFC 6750") && !error.contains(TOKEN), "{error}");
        let error = Token::read(&folder.path().join("none")).unwrap_err().to_string();
        assert!(error.contains("none: No such file"), "{error}");
    }
}
