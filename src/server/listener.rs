//! Where relays arrive.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_tungstenite::accept_hdr_async_with_config;
use async_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use async_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use futures_rustls::TlsAcceptor;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use smol::future::FutureExt;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{Shutdown, TcpListener, TcpStream};
use tracing::Instrument;

use super::compact;
use super::deployment::Deployment;
use super::fair::Fair;
use super::gate::{Gate, Pass, Refusal, Tally, Telling};
use super::road::Stream;
use super::session::{self, SessionError, Visit};
use super::stopping::{self, Stopping};
use crate::access::{Access, Identity};
use crate::limits::Deadlines;
use crate::protocol::compact::{JSON_SUBPROTOCOL, SUBPROTOCOL};
use crate::websocket::{self, Encoding};

/// For a relay that was turned away in TLS to hear why.
const LINGER: Duration = Duration::from_secs(2);

/// A bound socket, with TLS in front of the WebSocket or without.
pub struct Listener {
    tcp: TcpListener,
    door: Door,
}

/// What a relay goes through before it is heard.
#[derive(Clone)]
struct Door {
    tls: Option<TlsAcceptor>,
    access: Arc<Access>,
}

/// Why no relay can arrive: the operator's to mend.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenerError {
    address: SocketAddr,
    source: io::Error,
}

impl Listener {
    /// Listens on `address`: for `wss://` with `tls`, for `ws://` without. Whoever reaches it is let in, until it is
    /// [told otherwise](Self::admitting).
    ///
    /// # Errors
    /// [`ListenerError`], if the address is taken or not this machine's.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Result<Self, ListenerError> {
        let tcp = TcpListener::bind(address).await.map_err(|source| ListenerError { address, source })?;
        Ok(Self { tcp, door: Door { tls: tls.map(TlsAcceptor::from), access: Arc::default() } })
    }

    /// The same, letting in whom `access` says. A relay that is turned away is answered with status 401, and nothing that
    /// it says is read.
    #[must_use]
    pub fn admitting(mut self, access: Access) -> Self {
        self.door.access = Arc::new(access);
        self
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
    let executor = smol::Executor::new();
    let (_stop, stopping) = stopping::stop();
    let gate = Arc::new(Gate::new(deployment.limits.clone()));
    executor.run(accept(&executor, &deployment, &listener, &gate, &stopping)).await
}

/// The same until `stop` comes. Then nobody else is accepted, and each session comes to a halt: what was asked is heard
/// to its end and written down, nothing new begins, the lease is given back and the relay is told that it may come
/// back. None of this takes longer than [`Deadlines`](crate::limits::Deadlines) allow; what is not over by then is
/// dropped as by [`serve`].
///
/// # Errors
/// If the operating system no longer accepts connections.
pub async fn serve_until(
    deployment: Arc<Deployment>,
    listener: Listener,
    stop: impl Future<Output = ()>,
) -> io::Result<Tally> {
    let executor = smol::Executor::new();
    let (stops, stopping) = stopping::stop();
    let gate = Arc::new(Gate::new(deployment.limits.clone()));
    let serve = async {
        let accept = async { Err(accept(&executor, &deployment, &listener, &gate, &stopping).await) };
        let stop = async {
            stop.await;
            Ok(())
        };
        accept.or(stop).await?;
        drop(listener);
        gate.close();
        drop(stops);
        let Deadlines { shutdown, goodbye, .. } = deployment.deadlines;
        let late = async {
            smol::Timer::after(shutdown + 2 * goodbye).await;
        };
        gate.everybody_left().or(late).await;
        Ok(gate.tally())
    };
    let tally = executor.run(serve).await;
    // What is not over goes with it, and its leases.
    drop(executor);
    let late = async {
        smol::Timer::after(deployment.deadlines.goodbye).await;
    };
    deployment.leases.settle().or(late).await;
    tally
}

async fn accept<'a>(
    executor: &smol::Executor<'a>,
    deployment: &Arc<Deployment>,
    listener: &Listener,
    gate: &Arc<Gate>,
    stopping: &Stopping,
) -> io::Error {
    loop {
        match listener.tcp.accept().await {
            Ok((tcp, peer)) => match gate.enter(peer.ip()) {
                Ok(pass) => {
                    let (deployment, door) = (Arc::clone(deployment), listener.door.clone());
                    let stopping = stopping.clone();
                    executor.spawn(welcome(deployment, door, Arrival { tcp, peer, pass, stopping })).detach();
                }
                Err(refusal) => {
                    if let Some(telling) = gate.tell() {
                        let door = listener.door.clone();
                        executor.spawn(async move { turn_away(door, tcp, refusal, telling).await }).detach();
                    }
                }
            },
            // Out of file descriptors, or a peer that left again: neither is a reason to end.
            Err(error) if is_passing(&error) => {
                tracing::warn!(%error, "a relay could not be accepted");
                smol::Timer::after(Duration::from_millis(50)).await;
            }
            Err(error) => return error,
        }
    }
}

/// Says why not, and reads nothing of what the relay has to say.
async fn turn_away(door: Door, mut tcp: TcpStream, refusal: Refusal, _telling: Telling) {
    let told = async {
        let response = refusal.response();
        let mut tcp = match door.tls {
            Some(acceptor) => {
                let mut stream = acceptor.accept(tcp).await?;
                stream.write_all(response.as_bytes()).await?;
                stream.close().await?;
                stream.into_inner().0
            }
            None => {
                tcp.write_all(response.as_bytes()).await?;
                tcp
            }
        };
        tcp.flush().await?;
        linger(tcp).await;
        Ok(())
    };
    let late = async {
        smol::Timer::after(LINGER).await;
        Err(io::Error::from(io::ErrorKind::TimedOut))
    };
    // One that does not listen is turned away all the same.
    told.or(late).await.ok();
}

