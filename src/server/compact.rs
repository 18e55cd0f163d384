//! A relay that speaks compact frames: its session goes on when its WebSocket does not.
//!
//! The task of the WebSocket that began a session runs it to its end. Another WebSocket of the same relay is handed over
//! to it, and its own task ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amt_provision_fsm::provisioner::Outcome;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use smol::future::FutureExt;
use smol::stream::StreamExt;

use super::conversation::{Conversation, Misuse};
use super::deployment::Deployment;
use super::road::{Heard, Road, Socket};
use super::session::{self, Session, SessionError, Visit, after};
use super::sessions::{Comeback, Seat};
use super::stopping::Stopping;
use crate::limits::Deadlines;
use crate::protocol::compact::{CompactError, Packet, Resumable, SessionId, ToRelay, ToServer};
use crate::protocol::{self, Hello};
use crate::store::StoreError;
use crate::tunnel::channel::{Entropy, SystemEntropy};
use crate::websocket::Encoding;

/// What is kept for a relay until it acknowledges it, in bytes. No request is a tenth of it, and a relay acknowledges
/// with every answer (G10).
const KEPT: usize = 256 * 1024;

/// Serves one WebSocket of a relay: a session to its end, or the way back into one.
pub(super) async fn serve_relay(
    deployment: Arc<Deployment>,
    mut socket: Socket,
    visit: Visit,
) -> Result<(), SessionError> {
    let deadlines = deployment.deadlines;
    let first = after(deadlines.hello, SessionError::Silent(deadlines.hello))
        .or(session::stopped(&visit.stopping))
        .or(receive(&mut socket));
    match first.await? {
        Received::Packet(Packet::Begin) => begin(&deployment, socket, &visit).await,
        Received::Packet(Packet::Resume { session, received }) => {
            match deployment.sessions.go_on(session, &visit.who, Comeback { socket: Box::new(socket), received }) {
                Ok(()) => tracing::info!("it has come back to its session"),
                Err(Comeback { mut socket, .. }) => {
                    tracing::info!("it came back to a session that is not there: it is to probe again");
                    let _ = send(&mut socket, &Packet::Unknown, deadlines.goodbye).await;
                    goodbye(*socket, None, deadlines.goodbye).await;
                }
            }
            Ok(())
        }
        Received::Packet(_) => {
            goodbye(socket, None, deadlines.goodbye).await;
            Err(CompactError::Misplaced("a beginning, or a session to resume").into())
        }
        Received::Lost(_) | Received::Goodbye => Err(SessionError::Left),
    }
}

/// A new session, to its end.
async fn begin(deployment: &Arc<Deployment>, socket: Socket, visit: &Visit) -> Result<(), SessionError> {
    let mut name = [0; 16];
    SystemEntropy.fill(&mut name).map_err(|_| StoreError::Rejected("the random source failed".into()))?;
    let mut road = FrameRoad::new(socket, SessionId::from_random(name), deployment.deadlines);
    let ended = converse(deployment, &mut road, visit).await;
    if matches!(ended, Err(SessionError::Unheard(_))) {
        visit.pass.is_unheard();
    }
    match &ended {
        Ok(_) => road.settle(&visit.stopping).await,
        Err(error) => {
            if let Some(protocol::ToRelay::Error(words)) = error.last_words() {
                road.last_words(&ToRelay::failure(&words)).await;
            }
        }
    }
    if let Some(socket) = road.socket {
        goodbye(socket, session::farewell(&ended), deployment.deadlines.goodbye).await;
    }
    ended.map(drop)
}

async fn converse(deployment: &Arc<Deployment>, road: &mut FrameRoad, visit: &Visit) -> Result<Outcome, SessionError> {
    let deadline = deployment.deadlines.hello;
    let hello = after(deadline, SessionError::Silent(deadline)).or(session::stopped(&visit.stopping)).or(road.hello());
    let session = Session::begin(deployment, hello.await?, visit, Encoding::Compact).await?;
    road.seat = Some(deployment.sessions.sit(road.name, session.device(), visit.who.clone()));
    session.run(road).await
}

/// The way to one relay, over one WebSocket after the other.
struct FrameRoad {
    frames: Resumable,
    name: SessionId,
    socket: Option<Socket>,
    /// Since when there is none.
    lost: Instant,
    /// Whether the relay is still to be welcomed over this WebSocket.
    owes_welcome: bool,
    /// `None` before there is a run that is worth coming back to.
    seat: Option<Seat>,
    deadlines: Deadlines,
}

