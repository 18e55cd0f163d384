//! Why a command failed.

use std::io;
use std::path::PathBuf;

use super::amt_password::PasswordError;
use super::demo::SetUpError;
use super::exit::ExitStatus;
use super::trust::SimulateError;
use crate::config::ConfigError;
use crate::relay::proxy::ProxyVariableError;
use crate::relay::{ClientCertificateError, RelayError};
use crate::server::ListenerError;
use crate::store::StoreError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What was asked for contradicts itself.
    #[error("{0}")]
    Usage(String),
    /// The configuration is no good.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no store where one was expected.
    #[error("there is no store at {}: name the file that a server's [store] names", .0.display())]
    NoStore(PathBuf),
    /// What is to be imported cannot be read.
    #[error("{}:{line}: {why}; nothing was imported", file.display())]
    Import {
        /// The file.
        file: PathBuf,
        /// The line; 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no AMT password.
    #[error(transparent)]
    Password(PasswordError),
    /// The relay ended short of its goal.
    #[error(transparent)]
    Relay(Box<RelayError>),
    /// No relay can arrive.
    #[error(transparent)]
    Listener(#[from] ListenerError),
    /// The server was told to stop for the second time.
    #[error("stopped at once: what devices were asked goes unheard, and the next runs look for themselves")]
    Stopped,
    /// The relay's token cannot be had.
    #[error("{from}: {source}")]
    Token {
        /// Where it was looked for.
        from: &'static str,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The relay's client certificate cannot be had.
    #[error("--client-cert, --client-key: {0}")]
    ClientCertificate(#[from] ClientCertificateError),
    /// The environment names a proxy that is none.
    #[error(transparent)]
    Proxy(#[from] ProxyVariableError),
    /// There are no simulated devices.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The demo cannot be set up.
    #[error(transparent)]
    Demo(#[from] SetUpError),
    /// The result cannot be written.
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// Who has to act.
    pub const fn status(&self) -> ExitStatus {
        match self {
            Self::Usage(_) => ExitStatus::Usage,
            Self::Config(_)
            | Self::NoStore(_)
            | Self::Import { .. }
            | Self::Token { .. }
            | Self::ClientCertificate(_)
            | Self::Proxy(_)
            | Self::Password(_) => ExitStatus::Operator,
            Self::Stopped => ExitStatus::Link,
            Self::Store(error) => ExitStatus::of_store(error),
            Self::Relay(error) => ExitStatus::of_relay(error),
            Self::Listener(_) | Self::Simulate(_) => ExitStatus::Operator,
            Self::Demo(_) | Self::Output(_) => ExitStatus::Ours,
        }
    }
}

impl From<serde_json::Error> for CliError {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
    }
}

impl From<PasswordError> for CliError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}

impl From<RelayError> for CliError {
    fn from(error: RelayError) -> Self {
        Self::Relay(Box::new(error))
    }
}