/// Somebody who was let in.
struct Arrival {
    tcp: TcpStream,
    peer: SocketAddr,
    pass: Pass,
    stopping: Stopping,
}

fn is_passing(error: &io::Error) -> bool {
    const TOO_MANY_FILES: [i32; 2] = [23, 24];
    let kind = error.kind();
    matches!(kind, io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted)
        || error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code))
}

async fn welcome(deployment: Arc<Deployment>, door: Door, arrival: Arrival) {
    let Arrival { tcp, peer, pass, stopping } = arrival;
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a relay left at once");
        return;
    }
    let Door { tls, access } = door;
    let deadline = deployment.deadlines.accept;
    match tls {
        Some(acceptor) => {
            let late = async {
                given_up(deadline, &stopping).await;
                Err((io::ErrorKind::TimedOut.into(), None))
            };
            let accepted =
                async { acceptor.accept(tcp).into_fallible().await.map_err(|(error, tcp)| (error, Some(tcp))) };
            match accepted.or(late).await {
                Ok(stream) => {
                    let (_, session) = stream.get_ref();
                    let leaf = session.peer_certificates().and_then(<[_]>::first).map(|leaf| leaf.clone().into_owned());
                    let visit = Visit { who: Identity::Unasked, pass, stopping };
                    upgrade(deployment, &access, stream, leaf, peer, visit).await;
                }
                Err((error, tcp)) => {
                    tracing::info!(%peer, %error, "a relay's TLS handshake failed");
                    if let Some(tcp) = tcp {
                        linger(tcp).await;
                    }
                }
            }
        }
        None => {
            let visit = Visit { who: Identity::Unasked, pass, stopping };
            upgrade(deployment, &access, tcp, None, peer, visit).await;
        }
    }
}

/// A handshake is waited for no longer than that, and not at all by a server that is being stopped.
async fn given_up(deadline: Duration, stopping: &Stopping) {
    let late = async {
        smol::Timer::after(deadline).await;
    };
    stopping.told().or(late).await;
}

/// Lets the alert arrive: in TLS 1.3 a relay has said more when its certificate is refused, and a socket that is closed
/// with bytes unread takes the alert with it.
async fn linger(mut tcp: TcpStream) {
    let unread = async {
        let mut heard = [0; 1024];
        let mut rest = websocket::MAX_FRAME;
        tcp.shutdown(Shutdown::Write)?;
        while rest > 0 {
            match tcp.read(&mut heard).await? {
                0 => break,
                read => rest = rest.saturating_sub(read),
            }
        }
        Ok(())
    };
    let late = async {
        smol::Timer::after(LINGER).await;
        Err(io::Error::from(io::ErrorKind::TimedOut))
    };
    // It is gone either way.
    unread.or(late).await.ok();
}

async fn upgrade<S: Stream + 'static>(
    deployment: Arc<Deployment>,
    access: &Access,
    stream: S,
    certificate: Option<CertificateDer<'static>>,
    peer: SocketAddr,
    mut visit: Visit,
) {
    let stream: Box<dyn Stream> = Box::new(stream);
    let (deadline, stream) = (deployment.deadlines.accept, Fair::new(stream));
    let (mut who, mut encoding) = (Identity::Unasked, Encoding::Json);
    #[expect(clippy::result_large_err, reason = "it is the WebSocket library's")]
    let ask = |request: &Request, mut response: Response| {
        let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        match access.admit(authorization, certificate.as_ref()) {
            Ok(identity) => {
                who = identity;
                if let Some((name, chosen)) = choose(request) {
                    encoding = chosen;
                    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
                }
                Ok(response)
            }
            Err(refusal) => {
                tracing::warn!(%peer, %refusal, "a relay was turned away");
                Err(unauthorized())
            }
        }
    };
    let accepted = async {
        let limits = Some(websocket::limits());
        accept_hdr_async_with_config(stream, ask, limits).await.map_err(|error| error.to_string())
    };
    let late = async {
        given_up(deadline, &visit.stopping).await;
        Err("its handshake took too long".to_owned())
    };
    match accepted.or(late).await {
        Ok(socket) => {
            let session = tracing::info_span!("relay", %peer, %who);
            visit.who = who;
            let serve = async {
                tracing::info!("a relay has come");
                let ended = match encoding {
                    Encoding::Json => session::serve_relay(deployment, socket, visit).await.map(drop),
                    Encoding::Compact => compact::serve_relay(deployment, socket, visit).await,
                };
                match ended {
                    Ok(()) => {}
                    // It is told once for many.
                    Err(error @ SessionError::TooOften(_)) => tracing::debug!(%error, "a relay was turned away"),
                    Err(error) => tracing::info!(%error, "a relay's session ended early"),
                }
            };
            serve.instrument(session).await;
        }
        Err(error) => tracing::info!(%peer, %error, "not a WebSocket"),
    }
}

/// What is chosen of the subprotocols that a relay offers: the compact one, wherever in the list it stands.
fn choose(request: &Request) -> Option<(&'static str, Encoding)> {
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let names = || offers.iter().filter_map(|offer| offer.to_str().ok()).flat_map(|names| names.split(','));
    [(SUBPROTOCOL, Encoding::Compact), (JSON_SUBPROTOCOL, Encoding::Json)]
        .into_iter()
        .find(|(ours, _)| names().any(|name| name.trim() == *ours))
}

/// What a relay is told that is not let in (RFC 6750 §3). Why it is not, is for our log.
fn unauthorized() -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"amt-provision\""));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
