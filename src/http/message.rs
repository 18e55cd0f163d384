//! One message out of a stream of bytes: what requests and replies have in common.

use super::body::{BodyDecoder, Framing};
use super::fields::Fields;
use super::limits::{HttpError, Limits, take_line};

/// How a stream of bytes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The peer said so itself: a TLS close_notify, or a TCP end where there is no TLS.
    Announced,
    /// The bytes just stopped, which anybody on the way can bring about.
    Cut,
}

/// A parsed start line.
pub(super) trait Start: Sized {
    /// Parses a whole head.
    fn parse(head: &[u8]) -> Result<(Self, Fields), HttpError>;

    /// How the body ends; `None` for a head that only comes before the real one.
    fn framing(&self, fields: &Fields) -> Result<Option<Framing>, HttpError>;
}

/// A whole message.
#[derive(Debug)]
pub(super) struct Message<S> {
    pub(super) start: S,
    pub(super) fields: Fields,
    pub(super) body: Vec<u8>,
    pub(super) ended_by_close: bool,
}

#[derive(Debug)]
pub(super) struct Decoder<S> {
    limits: Limits,
    interim: usize,
    state: State<S>,
}

#[derive(Debug)]
enum State<S> {
    Head {
        bytes: Vec<u8>,
        line: Vec<u8>,
    },
    Body {
        start: S,
        fields: Fields,
        body: BodyDecoder,
    },
    /// An error is final: what follows in the stream cannot be told apart any more.
    Failed(HttpError),
}

impl<S> State<S> {
    const fn initial() -> Self {
        Self::Head { bytes: Vec::new(), line: Vec::new() }
    }
}

/// Interim replies before one real reply. One `100 Continue` is the most that is ever seen.
const MAX_INTERIM: usize = 4;

impl<S: Start> Decoder<S> {
    pub(super) const fn new(limits: Limits) -> Self {
        Self { limits, interim: 0, state: State::initial() }
    }

    /// Takes what belongs to the current message off `input`. A whole message leaves the decoder ready for the next.
    pub(super) fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message<S>>, HttpError> {
        let result = self.step(input);
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
        }
        result
    }

    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Message<S>>, HttpError> {
        loop {
            match &mut self.state {
                State::Failed(error) => return Err(error.clone()),
                State::Head { bytes, line } => {
                    match take_line(line, input, self.limits.head - bytes.len()) {
                        None => return Err(HttpError::HeadTooLong(self.limits.head)),
                        Some(false) => return Ok(None),
                        Some(true) => {}
                    }
                    let last = line == b"\r\n" || line == b"\n";
                    bytes.append(line);
                    if !last {
                        continue;
                    }
                    let (start, fields) = S::parse(bytes)?;
                    self.state = match start.framing(&fields)? {
                        Some(framing) => State::Body { start, fields, body: BodyDecoder::new(framing, self.limits)? },
                        None if self.interim == MAX_INTERIM => return Err(HttpError::TooManyInterim(MAX_INTERIM)),
                        None => {
                            self.interim += 1;
                            State::initial()
                        }
                    };
                }
                State::Body { body, .. } => {
                    return if body.decode(input)? { Ok(self.take_message(false)) } else { Ok(None) };
                }
            }
        }
    }

    /// The stream is over. `None` when no message had begun.
    pub(super) fn finish(&mut self, end: StreamEnd) -> Result<Option<Message<S>>, HttpError> {
        let truncated = match &self.state {
            State::Failed(error) => error.clone(),
            State::Head { bytes, line } if bytes.is_empty() && line.is_empty() => return Ok(None),
            State::Head { bytes, line } => HttpError::Truncated { part: "header", received: bytes.len() + line.len() },
            State::Body { body, .. } if body.ends_here() && end == StreamEnd::Announced => {
                return Ok(self.take_message(true));
            }
            State::Body { body, .. } => HttpError::Truncated { part: "body", received: body.received() },
        };
        self.state = State::Failed(truncated.clone());
        Err(truncated)
    }

    fn take_message(&mut self, ended_by_close: bool) -> Option<Message<S>> {
        self.interim = 0;
        match core::mem::replace(&mut self.state, State::initial()) {
            State::Body { start, fields, body } => {
                Some(Message { start, fields, body: body.into_body(), ended_by_close })
            }
            other => {
                self.state = other;
                None
            }
        }
    }
}

/// Header fields in one head; AMT sends eight.
pub(super) const MAX_FIELDS: usize = 64;
