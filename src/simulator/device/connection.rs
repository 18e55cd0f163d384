//! One TCP connection: TLS or plain, and the HTTP requests in it.

use std::io::{Read, Write};
use std::sync::Arc;

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::Instant;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};

use crate::http::{HttpError, Limits, Request, RequestDecoder};
use crate::simulator::firmware::Ciphers;
use crate::tunnel::tls::TlsVersion;

/// Decrypted bytes that may wait while a request is being answered (G10).
pub const MAX_WAITING: usize = 256 * 1024;

/// The TLS server for one identity. Nothing can be resumed: no firmware is known to offer it (odca.md §2.5), and a
/// resumed session would not show the key.
pub(super) fn server_config(
    identity: &CertifiedKey,
    max_version: TlsVersion,
    ciphers: Ciphers,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let versions: &[_] = match max_version {
        TlsVersion::V1_2 => &[&rustls::version::TLS12],
        TlsVersion::V1_3 => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider(ciphers)))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.clone())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn provider(ciphers: Ciphers) -> CryptoProvider {
    let usual = aws_lc_rs::default_provider();
    match ciphers {
        Ciphers::Usual => usual,
        Ciphers::Strong => CryptoProvider {
            cipher_suites: vec![
                aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
                aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            ],
            kx_groups: vec![aws_lc_rs::kx_group::SECP384R1],
            ..usual
        },
    }
}

enum Transport {
    Plain,
    Tls(Box<ServerConnection>),
}

/// What came of the bytes of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The connection goes on.
    Fine {
        /// The TLS handshake ended with these bytes.
        handshake_done: bool,
    },
    /// The peer said that it closes.
    Closed,
    /// The bytes were no TLS, or too many.
    Failed,
}

/// One connection.
pub(super) struct Connection {
    transport: Transport,
    decoder: RequestDecoder,
    waiting: Vec<u8>,
    /// Bytes for the peer.
    output: Vec<u8>,
    /// A request is being answered; the next one waits.
    pub(super) busy: bool,
    /// When something was said last.
    pub(super) moved: Instant,
}

impl Connection {
    pub(super) fn open(now: Instant, port: Port, tls: &Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let transport = match port {
            Port::Plain => Transport::Plain,
            Port::Tls => Transport::Tls(Box::new(ServerConnection::new(Arc::clone(tls))?)),
        };
        let decoder = RequestDecoder::new(Limits::DEFAULT);
        Ok(Self { transport, decoder, waiting: Vec::new(), output: Vec::new(), busy: false, moved: now })
    }

    pub(super) const fn is_plain(&self) -> bool {
        matches!(self.transport, Transport::Plain)
    }

    pub(super) fn receive(&mut self, mut bytes: &[u8]) -> Received {
        let Transport::Tls(tls) = &mut self.transport else {
            self.waiting.extend_from_slice(bytes);
            return if self.waiting.len() > MAX_WAITING {
                Received::Failed
            } else {
                Received::Fine { handshake_done: false }
            };
        };
        let was_handshaking = tls.is_handshaking();
        let mut received = Received::Fine { handshake_done: false };
        while !bytes.is_empty() && matches!(received, Received::Fine { .. }) {
            let processed = match tls.read_tls(&mut bytes) {
                Ok(0) => break,
                Ok(_) => tls.process_new_packets().ok(),
                Err(_) => None,
            };
            received = match processed {
                None => Received::Failed,
                Some(io) => {
                    let start = self.waiting.len();
                    self.waiting.resize(start + io.plaintext_bytes_to_read(), 0);
                    let read = self.waiting.get_mut(start..).map(|tail| tls.reader().read_exact(tail));
                    debug_assert!(matches!(read, Some(Ok(()))), "rustls has the bytes that it says it has");
                    if self.waiting.len() > MAX_WAITING {
                        Received::Failed
                    } else if io.peer_has_closed() {
                        Received::Closed
                    } else {
                        Received::Fine { handshake_done: was_handshaking && !tls.is_handshaking() }
                    }
                }
            };
        }
        collect(tls, &mut self.output);
        received
    }

    /// The next whole request among the bytes that wait.
    pub(super) fn next_request(&mut self) -> Result<Option<Request>, HttpError> {
        let mut rest = self.waiting.as_slice();
        let request = self.decoder.decode(&mut rest);
        let taken = self.waiting.len() - rest.len();
        self.waiting.drain(..taken);
        request
    }

    /// Queues bytes for the peer, encrypted where there is TLS.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        match &mut self.transport {
            Transport::Plain => self.output.extend_from_slice(bytes),
            Transport::Tls(tls) => {
                for piece in bytes.chunks(MAX_PIECE) {
                    let written = tls.writer().write_all(piece);
                    debug_assert!(written.is_ok(), "a piece is within rustls' own buffer limit");
                    collect(tls, &mut self.output);
                }
            }
        }
    }

    /// Says that nothing will follow.
    pub(super) fn say_goodbye(&mut self) {
        if let Transport::Tls(tls) = &mut self.transport {
            tls.send_close_notify();
            collect(tls, &mut self.output);
        }
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }
}

/// Below rustls' default limit for bytes that wait to be encrypted.
const MAX_PIECE: usize = 16 * 1024;

fn collect(tls: &mut ServerConnection, output: &mut Vec<u8>) {
    while tls.wants_write() {
        let written = tls.write_tls(output);
        debug_assert!(written.is_ok(), "writing to memory");
    }
}
