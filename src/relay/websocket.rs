//! The line's socket: dialling a server, and the one task that owns the WebSocket.

use std::io;
use std::time::Duration;

use async_tungstenite::tungstenite::client::IntoClientRequest;
use async_tungstenite::tungstenite::error::{ProtocolError, SubProtocolError};
use async_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream, client_async_with_config};
use futures_rustls::TlsConnector;
use rustls::pki_types::ServerName;
use smol::channel::{Receiver, Sender};
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;
use smol::stream::StreamExt;

use super::line::LineInput;
use super::proxy::{self, PROXY_DEADLINE};
use super::{Proof, RelayConfig, RelayError, ServerUrl, tls};
use crate::protocol::compact::{JSON_SUBPROTOCOL, SUBPROTOCOL};
use crate::websocket::{self, Encoding};

/// For the way to the server, its handshakes included.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(60);

/// For the last frames to leave, and for the server's goodbye.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// What carries the WebSocket.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Connects to the server, offering compact frames unless the operator wants none.
pub(super) async fn connect(config: &RelayConfig) -> Result<(Socket, Encoding), RelayError> {
    if config.json_messages {
        return Ok((connect_for_json(config).await?, Encoding::Json));
    }
    match dial(config, Offer::Compact).await? {
        Some(connected) => Ok(connected),
        // It chose none of the two, which ends a WebSocket at our end (RFC 6455 §4.1): once more without an offer.
        None => Ok((connect_for_json(config).await?, Encoding::Json)),
    }
}

/// Connects to the server as a relay does that knows JSON messages only.
pub(super) async fn connect_for_json(config: &RelayConfig) -> Result<Socket, RelayError> {
    match dial(config, Offer::Nothing).await? {
        Some((socket, _)) => Ok(socket),
        None => {
            Err(RelayError::Refused { url: config.url.clone(), reason: "it chose what was not offered".to_owned() })
        }
    }
}

/// What is offered in the handshake.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Offer {
    Nothing,
    Compact,
}

/// `None` if the server takes nothing of what is offered.
async fn dial(config: &RelayConfig, offer: Offer) -> Result<Option<(Socket, Encoding)>, RelayError> {
    let url = &config.url;
    let unreachable = |source| RelayError::Unreachable { url: url.clone(), source };
    let certificate = config.proof.certificate.as_ref();
    let tls = if url.is_tls() { Some(tls::config(config.ca_file.as_deref(), certificate)?) } else { None };
    let late = async {
        smol::Timer::after(CONNECT_DEADLINE).await;
        Err(unreachable(io::ErrorKind::TimedOut.into()))
    };
    let connect = async {
        let tcp = match &config.proxy {
            Some(proxy) => proxy::connect(proxy, url, PROXY_DEADLINE)
                .await
                .map_err(|fault| RelayError::Proxy { proxy: proxy.clone(), fault })?,
            None => TcpStream::connect((url.host(), url.port())).await.map_err(unreachable)?,
        };
        tcp.set_nodelay(true).map_err(unreachable)?;
        let stream: Box<dyn Stream> = match tls {
            Some(tls) => {
                let name = ServerName::try_from(url.host().to_owned());
                let name = name.map_err(|error| unreachable(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
                Box::new(
                    TlsConnector::from(tls)
                        .connect(name, tcp)
                        .await
                        .map_err(|error| tls::fault(url, &config.proof, error))?,
                )
            }
            None => Box::new(tcp),
        };
        upgrade(url, &config.proof, stream, offer).await
    };
    connect.or(late).await
}

async fn upgrade(
    url: &ServerUrl,
    proof: &Proof,
    stream: Box<dyn Stream>,
    offer: Offer,
) -> Result<Option<(Socket, Encoding)>, RelayError> {
    let refused = |reason: String| RelayError::Refused { url: url.clone(), reason };
    let mut request = url.to_string().into_client_request().map_err(|error| refused(error.to_string()))?;
    if let Some(token) = &proof.token {
        let value = HeaderValue::from_str(&token.authorization());
        let mut value = value.map_err(|error| refused(error.to_string()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    if offer == Offer::Compact {
        let names = HeaderValue::from_str(&format!("{JSON_SUBPROTOCOL}, {SUBPROTOCOL}"));
        let names = names.map_err(|error| refused(error.to_string()))?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, names);
    }
    match client_async_with_config(request, stream, Some(websocket::limits())).await {
        Ok((socket, response)) => {
            let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
            let is_compact = chosen.is_some_and(|name| name == SUBPROTOCOL);
            Ok(Some((socket, if is_compact { Encoding::Compact } else { Encoding::Json })))
        }
        Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol))) => Ok(None),
        Err(Error::Io(source)) => Err(tls::fault(url, proof, source)),
        Err(Error::Http(response)) if response.status() == StatusCode::UNAUTHORIZED => {
            Err(RelayError::Unauthorized { url: url.clone(), had_token: proof.token.is_some() })
        }
        Err(Error::Http(response)) if busy(response.status()) => {
            let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Err(RelayError::TurnedAway { url: url.clone(), status: response.status().as_u16(), after })
        }
        Err(Error::Http(response)) => Err(refused(format!("HTTP status {}", response.status()))),
        Err(error) => Err(refused(error.to_string())),
    }
}

/// Whether the server, or a proxy in front of it, has no room at the moment.
fn busy(status: StatusCode) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status)
}

