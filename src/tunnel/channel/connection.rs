//! The channel itself: which bytes go out, whom the bytes that come in belong to, and how it ends.

use std::collections::VecDeque;
use std::mem;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::request::{Login, Refusal, Reply, Request, RequestId};
use rustls::pki_types::UnixTime;

use super::asking::{Asked, Kind};
use super::calls::{self, Ingredients};
use super::credentials::{Credentials, account};
use super::entropy::draw;
use super::event::{AskError, Event, Explanation, LinkFault, Lost, OurFault, PeerFault};
use super::exchange::{Answer, Exchange, Next};
use super::remembered::{DigestSession, Remembered};
use super::reopening::SamePeer;
use super::settings::{Settings, TlsOptions};
use super::transport::{Carriage, Transport};
use crate::http::digest::{Cnonce, Refused};
use crate::http::{Limits, Response, ResponseDecoder, StreamEnd, write_request};
use crate::tunnel::tls::{TlsClient, TlsError};
use crate::wsman::class::time_synchronization::UnixSeconds;
use crate::wsman::envelope::{MessageId, ReplyError};

/// A way to a device: one connection, or several in a row that show the same key. See the [module](super) for the
/// calling contract.
pub struct Channel {
    settings: Settings,
    transport: Transport,
    same_peer: SamePeer,
    decoder: ResponseDecoder,
    remembered: Remembered,
    state: State,
    events: VecDeque<Event>,
    last_message: MessageId,
    /// The digest session in which the firmware's nonce was read over this channel.
    nonce_read_in: Option<DigestSession>,
    explanation: Option<Explanation>,
}

enum State {
    Handshaking,
    Idle,
    Asking(Asked, MessageId),
    /// The device has ended the connection in due form; nothing is asked.
    Resting,
    /// The same, and a new connection is wanted for this.
    Wanting(Asked),
    /// The new connection's handshake is under way.
    Rejoining(Asked),
    Over,
}

/// What becomes of the connection behind a reply.
enum Then {
    Stays,
    /// The device ends it, and has said so.
    Ends,
    Breaks(Lost),
}

impl Channel {
    /// A channel to port 16992, over which requests can be asked at once.
    pub fn plain(settings: Settings, remembered: Remembered, carriage: Carriage) -> Self {
        Self::new(settings, remembered, SamePeer::Unknown(carriage), Transport::plain(carriage), State::Idle)
    }

    /// A channel to port 16993. Its first flight is in [`Channel::take_output`]; [`Event::TlsUp`] or
    /// [`Event::TlsFailed`] follows. `now` is the time at which ODCA chains are judged.
    ///
    /// # Errors
    /// [`TlsError::Setup`] if the TLS library does not take the settings.
    pub fn tls(settings: Settings, remembered: Remembered, tls: TlsOptions, now: UnixTime) -> Result<Self, TlsError> {
        let transport = Transport::tls(tls.clone(), now)?;
        Ok(Self::new(settings, remembered, SamePeer::NotSeen(tls), transport, State::Handshaking))
    }

    fn new(
        settings: Settings,
        remembered: Remembered,
        same_peer: SamePeer,
        transport: Transport,
        state: State,
    ) -> Self {
        Self {
            settings,
            transport,
            same_peer,
            decoder: ResponseDecoder::new(Limits::DEFAULT),
            remembered,
            state,
            events: VecDeque::new(),
            last_message: MessageId(0),
            nonce_read_in: None,
            explanation: None,
        }
    }

    /// Takes bytes that the relay brought from the device at `now`: any number, cut anywhere. What they mean is in the
    /// events; bytes behind the end of the connection are dropped.
    pub fn feed(&mut self, bytes: &[u8], now: UnixTime) {
        if matches!(self.state, State::Resting | State::Wanting(_) | State::Over) {
            return;
        }
        let (text, fed) = self.transport.feed(bytes);
        self.handshake_went_on();
        self.receive(&text, seconds(now));
        match fed {
            Err(error) => self.end(error.into()),
            Ok(()) if self.transport.is_closed_by_peer() => self.stream_ended(StreamEnd::Announced, seconds(now)),
            Ok(()) => {}
        }
    }