impl FrameRoad {
    fn new(socket: Socket, name: SessionId, deadlines: Deadlines) -> Self {
        let (frames, lost) = (Resumable::new(KEPT), Instant::now());
        Self { frames, name, socket: Some(socket), lost, owes_welcome: true, seat: None, deadlines }
    }

    /// The first frame.
    async fn hello(&mut self) -> Result<Hello, SessionError> {
        loop {
            match self.hear().await? {
                Heard::Frame(ToServer::Report(report)) => return Ok(report.hello()?),
                Heard::Nothing => {}
                Heard::Frame(_) | Heard::Message(_) => {
                    return Err(Misuse("something else than its report first").into());
                }
            }
        }
    }

    fn on_received(&mut self, received: Received) -> Result<Heard, SessionError> {
        match received {
            Received::Packet(Packet::Frame { at, received, frame }) => {
                let frame = self.frames.receive(at, received, frame).map_err(CompactError::from)?;
                let frame = frame.map(|frame| ToServer::decode(&frame)).transpose()?;
                Ok(frame.map_or(Heard::Nothing, Heard::Frame))
            }
            Received::Packet(Packet::Received(received)) => {
                self.frames.acknowledge(received).map_err(CompactError::from)?;
                Ok(Heard::Nothing)
            }
            Received::Packet(_) => Err(CompactError::Misplaced("a frame or an acknowledgement").into()),
            Received::Lost(why) => {
                self.lose(&why)?;
                Ok(Heard::Nothing)
            }
            Received::Goodbye => Err(SessionError::Left),
        }
    }

    /// The WebSocket is gone.
    fn lose(&mut self, why: &str) -> Result<(), SessionError> {
        (self.socket, self.lost) = (None, Instant::now());
        let seat = self.seat.as_ref().ok_or(SessionError::Left)?;
        seat.park()?;
        tracing::info!(%why, "the relay's line is lost; its session waits for another one");
        Ok(())
    }

    fn take(&mut self, comeback: Comeback) -> Result<Heard, SessionError> {
        let Comeback { socket, received } = comeback;
        (self.socket, self.owes_welcome) = (Some(*socket), true);
        if let Some(seat) = &self.seat {
            seat.unpark();
        }
        self.frames.resume(received).map_err(CompactError::from)?;
        Ok(Heard::Nothing)
    }

    /// Sends what may be sent; how many bytes in each message.
    async fn flush(&mut self, deadline: Duration, mut sent: impl FnMut(usize)) -> Result<(), SessionError> {
        loop {
            let Some(socket) = &mut self.socket else { return Ok(()) };
            let packet = if std::mem::take(&mut self.owes_welcome) {
                Packet::Welcome { session: self.name, received: self.frames.received() }
            } else {
                match self.frames.poll_packet() {
                    Some(packet) => packet,
                    None => return Ok(()),
                }
            };
            match send(socket, &packet, deadline).await {
                Ok(bytes) => sent(bytes),
                Err(Unsent::Frame(error)) => return Err(error.into()),
                Err(Unsent::Line(why)) => self.lose(&why)?,
            }
        }
    }

    /// Waits until the relay has heard the end of its run, for as long as it may come back for it.
    async fn settle(&mut self, stopping: &Stopping) {
        let Deadlines { take, reconnect, goodbye, .. } = self.deadlines;
        let stopped = async {
            stopping.told().await;
            after(goodbye, SessionError::Stopping).await
        };
        let settled = async {
            while !self.frames.is_settled() {
                self.flush(take, |_| {}).await?;
                self.hear().await?;
            }
            Ok(())
        };
        let _ = settled.or(stopped).or(after(reconnect, SessionError::NotBack(reconnect))).await;
    }

    /// Says how a session ends that does not go on.
    async fn last_words(&mut self, words: &ToRelay) {
        let said = words.encode().is_ok_and(|frame| self.frames.push(frame).is_ok());
        if said {
            let _ = self.flush(self.deadlines.goodbye, |_| {}).await;
        }
    }
}

impl Road for FrameRoad {
    async fn hear(&mut self) -> Result<Heard, SessionError> {
        let Self { seat, socket, lost, .. } = self;
        let comeback = async {
            match seat {
                Some(seat) => seat.comeback().await.map(Next::Comeback),
                None => smol::future::pending().await,
            }
        };
        let received = async {
            match socket {
                Some(socket) => receive(socket).await.map(Next::Received),
                None => {
                    smol::Timer::at(*lost + self.deadlines.reconnect).await;
                    Err(SessionError::NotBack(self.deadlines.reconnect))
                }
            }
        };
        match comeback.or(received).await? {
            Next::Comeback(comeback) => self.take(comeback),
            Next::Received(received) => self.on_received(received),
        }
    }

