//! Where relays arrive.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_tungstenite::accept_async_with_config;
use futures_rustls::TlsAcceptor;
use rustls::ServerConfig;
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::{TcpListener, TcpStream};

use super::deployment::Deployment;
use super::fair::Fair;
use super::session;
use crate::websocket;

/// A bound socket, with TLS in front of the WebSocket or without.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

/// Why no relay can arrive: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenerError {
    address: SocketAddr,
    source: io::Error,
}

impl Listener {
    /// Listens on `address`: for `wss://` with `tls`, for `ws://` without.
    ///
    /// # Errors
    /// [`ListenerError`], if the address is taken or not this machine's.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Result<Self, ListenerError> {
        let tcp = TcpListener::bind(address).await.map_err(|source| ListenerError { address, source })?;
        Ok(Self { tcp, tls: tls.map(TlsAcceptor::from) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the operating system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Serves every relay that arrives, each in a task of its own, until the future is dropped; then they are dropped as
/// well, and their devices resume with the next session (G7).
pub async fn serve(deployment: Arc<Deployment>, listener: Listener) -> io::Error {
    let executor = Arc::new(smol::Executor::new());
    let accept = async {
        loop {
            match listener.tcp.accept().await {
                Ok((tcp, peer)) => {
                    let (deployment, tls) = (Arc::clone(&deployment), listener.tls.clone());
                    executor.spawn(async move { welcome(deployment, tls, tcp, peer).await }).detach();
                }
                // Out of file descriptors, or a peer that left again: neither is a reason to end.
                Err(error) if is_passing(&error) => {
                    tracing::warn!(%error, "a relay could not be accepted");
                    smol::Timer::after(Duration::from_millis(50)).await;
                }
                Err(error) => return error,
            }
        }
    };
    executor.run(accept).await
}

fn is_passing(error: &io::Error) -> bool {
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    let kind = error.kind();
    matches!(kind, io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted)
        || error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code))
}

async fn welcome(deployment: Arc<Deployment>, tls: Option<TlsAcceptor>, tcp: TcpStream, peer: SocketAddr) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a relay left at once");
        return;
    }
    let deadline = deployment.deadlines.accept;
    match tls {
        Some(acceptor) => {
            let late = async {
                smol::Timer::after(deadline).await;
                Err(io::ErrorKind::TimedOut.into())
            };
            match acceptor.accept(tcp).or(late).await {
                Ok(stream) => upgrade(deployment, stream, peer).await,
                Err(error) => tracing::info!(%peer, %error, "a relay's TLS handshake failed"),
            }
        }
        None => upgrade(deployment, tcp, peer).await,
    }
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(deployment: Arc<Deployment>, stream: S, peer: SocketAddr) {
    let (deadline, stream) = (deployment.deadlines.accept, Fair::new(stream));
    let accepted =
        async { accept_async_with_config(stream, Some(websocket::limits())).await.map_err(|error| error.to_string()) };
    let late = async {
        smol::Timer::after(deadline).await;
        Err("its handshake took too long".to_owned())
    };
    match accepted.or(late).await {
        Ok(socket) => {
            if let Err(error) = session::serve_relay(deployment, socket).await {
                tracing::info!(%peer, %error, "a relay's session ended early");
            }
        }
        Err(error) => tracing::info!(%peer, %error, "not a WebSocket"),
    }
}
