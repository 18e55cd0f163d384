//! The log, on stderr.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// What no level opens up: it would show the WebSocket's upgrade, and a token in it (G1).
const SECRET: &str = "tungstenite::handshake::client=debug";

/// Warnings and errors, or what `RUST_LOG` says.
pub(super) fn start() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let filter = SECRET.parse().into_iter().fold(filter, EnvFilter::add_directive);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
