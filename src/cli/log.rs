//! The log, on stderr.

use std::io::{self, IsTerminal};

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt, registry};

/// Warnings and errors, or what `RUST_LOG` says.
pub(super) fn start() {
    let wanted = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    registry().with(lines.with_filter(filter_fn(shows_no_secret))).with(wanted).init();
}

/// What no level opens up: the WebSocket library shows its whole upgrade at the finest level, and a token in it (G1).
fn shows_no_secret(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= LevelFilter::DEBUG || !metadata.target().starts_with("tungstenite::handshake")
}
