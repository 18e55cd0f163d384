//! What is wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no configuration. The operator is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It was read, and has mistakes.
    #[error(transparent)]
    Mistakes(#[from] Mistakes),
}

/// One mistake. Its text holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, the first being 1.
    pub line: usize,
    /// The column in characters, the first being 1.
    pub column: usize,
    /// What is there, and what to write instead.
    pub message: String,
}

/// Every mistake of a file, in the order of the file. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    /// The file.
    pub file: PathBuf,
    /// The mistakes.
    pub list: Vec<Mistake>,
}

impl fmt::Display for Mistakes {
    /// One line each: `FILE:LINE:COLUMN: MESSAGE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.list.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{}:{}: {}", self.file.display(), mistake.line, mistake.column, mistake.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
