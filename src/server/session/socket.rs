//! Messages on a WebSocket, each within its deadline.

use std::time::Duration;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};
use smol::stream::StreamExt;

use super::SessionError;
use crate::protocol::{ToRelay, ToServer};
use crate::server::conversation::Misuse;

pub(in crate::server) async fn receive<S>(socket: &mut WebSocketStream<S>) -> Result<ToServer, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(ToServer::parse(text.as_str())?),
            Some(Ok(Message::Binary(_))) => return Err(Misuse("a binary frame").into()),
            Some(Ok(Message::Close(_))) | None => return Err(SessionError::Left),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => return Err(Box::new(error).into()),
        }
    }
}

/// Sends a message, for no longer than `deadline`; the bytes of its text.
pub(in crate::server) async fn send<S>(
    socket: &mut WebSocketStream<S>,
    message: &ToRelay,
    deadline: Duration,
) -> Result<usize, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let text = message.encode()?;
    let bytes = text.len();
    let sent = async { Ok(socket.send(Message::text(text)).await.map_err(Box::new)?) };
    sent.or(after(deadline, SessionError::Deaf(deadline))).await?;
    Ok(bytes)
}

pub(in crate::server) async fn after<T>(deadline: Duration, error: SessionError) -> Result<T, SessionError> {
    smol::Timer::after(deadline).await;
    Err(error)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use async_tungstenite::tungstenite::protocol::Role;

    use super::*;

    /// The line of a relay that neither says nor takes anything.
    struct Deaf;

    impl AsyncRead for Deaf {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Deaf {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn g8_a_relay_that_takes_no_message_is_given_up_at_the_deadline() {
        smol::block_on(async {
            let mut socket = WebSocketStream::from_raw_socket(Deaf, Role::Server, None).await;
            let sent = send(&mut socket, &ToRelay::HeartbeatRequest, Duration::from_millis(10)).await;
            assert!(matches!(sent, Err(SessionError::Deaf(after)) if after == Duration::from_millis(10)), "{sent:?}");
        });
    }
}
