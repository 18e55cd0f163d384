//! What the HTTP bytes run over.

use std::mem;

use amt_provision_fsm::firmware::Port;
use rustls::pki_types::UnixTime;

use super::event::Lost;
use super::settings::TlsOptions;
use crate::http::{Connection, StreamEnd};
use crate::tunnel::tls::{TlsClient, TlsError};

/// How plain text travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// Over one connection, until it is lost.
    Kept,
    /// Over a connection for each request. Its reply ends it, and the next request goes on all the same: so relays of RPS's
    /// messages carry plain text (rpc-go.md §4).
    PerRequest,
}

pub(super) enum Transport {
    Plain { unsent: Vec<u8>, carriage: Carriage },
    Tls(Box<TlsClient>),
}

impl Transport {
    pub(super) const fn plain(carriage: Carriage) -> Self {
        Self::Plain { unsent: Vec::new(), carriage }
    }

    pub(super) fn tls(options: TlsOptions, now: UnixTime) -> Result<Self, TlsError> {
        let TlsOptions { expectation, trust, max_version } = options;
        Ok(Self::Tls(Box::new(TlsClient::new(expectation, trust, now, max_version)?)))
    }

    pub(super) const fn port(&self) -> Port {
        match self {
            Self::Plain { .. } => Port::Plain,
            Self::Tls(_) => Port::Tls,
        }
    }

    /// What a request says about its connection. Over LME rpc-go hands a plain reply on only when the device has closed,
    /// and over LMS it waits less for it (rpc-go.md §4).
    pub(super) const fn connection(&self) -> Connection {
        match self {
            Self::Plain { carriage: Carriage::PerRequest, .. } => Connection::Close,
            Self::Plain { carriage: Carriage::Kept, .. } | Self::Tls(_) => Connection::KeepAlive,
        }
    }

    /// Takes bytes from the relay; gives back those of HTTP that came before any error, too.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> (Vec<u8>, Result<(), TlsError>) {
        match self {
            Self::Plain { .. } => (bytes.to_vec(), Ok(())),
            Self::Tls(client) => {
                let fed = client.feed(bytes);
                (client.read_plaintext(), fed)
            }
        }
    }

    /// Queues one whole message. Over plain text nothing more can be queued than one request, because the next one
    /// waits for the reply to the last.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        match self {
            Self::Plain { unsent, .. } => unsent.extend_from_slice(bytes),
            Self::Tls(client) => client.write_plaintext(bytes)?,
        }
        Ok(())
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        match self {
            Self::Plain { unsent, .. } => mem::take(unsent),
            Self::Tls(client) => client.take_output(),
        }
    }

    /// Whether the peer has said inside TLS that it sends nothing more.
    pub(super) fn is_closed_by_peer(&self) -> bool {
        matches!(self, Self::Tls(client) if client.is_closed_by_peer())
    }

    /// What the end of the TCP connection means: under TLS only `close_notify` is the peer's own word.
    pub(super) fn stream_end(&self) -> StreamEnd {
        match self {
            Self::Plain { .. } => StreamEnd::Announced,
            Self::Tls(client) if client.is_closed_by_peer() => StreamEnd::Announced,
            Self::Tls(_) => StreamEnd::Cut,
        }
    }

    /// Says goodbye where there are words for it.
    pub(super) fn close(&mut self) {
        if let Self::Tls(client) = self {
            client.close();
        }
    }
}
