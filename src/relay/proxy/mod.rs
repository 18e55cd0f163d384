//! The way to a server through an HTTP proxy: `CONNECT` (RFC 9110 §9.3.6), and which proxy there is.

mod connect;
mod environment;
mod url;

pub(super) use connect::connect;
pub use connect::{PROXY_DEADLINE, ProxyFault};
pub use environment::{ProxyEnvironment, ProxyVariableError};
pub use url::{ProxyUrl, ProxyUrlError};
