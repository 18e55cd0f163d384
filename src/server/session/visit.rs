//! A relay that speaks JSON, from its first message to the goodbye.

use std::sync::Arc;

use amt_provision_fsm::fault::{Fault, Ours};
use amt_provision_fsm::provisioner::Outcome;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncWrite};
use smol::stream::StreamExt;

use super::{Session, SessionError, after, receive, send};
use crate::access::Identity;
use crate::protocol::ToServer;
use crate::server::conversation::Misuse;
use crate::server::deployment::Deployment;
use crate::server::gate::Pass;
use crate::server::stopping::Stopping;
use crate::websocket::Encoding;

/// A relay that was let in.
pub(in crate::server) struct Visit {
    /// Who it is.
    pub(in crate::server) who: Identity,
    /// What it is counted by.
    pub(in crate::server) pass: Pass,
    /// What ends it.
    pub(in crate::server) stopping: Stopping,
}

/// Serves one relay to its end.
pub(in crate::server) async fn serve_relay<S>(
    deployment: Arc<Deployment>,
    mut socket: WebSocketStream<S>,
    visit: Visit,
) -> Result<Outcome, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let ended = converse(&deployment, &mut socket, &visit).await;
    if matches!(ended, Err(SessionError::Unheard(_))) {
        visit.pass.is_unheard();
    }
    let goodbye_deadline = deployment.deadlines.goodbye;
    if let Some(words) = ended.as_ref().err().and_then(SessionError::last_words) {
        send(&mut socket, &words, goodbye_deadline).await.ok();
    }
    let goodbye = async {
        socket.close(farewell(&ended)).await.map_err(Box::new)?;
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
        Ok(())
    };
    goodbye.or(after(goodbye_deadline, SessionError::Left)).await.ok();
    ended
}

/// A relay whose run was stopped may come back at once, and can tell that without reading words.
pub(in crate::server) fn farewell(ended: &Result<Outcome, SessionError>) -> Option<CloseFrame> {
    match ended {
        Err(SessionError::Stopping | SessionError::Unheard(_)) | Ok(Outcome::Failed(Fault::Ours(Ours::Stopping))) => {
            Some(CloseFrame { code: CloseCode::Restart, reason: "this server is being stopped".into() })
        }
        _ => None,
    }
}

async fn converse<S>(
    deployment: &Arc<Deployment>,
    socket: &mut WebSocketStream<S>,
    visit: &Visit,
) -> Result<Outcome, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = deployment.deadlines.hello;
    // The clock comes first, here and below: a relay that never stops talking does not outlive a deadline.
    let first = after(deadline, SessionError::Silent(deadline)).or(stopped(&visit.stopping)).or(receive(socket));
    let ToServer::Hello(hello) = first.await? else {
        return Err(Misuse("something else than `activate` first").into());
    };
    // A server that is being stopped ends it before its first word, and not while it asks for the lease: the store would
    // have that, and nobody would give it back.
    Session::begin(deployment, *hello, visit, Encoding::Json).await?.run(socket).await
}

pub(in crate::server) async fn stopped<T>(stopping: &Stopping) -> Result<T, SessionError> {
    stopping.told().await;
    Err(SessionError::Stopping)
}
