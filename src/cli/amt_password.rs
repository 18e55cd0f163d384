//! The AMT password of a device that is provisioned: from a file, the environment or a terminal, and never from the
//! command line, which every process of the machine can read.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The variable that the password may be in.
const VARIABLE: &str = "AMT_PASSWORD";

/// Where the password is.
#[derive(Debug, Args)]
pub(super) struct AmtPasswordArgs {
    /// The file whose first line is the AMT password, `-` for standard input; else AMT_PASSWORD is looked at
    #[arg(long, value_name = "FILE")]
    amt_password_file: Option<PathBuf>,
}

/// Why there is no password. It is the operator's to give one.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("the password in {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text is none.
    #[error("{from}: expected a password of 1 to 128 characters on one line")]
    NotOne {
        /// Where it was read.
        from: String,
    },
    /// Nobody can be asked.
    #[error("no AMT password: give --amt-password-file or {VARIABLE}, because nobody can be asked: {0}")]
    NoTerminal(io::Error),
}

impl AmtPasswordArgs {
    /// The password, if the operator has given one.
    pub(super) fn given(&self) -> Result<Option<Secret>, PasswordError> {
        match &self.amt_password_file {
            Some(path) => first_line(path).map(Some),
            None => of_variable(std::env::var_os(VARIABLE)),
        }
    }

    /// The password; the person at the terminal is asked if it is not given.
    pub(super) fn needed(&self) -> Result<Secret, PasswordError> {
        match self.given()? {
            Some(password) => Ok(password),
            None => ask("AMT password of this device: "),
        }
    }
}

/// The password in a file's first line.
pub(super) fn first_line(path: &PathBuf) -> Result<Secret, PasswordError> {
    // No more than a password is read, whatever the file is.
    const MOST: u64 = 1024;
    let mut text = Zeroizing::new(String::new());
    let read = match path.as_os_str() == "-" {
        true => io::stdin().take(MOST).read_to_string(&mut text),
        false => std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text)),
    };
    read.map_err(|source| PasswordError::File { path: path.clone(), source })?;
    checked(text.lines().next().unwrap_or_default(), || path.display().to_string())
}

fn of_variable(value: Option<OsString>) -> Result<Option<Secret>, PasswordError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    let value = Zeroizing::new(value.into_string().unwrap_or_default());
    checked(&value, || VARIABLE.to_owned()).map(Some)
}

/// Asks the person at the terminal, who does not see what they type.
fn ask(question: &str) -> Result<Secret, PasswordError> {
    if !io::stdin().is_terminal() {
        return Err(PasswordError::NoTerminal(io::Error::other("standard input is no terminal")));
    }
    let answer = Zeroizing::new(rpassword::prompt_password(question).map_err(PasswordError::NoTerminal)?);
    checked(&answer, || "the terminal".to_owned())
}

fn checked(text: &str, from: impl FnOnce() -> String) -> Result<Secret, PasswordError> {
    let good = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if good { Ok(Secret::from(text.to_owned())) } else { Err(PasswordError::NotOne { from: from() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(content: &str) -> Result<Secret, PasswordError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, content).unwrap();
        AmtPasswordArgs { amt_password_file: Some(path) }.needed()
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        assert_eq!(of_file("P@ss w0rd -f\nnot this").unwrap().expose(), "P@ss w0rd -f");
        assert_eq!(of_file("P@ssw0rd").unwrap().expose(), "P@ssw0rd");
    }

    #[test]
    fn what_is_no_password_is_refused_without_repeating_it() {
        for content in ["", "\nP@ssw0rd", "P@ss\tw0rd", &"x".repeat(2000)] {
            let error = of_file(content).unwrap_err().to_string();
            assert!(error.contains("expected a password of") && !error.contains("w0rd"), "{error}");
        }
        let missing = AmtPasswordArgs { amt_password_file: Some("/nonexistent/password".into()) };
        assert!(matches!(missing.given(), Err(PasswordError::File { .. })));
    }

    #[test]
    fn an_empty_variable_is_none() {
        assert!(of_variable(None).unwrap().is_none() && of_variable(Some("".into())).unwrap().is_none());
        assert_eq!(of_variable(Some("P@ssw0rd".into())).unwrap().unwrap().expose(), "P@ssw0rd");
    }
}
