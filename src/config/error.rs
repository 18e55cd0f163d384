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

impl Mistakes {
    /// How many are told at once: a screenful. A file that is no configuration has hundreds.
    pub const TOLD: usize = 20;
}

impl fmt::Display for Mistakes {
    /// One line each: `FILE:LINE:COLUMN: MESSAGE`; the first [`Mistakes::TOLD`], and how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for (number, mistake) in self.list.iter().take(Self::TOLD).enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{file}:{}:{}: {}", mistake.line, mistake.column, mistake.message)?;
        }
        match self.list.len().saturating_sub(Self::TOLD) {
            0 => Ok(()),
            more => write!(f, "\n{file}: and {more} more; mend these first"),
        }
    }
}

impl std::error::Error for Mistakes {}
