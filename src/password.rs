//! AMT passwords: which ones the firmware takes, and how the server makes one (wsman.md §1.7).
//!
//! The admin password and the MEBx password follow the same rules.

use rustls::crypto::{GetRandomFailed, SecureRandom};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// A password that AMT takes.
///
/// ```
/// use amt_provision::password::{Password, PasswordLength};
///
/// let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
/// let password = Password::generate(PasswordLength::default(), random)?;
/// assert_eq!(password.expose().len(), 16);
/// assert!("no digits at all".parse::<Password>().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(Secret);

/// A rule that a text breaks. None of them repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRule {
    /// It is too short or too long.
    #[error("an AMT password has {min} to {max} characters, this one has {0}", min = PasswordLength::MIN, max = PasswordLength::MAX)]
    Length(usize),
    /// It has a character that the firmware does not take.
    #[error("an AMT password has printable ASCII characters only, without colon, comma and double quote")]
    Character,
    /// It has no character of a class that must be there.
    #[error("an AMT password needs {0}")]
    Lacks(Class),
}

/// A class of characters, of which each password has one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `a` to `z`.
    Lower,
    /// `A` to `Z`.
    Upper,
    /// `0` to `9`.
    Digit,
    /// Any other character that is taken, apart from underscore and space.
    Special,
}

impl std::fmt::Display for Class {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lower => "a lower-case letter",
            Self::Upper => "an upper-case letter",
            Self::Digit => "a digit",
            Self::Special => "a special character such as ! or $ (underscore and space do not count)",
        })
    }
}

impl Class {
    const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digit, Self::Special];

    const fn has(self, byte: u8) -> bool {
        match self {
            Self::Lower => byte.is_ascii_lowercase(),
            Self::Upper => byte.is_ascii_uppercase(),
            Self::Digit => byte.is_ascii_digit(),
            Self::Special => byte.is_ascii_punctuation() && byte != b'_',
        }
    }
}

/// How long a generated password is: 8 to 32 characters, 16 by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PasswordLength(usize);

impl PasswordLength {
    /// The shortest password that the firmware takes.
    pub const MIN: usize = 8;
    /// The longest password that the firmware takes.
    pub const MAX: usize = 32;

    /// A length; `None` if the firmware takes no such password.
    pub const fn new(characters: usize) -> Option<Self> {
        if characters >= Self::MIN && characters <= Self::MAX { Some(Self(characters)) } else { None }
    }
}

impl Default for PasswordLength {
    fn default() -> Self {
        Self(16)
    }
}

/// Why no password was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// The random source says that it failed.
    #[error("the random source failed")]
    SourceFailed,
    /// The random source gives bytes of which no password comes: it is not random.
    #[error("the random source is not random: no password came of {ATTEMPTS} draws")]
    SourceStuck,
}

impl From<GetRandomFailed> for GenerateError {
    fn from(_: GetRandomFailed) -> Self {
        Self::SourceFailed
    }
}

/// What generated passwords are made of. Its special characters are those that both the firmware and RPS
/// count as special, and none of them means anything in XML or in a shell word between single quotes.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%*?@";

/// Bytes drawn at once: enough that 32 of them are almost never turned down.
const DRAW: usize = 128;

/// A draw of 8 characters has all classes with a probability of about 2/5, so 256 in vain are no accident.
const ATTEMPTS: usize = 256;

impl Password {
    /// The password of an operator's text.
    ///
    /// # Errors
    /// The first [`PasswordRule`] that it breaks.
    pub fn new(text: Secret) -> Result<Self, PasswordRule> {
        check(text.expose().as_bytes())?;
        Ok(Self(text))
    }

    /// A random password, each of all that have this length, the characters of one alphabet and every
    /// class being as likely as any other.
    ///
    /// # Errors
    /// [`GenerateError`]: the random source is to blame.
    pub fn generate(length: PasswordLength, random: &dyn SecureRandom) -> Result<Self, GenerateError> {
        let mut draw = Zeroizing::new([0; DRAW]);
        for _ in 0..ATTEMPTS {
            random.fill(draw.as_mut())?;
            let text: Secret =
                Secret::from(draw.iter().filter_map(|&byte| letter(byte)).take(length.0).collect::<String>());
            // What lacks a class is thrown away whole: mending it would favour some passwords.
            if text.expose().len() == length.0 && check(text.expose().as_bytes()).is_ok() {
                return Ok(Self(text));
            }
        }
        Err(GenerateError::SourceStuck)
    }

    /// The password itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl std::str::FromStr for Password {
    type Err = PasswordRule;

    fn from_str(text: &str) -> Result<Self, PasswordRule> {
        Self::new(Secret::from(text.to_owned()))
    }
}