    async fn say(&mut self, conversation: &mut Conversation, deadline: Duration) -> Result<(), SessionError> {
        while let Some(frame) = conversation.poll_frame() {
            self.frames.push(frame.encode()?)?;
        }
        self.flush(deadline, |bytes| conversation.sent(bytes)).await
    }

    fn repeat_nothing(&mut self) -> bool {
        self.seat = None;
        self.socket.is_some() && self.frames.is_clear()
    }
}

enum Next {
    Comeback(Comeback),
    Received(Received),
}

/// What comes over a WebSocket.
enum Received {
    Packet(Packet),
    /// The relay says that it is done.
    Goodbye,
    /// It broke.
    Lost(String),
}

async fn receive(socket: &mut Socket) -> Result<Received, SessionError> {
    loop {
        return match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => Ok(Received::Packet(Packet::decode(&bytes)?)),
            Some(Ok(Message::Text(_))) => Err(Misuse("text, where compact frames were agreed").into()),
            Some(Ok(Message::Close(frame))) => Ok(match frame {
                Some(frame) if is_goodbye(&frame) => Received::Goodbye,
                frame => Received::Lost(frame.map_or_else(String::new, |frame| frame.to_string())),
            }),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Err(error)) => Ok(Received::Lost(error.to_string())),
            None => Ok(Received::Lost("it ended".to_owned())),
        };
    }
}

/// Whether a relay has closed for good. Whoever is in between may close as well, with other codes (RFC 6455 §7.4.1).
const fn is_goodbye(frame: &CloseFrame) -> bool {
    matches!(frame.code, CloseCode::Normal | CloseCode::Protocol)
}

/// Why a packet was not sent.
enum Unsent {
    Frame(CompactError),
    Line(String),
}

/// Sends a packet, for no longer than `deadline`; the bytes of it.
async fn send(socket: &mut Socket, packet: &Packet, deadline: Duration) -> Result<usize, Unsent> {
    let bytes = packet.encode().map_err(Unsent::Frame)?;
    let count = bytes.len();
    let sent = async {
        socket.send(Message::binary(bytes.to_vec())).await.map_err(|error| Unsent::Line(error.to_string()))?;
        Ok(count)
    };
    let late = async {
        smol::Timer::after(deadline).await;
        Err(Unsent::Line(format!("it took nothing within {deadline:?}")))
    };
    sent.or(late).await
}

async fn goodbye(mut socket: Socket, frame: Option<CloseFrame>, deadline: Duration) {
    let goodbye = async {
        socket.close(frame).await.ok();
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
    };
    let late = async {
        smol::Timer::after(deadline).await;
    };
    goodbye.or(late).await;
}

#[cfg(test)]
mod tests {
    use amt_provision_fsm::firmware::Port;
    use amt_provision_fsm::provisioner::ChannelId;
    use async_tungstenite::WebSocketStream;
    use async_tungstenite::tungstenite::protocol::Role;
    use smol::io::Cursor;

    use super::*;
    use crate::server::fair::Fair;
    use crate::server::road::Stream;

    async fn road() -> FrameRoad {
        let stream: Box<dyn Stream> = Box::new(Cursor::new(Vec::new()));
        let socket = WebSocketStream::from_raw_socket(Fair::new(stream), Role::Server, None).await;
        FrameRoad::new(socket, SessionId::from_random([1; 16]), Deadlines::default())
    }

    #[test]
    fn g13_what_was_said_under_a_lost_lease_is_not_said_over_another_line() {
        smol::block_on(async {
            let dial = ToRelay::Dial(ChannelId(1), Port::Tls).encode().unwrap();
            let mut waiting = road().await;
            waiting.frames.push(dial.clone()).unwrap();
            assert!(!waiting.repeat_nothing(), "it has not left yet");

            let mut away = road().await;
            away.socket = None;
            assert!(!away.repeat_nothing(), "nobody knows what has arrived");

            let mut clear = road().await;
            clear.frames.push(dial).unwrap();
            clear.flush(Duration::from_secs(1), |_| {}).await.unwrap();
            assert!(clear.repeat_nothing());
            assert!(matches!(clear.lose("cut"), Err(SessionError::Left)), "and then it does not wait for another line");
        });
    }
}