    /// The relay says that the device's connection has ended, after all the bytes that it brought.
    pub fn end_of_stream(&mut self, now: UnixTime) {
        self.stream_ended(self.transport.stream_end(), seconds(now));
    }

    /// The new connection that [`Event::Reopen`] wanted is there, at `now`. It goes on with what was asked: at once on
    /// port 16992, and on port 16993 once its handshake has shown the very key that the first one showed.
    pub fn reopened(&mut self, now: UnixTime) {
        match mem::replace(&mut self.state, State::Over) {
            State::Wanting(asked) => match self.same_peer.connect(now) {
                Ok(transport) => {
                    self.transport = transport;
                    self.decoder = ResponseDecoder::new(Limits::DEFAULT);
                    match self.transport.port() {
                        Port::Plain => self.send(asked),
                        Port::Tls => self.state = State::Rejoining(asked),
                    }
                }
                Err(error) => self.lose(error.into()),
            },
            unasked => self.state = unasked,
        }
    }

    /// Ends the connection from our side: nothing that still comes counts. There is no event for it, and what
    /// [`Channel::take_output`] yields is the goodbye.
    pub fn close(&mut self) {
        self.transport.close();
        self.state = State::Over;
    }

    /// Takes the bytes that are to be sent to the device.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.transport.take_output()
    }

    /// The next thing that happened, until `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the next request can be asked now.
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Resting)
    }

    /// The device's port.
    pub const fn port(&self) -> Port {
        self.transport.port()
    }

    /// Whether the next word is the device's: in a handshake, or to a request.
    pub const fn awaits_device(&self) -> bool {
        matches!(self.state, State::Handshaking | State::Rejoining(_) | State::Asking(..))
    }

    /// The TLS session, for what it negotiated and whose chain it saw; `None` on port 16992.
    pub fn tls_client(&self) -> Option<&TlsClient> {
        match &self.transport {
            Transport::Tls(client) => Some(client),
            Transport::Plain { .. } => None,
        }
    }

    /// Why the last reply was a refusal; `None` when it was none.
    pub const fn explanation(&self) -> Option<&Explanation> {
        self.explanation.as_ref()
    }

    /// What the next channel to this device should know.
    pub fn into_remembered(self) -> Remembered {
        self.remembered
    }

    /// Asks `request` as `login`. The answer is an [`Event::Reply`] with `id`, unless the connection is
    /// [lost](Event::Lost) first.
    ///
    /// # Errors
    /// [`AskError`]; then nothing was sent, and the channel is as it was.
    pub fn ask(
        &mut self,
        id: RequestId,
        login: Login,
        request: Request,
        credentials: &dyn Credentials,
    ) -> Result<(), AskError> {
        match self.state {
            State::Idle | State::Resting => {}
            State::Asking(..) | State::Wanting(_) | State::Rejoining(_) => return Err(AskError::Busy),
            State::Handshaking | State::Over => return Err(AskError::NotOpen),
        }
        let kind = Kind::of(&request);
        let account = account(login, credentials)?;
        let with = Ingredients { settings: &self.settings, credentials, realm: self.remembered.realm() };
        let exchange = calls::exchange(request, &with)?;
        self.explanation = None;
        self.remembered.log_in(login, account);
        if kind == Kind::BoundToNonce && self.nonce_read_in != Some(self.remembered.digest_session()) {
            self.reply(id, calls::nonce_gone());
            return Ok(());
        }
        let asked = Asked { id, kind, exchange };
        if matches!(self.state, State::Resting) {
            self.want_connection(asked);
        } else {
            self.send(asked);
        }
        Ok(())
    }

    fn send(&mut self, asked: Asked) {
        match self.try_send(&*asked.exchange) {
            Ok(message) => self.state = State::Asking(asked, message),
            Err(lost) => self.lose(lost),
        }
    }

    fn try_send(&mut self, exchange: &dyn Exchange) -> Result<MessageId, Lost> {
        let [a, b] = draw(&*self.settings.entropy).map_err(OurFault::from)?;
        let cnonce = Cnonce::new(draw(&*self.settings.entropy).map_err(OurFault::from)?);
        // Rising, so that no number comes twice, and by a step that nobody on a plain line can foresee.
        let step = 1 + u64::from(u16::from_be_bytes([a, b]));
        let message = MessageId(self.last_message.0.wrapping_add(step));
        self.last_message = message;
        let authorization = self.remembered.authorize(&cnonce);
        let envelope = exchange.to_request(message);
        let (device, port, connection) = (self.settings.device, self.transport.port(), self.transport.connection());
        self.transport.write(&write_request(device, port, connection, authorization.as_ref(), &envelope))?;
        Ok(message)
    }

    fn handshake_went_on(&mut self) {
        let Some(peer) = self.tls_client().and_then(TlsClient::peer) else { return };
        match mem::replace(&mut self.state, State::Over) {
            State::Handshaking => {
                self.same_peer.seen(peer);
                self.state = State::Idle;
                self.events.push_back(Event::TlsUp(peer));
            }
            State::Rejoining(asked) => match self.same_peer.check(peer) {
                Ok(()) => {
                    self.events.push_back(Event::Reopened);
                    self.send(asked);
                }
                Err(fault) => self.lose(fault.into()),
            },
            other => self.state = other,
        }
    }

    fn receive(&mut self, mut input: &[u8], now: UnixSeconds) {
        if input.is_empty() {
            return;
        }
        match mem::replace(&mut self.state, State::Over) {
            State::Asking(asked, message) => match self.decoder.decode(&mut input) {
                Ok(Some(response)) => {
                    // Nothing that came before the next call went out can be the answer to it.
                    let surplus = (!input.is_empty()).then(|| PeerFault::Unasked.into());
                    self.answered((asked, message), &response, surplus, now);
                }
                Ok(None) => self.state = State::Asking(asked, message),
                // An answer all the same, though nobody can read it: asked again and again it is no better.
                Err(error) => {
                    let answer = Answer::Refused(Refusal::Unintelligible, Explanation::NoHttp(error.clone()));
                    self.finish(asked.id, answer, Then::Breaks(PeerFault::from(error).into()));
                }
            },
            State::Idle => self.lose(PeerFault::Unasked.into()),
            other => self.state = other,
        }
    }

    /// A whole reply came; `surplus` is what is wrong with what came behind it.
    fn answered(
        &mut self,
        (asked, message): (Asked, MessageId),
        response: &Response,
        surplus: Option<Lost>,
        now: UnixSeconds,
    ) {
        let then = match surplus {
            _ if !response.keeps_connection() => Then::Ends,
            Some(lost) => Then::Breaks(lost),
            None => Then::Stays,
        };
        if response.status == 401 {
            return self.challenged(asked, response, then);
        }
        self.remembered.accepted();
        let Asked { id, kind, exchange } = asked;
        match exchange.answer(response, message, now) {
            Ok(Next::Ask(exchange)) => self.go_on(Asked { id, kind, exchange }, then),
            Ok(Next::End(answer)) => {
                if kind == Kind::ReadsNonce && matches!(answer, Answer::Reply(_)) {
                    self.nonce_read_in = Some(self.remembered.digest_session());
                }
                self.finish(id, answer, then);
            }
            Err(ReplyError::Unrelated { expected, got }) => {
                let lost = PeerFault::Unrelated { expected, got: got.clone() }.into();
                let answer = Answer::from_error(ReplyError::Unrelated { expected, got });
                self.finish(id, answer, Then::Breaks(lost));
            }
            Err(error) => self.finish(id, Answer::from_error(error), then),
        }
    }

    fn challenged(&mut self, asked: Asked, response: &Response, then: Then) {
        let refused = |refusal, explanation| Answer::Refused(refusal, explanation);
        match self.remembered.challenged(response) {
            Ok(()) if asked.kind == Kind::BoundToNonce => self.finish(asked.id, calls::nonce_gone(), then),
            Ok(()) => self.go_on(asked, then),
            Err(why @ Refused::Credentials { .. }) => {
                self.finish(asked.id, refused(Refusal::Unauthorized, Explanation::Login(why)), then);
            }
            Err(why @ Refused::Challenge(_)) => {
                self.finish(asked.id, refused(Refusal::Unintelligible, Explanation::Login(why)), then);
            }
        }
    }

    /// The next call of what is asked, or the same one with a login. The last one is answered, so nothing is in doubt.
    fn go_on(&mut self, asked: Asked, then: Then) {
        match then {
            Then::Stays => self.send(asked),
            Then::Ends => self.want_connection(asked),
            Then::Breaks(lost) => self.lose(lost),
        }
    }

    /// The reply, and then the end of the connection if it comes with it.
    fn finish(&mut self, id: RequestId, answer: Answer, then: Then) {
        self.state = State::Idle;
        self.reply(id, answer);
        match then {
            Then::Stays => {}
            Then::Ends => self.state = State::Resting,
            Then::Breaks(lost) => self.lose(lost),
        }
    }

    fn want_connection(&mut self, asked: Asked) {
        if self.remembered.reopens() {
            self.state = State::Wanting(asked);
            self.events.push_back(Event::Reopen);
        } else {
            self.lose(PeerFault::EndsTooOften.into());
        }
    }

    fn reply(&mut self, id: RequestId, answer: Answer) {
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Refused(refusal, explanation) => {
                self.explanation = Some(explanation);
                Reply::Refused(refusal)
            }
        };
        self.events.push_back(Event::Reply(id, reply));
    }

    fn stream_ended(&mut self, end: StreamEnd, now: UnixSeconds) {
        match mem::replace(&mut self.state, State::Over) {
            // The end that was announced.
            ended @ (State::Resting | State::Wanting(_) | State::Over) => self.state = ended,
            State::Handshaking => {
                self.state = State::Handshaking;
                self.end(LinkFault::Cut.into());
            }
            State::Idle => match end {
                StreamEnd::Announced => self.state = State::Resting,
                StreamEnd::Cut => self.lose(LinkFault::Cut.into()),
            },
            State::Rejoining(_) => self.lose(LinkFault::Cut.into()),
            State::Asking(asked, message) => match (self.decoder.finish(end), end) {
                (Ok(Some(response)), _) => self.answered((asked, message), &response, None, now),
                (Ok(None), StreamEnd::Announced) => self.lose(Lost::InsteadOfReply),
                (Ok(None), StreamEnd::Cut) | (Err(_), StreamEnd::Cut) => self.lose(LinkFault::Cut.into()),
                (Err(error), StreamEnd::Announced) => self.lose(PeerFault::from(error).into()),
            },
        }
    }

    /// The connection is over, in whatever state it is.
    fn end(&mut self, lost: Lost) {
        match self.state {
            State::Resting | State::Wanting(_) | State::Over => {}
            State::Handshaking => {
                self.state = State::Over;
                self.transport.close();
                self.events.push_back(Event::TlsFailed(lost.tls_fault(), lost));
            }
            State::Idle | State::Asking(..) | State::Rejoining(_) => self.lose(lost),
        }
    }

    /// The channel is over.
    fn lose(&mut self, lost: Lost) {
        self.state = State::Over;
        self.transport.close();
        self.events.push_back(Event::Lost(lost));
    }
}

/// As the firmware counts; a clock before 1970 or after 2106 is at its end.
fn seconds(now: UnixTime) -> UnixSeconds {
    UnixSeconds(u32::try_from(now.as_secs()).unwrap_or(u32::MAX))
}