/// The letter that a random byte stands for. Bytes above the last whole alphabet stand for none, so that
/// no letter is more likely than another.
fn letter(byte: u8) -> Option<char> {
    let byte = usize::from(byte);
    let whole = 256 - 256 % ALPHABET.len();
    (byte < whole).then(|| char::from(ALPHABET[byte % ALPHABET.len()]))
}

fn check(text: &[u8]) -> Result<(), PasswordRule> {
    let taken = |&byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b':' | b',' | b'"');
    if !text.iter().all(taken) {
        return Err(PasswordRule::Character);
    }
    if PasswordLength::new(text.len()).is_none() {
        return Err(PasswordRule::Length(text.len()));
    }
    let lacking = Class::ALL.into_iter().find(|class| !text.iter().any(|&byte| class.has(byte)));
    lacking.map_or(Ok(()), |class| Err(PasswordRule::Lacks(class)))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_rule_is_named_when_it_is_broken() {
        let rule = |text: &str| text.parse::<Password>().unwrap_err();
        assert_eq!(rule("Aa1!567"), PasswordRule::Length(7));
        assert_eq!(rule(&format!("Aa1!{}", "x".repeat(29))), PasswordRule::Length(33));
        for bad in ["Aa1!567:", "Aa1!567,", "Aa1!567\"", "Aa1!567\t", "Aa1!567é", "Aa1!567\x7f"] {
            assert_eq!(rule(bad), PasswordRule::Character, "{bad}");
        }
        assert_eq!(rule("AA1!5678"), PasswordRule::Lacks(Class::Lower));
        assert_eq!(rule("aa1!5678"), PasswordRule::Lacks(Class::Upper));
        assert_eq!(rule("Aab!efgh"), PasswordRule::Lacks(Class::Digit));
        assert_eq!(rule("Aa1_ 678"), PasswordRule::Lacks(Class::Special));
    }

    #[test]
    fn passwords_at_both_limits_are_taken() {
        for text in ["Aa1!5678", &format!("Aa1!{}", "x".repeat(28)), "Aa1 _~&<"] {
            assert_eq!(text.parse::<Password>().unwrap().expose(), text);
        }
        assert_eq!((PasswordLength::new(7), PasswordLength::new(33)), (None, None));
    }

    #[test]
    fn each_letter_has_as_many_bytes_as_any_other() {
        let mut counts = std::collections::BTreeMap::new();
        for letter in (0..=u8::MAX).filter_map(letter) {
            *counts.entry(letter).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), ALPHABET.len());
        assert!(counts.values().all(|&count| count == 3), "{counts:?}");
    }

    #[test]
    fn generated_passwords_differ_and_keep_the_rules() {
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        for characters in PasswordLength::MIN..=PasswordLength::MAX {
            let length = PasswordLength::new(characters).unwrap();
            let one = Password::generate(length, random).unwrap();
            assert_eq!(one.expose().len(), characters);
            assert_eq!(one.expose().parse().as_ref(), Ok(&one));
            assert_ne!(Password::generate(length, random).unwrap(), one);
        }
    }

    /// Gives these bytes over and over.
    #[derive(Debug)]
    struct Repeating(Mutex<std::iter::Cycle<std::vec::IntoIter<u8>>>);

    impl Repeating {
        fn new(bytes: Vec<u8>) -> Self {
            Self(Mutex::new(bytes.into_iter().cycle()))
        }
    }

    impl SecureRandom for Repeating {
        fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
            let mut bytes = self.0.lock().unwrap();
            buffer.fill_with(|| bytes.next().unwrap_or_default());
            Ok(())
        }
    }

    #[test]
    fn a_random_source_that_is_stuck_or_broken_is_found_out() {
        #[derive(Debug)]
        struct Broken;
        impl SecureRandom for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
                Err(GetRandomFailed)
            }
        }
        let length = PasswordLength::default();
        assert_eq!(Password::generate(length, &Broken), Err(GenerateError::SourceFailed));
        for byte in [0, 0xff] {
            assert_eq!(Password::generate(length, &Repeating::new(vec![byte])), Err(GenerateError::SourceStuck));
        }
    }

    proptest! {
        /// Whatever the source gives: a password that keeps the rules, or an error.
        #[test]
        fn any_source_ends_in_a_good_password_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 1..300),
            characters in PasswordLength::MIN..=PasswordLength::MAX,
        ) {
            let length = PasswordLength::new(characters).unwrap();
            if let Ok(password) = Password::generate(length, &Repeating::new(bytes)) {
                prop_assert!(password.expose().parse::<Password>().is_ok());
                prop_assert_eq!(password.expose().len(), characters);
            }
        }
    }
}
