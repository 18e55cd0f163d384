//! What a session hears a relay by, and says things to it.

use std::time::Duration;

use async_tungstenite::WebSocketStream;
use smol::io::{AsyncRead, AsyncWrite};

use super::conversation::Conversation;
use super::fair::Fair;
use super::session::{self, SessionError};
use crate::protocol::{ToServer, compact};

/// What carries a WebSocket.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A relay's WebSocket.
pub(super) type Socket = WebSocketStream<Fair<Box<dyn Stream>>>;

/// What came.
#[derive(Debug)]
pub(super) enum Heard {
    /// A JSON message.
    Message(ToServer),
    /// A compact frame.
    Frame(compact::ToServer),
    /// Nothing for the conversation; there may be something to be said.
    Nothing,
}

/// The way to a relay.
pub(super) trait Road {
    /// What comes next. Nothing is lost when the future is dropped.
    async fn hear(&mut self) -> Result<Heard, SessionError>;

    /// Says all that the conversation has to say, no message for longer than `deadline`.
    async fn say(&mut self, conversation: &mut Conversation, deadline: Duration) -> Result<(), SessionError>;

    /// From now on nothing is said again that was said before, because the right to say it is lost. Whether everything has
    /// left.
    fn repeat_nothing(&mut self) -> bool;
}

/// JSON messages: the road ends with the WebSocket.
impl<S: AsyncRead + AsyncWrite + Unpin> Road for WebSocketStream<S> {
    async fn hear(&mut self) -> Result<Heard, SessionError> {
        session::receive(self).await.map(Heard::Message)
    }

    async fn say(&mut self, conversation: &mut Conversation, deadline: Duration) -> Result<(), SessionError> {
        while let Some(message) = conversation.poll_message() {
            let bytes = session::send(self, &message, deadline).await?;
            conversation.sent(bytes);
        }
        Ok(())
    }

    fn repeat_nothing(&mut self) -> bool {
        true
    }
}