/// What the socket's task is told.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Send this as text.
    Text(String),
    /// Send this as it is.
    Binary(Vec<u8>),
    /// Send what is before, say goodbye, and end.
    Close(Goodbye),
}

/// What the server is told at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// All is said.
    Done,
    /// The server broke the protocol.
    Protocol,
}

/// How the line ended, if not by us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It broke, or the server closed it.
    Lost(String),
    /// The server is being stopped, or started again (close code 1012).
    Stopping(String),
}

impl Ended {
    /// In words.
    fn why(&self) -> &str {
        let (Self::Lost(why) | Self::Stopping(why)) = self;
        why
    }
}

/// Makes another line for a session of compact frames, and [owns](own) it.
pub(super) async fn own_another(
    config: RelayConfig,
    outgoing: Receiver<Outgoing>,
    permits: Receiver<()>,
    inputs: Sender<LineInput>,
) -> Option<Ended> {
    let why = match dial(&config, Offer::Compact).await {
        Ok(Some((socket, Encoding::Compact))) => {
            let _ = inputs.send(LineInput::LineUp).await;
            return own(socket, outgoing, permits, inputs).await;
        }
        Ok(_) => "it has no compact frames any more".to_owned(),
        Err(error) => error.to_string(),
    };
    let _ = inputs.send(LineInput::LineLost(why.clone())).await;
    Some(Ended::Lost(why))
}

/// The task that owns the socket. It reads one message for each permit, and ends with the socket; then it returns
/// why the line was lost, if it was.
pub(super) async fn own(
    socket: Socket,
    outgoing: Receiver<Outgoing>,
    permits: Receiver<()>,
    inputs: Sender<LineInput>,
) -> Option<Ended> {
    let (sender, receiver) = socket.split();
    let lost = write(sender, outgoing, inputs.clone()).or(read(receiver, permits, inputs.clone())).await;
    // Nobody listens when it was the driver who ended.
    let _ = inputs.send(LineInput::LineLost(lost.as_ref().map(Ended::why).unwrap_or_default().to_owned())).await;
    lost
}

async fn write(
    mut sender: WebSocketSender<Box<dyn Stream>>,
    outgoing: Receiver<Outgoing>,
    inputs: Sender<LineInput>,
) -> Option<Ended> {
    while let Ok(next) = outgoing.recv().await {
        let result = match next {
            Outgoing::Text(text) => sender.send(Message::text(text)).await,
            Outgoing::Binary(bytes) => sender.send(Message::binary(bytes)).await,
            Outgoing::Close(goodbye) => {
                let frame = match goodbye {
                    Goodbye::Done => CloseFrame { code: CloseCode::Normal, reason: "".into() },
                    Goodbye::Protocol => CloseFrame { code: CloseCode::Protocol, reason: "not understood".into() },
                };
                // Closing flushes. The task ends when the reader has seen the server close too: a socket that is
                // dropped with bytes unread would reset the connection under the goodbye.
                sender.close(Some(frame)).await
            }
        };
        if let Err(error) = result {
            // What the server said before it went may still be there to be read.
            tracing::debug!(%error, "cannot write to the server");
            return smol::future::pending().await;
        }
        // Nobody listens once the driver says goodbye; what is on its way leaves all the same.
        let _ = inputs.send(LineInput::Delivered).await;
    }
    smol::future::pending().await
}

async fn read(
    mut receiver: WebSocketReceiver<Box<dyn Stream>>,
    permits: Receiver<()>,
    inputs: Sender<LineInput>,
) -> Option<Ended> {
    while permits.recv().await.is_ok() {
        let input = loop {
            match receiver.next().await {
                Some(Ok(Message::Text(text))) => break LineInput::Text(text.to_string()),
                Some(Ok(Message::Binary(bytes))) => break LineInput::Binary(bytes.to_vec()),
                Some(Ok(Message::Close(frame))) => return Some(closed(frame)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Some(Ended::Lost(error.to_string())),
                None => return Some(Ended::Lost("it ended".to_owned())),
            }
        };
        if inputs.send(input).await.is_err() {
            break;
        }
    }
    // No permits any more: the driver says goodbye, and nothing counts but the end.
    loop {
        match receiver.next().await {
            Some(Ok(Message::Close(frame))) => return Some(closed(frame)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> Ended {
    let code = frame.as_ref().map(|frame| frame.code);
    let reason = frame.map(|frame| format!("{} {}", frame.code, frame.reason)).unwrap_or_default();
    let why = format!("the server closed it ({})", reason.trim());
    if code == Some(CloseCode::Restart) { Ended::Stopping(why) } else { Ended::Lost(why) }
}

/// Waits for the socket's task, but not for ever.
pub(super) async fn ended(task: smol::Task<Option<Ended>>) -> Option<Ended> {
    let late = async {
        smol::Timer::after(CLOSE_DEADLINE).await;
        None
    };
    task.or(late).await
}
