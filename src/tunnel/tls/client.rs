//! The session itself, over rustls.

use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use amt_provision_fsm::peer::{Expectation, Peer};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{CipherSuite, ClientConfig, ClientConnection, NamedGroup, ProtocolVersion};

use super::TlsError;
use super::verifier::{Accepted, Verifier};
use crate::pki::odca::{OdcaIdentity, OdcaTrust};

/// How many decrypted bytes may wait for [`TlsClient::read_plaintext`]: above the longest reply of a device and a
/// whole frame of the relay, for a caller that reads after every feed.
pub const MAX_UNREAD_BYTES: usize = 256 * 1024;

/// How many bytes may wait for [`TlsClient::take_output`] when more is written.
pub const MAX_UNSENT_BYTES: usize = 256 * 1024;

/// A version of TLS. AMT 12 to 20 have 1.2, from 21 on 1.3 (odca.md §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// What a handshake agreed on, to be logged for every firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The version.
    pub version: ProtocolVersion,
    /// The cipher suite.
    pub suite: CipherSuite,
    /// The group of the key exchange.
    pub group: NamedGroup,
}

/// One TLS session with a device. See the [module](super) for the calling contract.
pub struct TlsClient {
    connection: ClientConnection,
    verifier: Arc<Verifier>,
    state: State,
    unread: Vec<u8>,
    unsent: Vec<u8>,
    closed_by_peer: bool,
}

enum State {
    Handshaking,
    Open(Box<Accepted>),
    /// Closed by us; nothing that still comes is looked at.
    Closed(Box<Accepted>),
    Failed(TlsError),
}

impl TlsClient {
    /// A session that accepts what `expectation` says, judging ODCA chains by `trust` at the time `now`, and
    /// speaking at most `max_version`. Its first flight is in [`TlsClient::take_output`].
    ///
    /// # Errors
    /// [`TlsError::Setup`] if rustls does not take the configuration.
    pub fn new(
        expectation: Expectation,
        trust: Arc<OdcaTrust>,
        now: UnixTime,
        max_version: TlsVersion,
    ) -> Result<Self, TlsError> {
        let versions: &[_] = match max_version {
            TlsVersion::V1_2 => &[&rustls::version::TLS12],
            TlsVersion::V1_3 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        };
        let verifier = Arc::new(Verifier::new(expectation, trust));
        let mut config = ClientConfig::builder_with_details(Arc::clone(&PROVIDER), Arc::new(FixedTime(now)))
            .with_protocol_versions(versions)
            .map_err(TlsError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(verifier.clone());
        // All devices share one name, and a resumed session shows no key (stack.md §2).
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
        let connection = ClientConnection::new(Arc::new(config), name).map_err(TlsError::Setup)?;
        let mut client = Self {
            connection,
            verifier,
            state: State::Handshaking,
            unread: Vec::new(),
            unsent: Vec::new(),
            closed_by_peer: false,
        };
        client.collect_output();
        Ok(client)
    }

    /// Takes bytes from the device: any number, cut anywhere. Bytes behind a `close_notify`, the device's or ours, are
    /// dropped.
    ///
    /// # Errors
    /// If the session is over: [`TlsError::Refused`] for a peer that was not expected, [`TlsError::Protocol`] for
    /// bytes that are not TLS. The error is kept and repeated.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), TlsError> {
        match &self.state {
            State::Failed(error) => return Err(error.clone()),
            // rustls asserts that it sends no alert behind a `close_notify`, and would for bytes that are no TLS.
            State::Closed(_) => return Ok(()),
            State::Handshaking | State::Open(_) => {}
        }
        let fed = self.process(bytes);
        self.collect_output();
        fed.inspect_err(|error| self.state = State::Failed(error.clone()))
    }

    fn process(&mut self, mut bytes: &[u8]) -> Result<(), TlsError> {
        while !bytes.is_empty() {
            let buffer_full = |_| TlsError::Protocol(rustls::Error::General("a TLS message is too long".into()));
            if self.connection.read_tls(&mut bytes).map_err(buffer_full)? == 0 {
                break;
            }
            let io = self.connection.process_new_packets().map_err(|error| self.explain(error))?;
            self.closed_by_peer = io.peer_has_closed();
            self.collect_plaintext(io.plaintext_bytes_to_read())?;
            if matches!(self.state, State::Handshaking) && !self.connection.is_handshaking() {
                self.state = State::Open(Box::new(self.finish_handshake()?));
            }
        }
        Ok(())
    }

    fn collect_plaintext(&mut self, length: usize) -> Result<(), TlsError> {
        let start = self.unread.len();
        if start + length > MAX_UNREAD_BYTES {
            return Err(TlsError::Flooded);
        }
        self.unread.resize(start + length, 0);
        let read = self.unread.get_mut(start..).map(|tail| self.connection.reader().read_exact(tail));
        debug_assert!(matches!(read, Some(Ok(()))), "rustls has the bytes that it says it has");
        Ok(())
    }

    fn finish_handshake(&mut self) -> Result<Accepted, TlsError> {
        match self.verifier.verdict() {
            Some(Ok(_)) if self.verifier.client_certificate_requested() => Err(TlsError::ClientCertificateRequested),
            Some(Ok(accepted)) => Ok(accepted.clone()),
            // Cannot be: rustls asks the verifier in every full handshake, and there is nothing to resume. In a resumed
            // session it would not have been asked.
            _ => Err(TlsError::Protocol(rustls::Error::HandshakeNotComplete)),
        }
        .inspect_err(|_| self.connection.send_close_notify())
    }

    fn explain(&self, error: rustls::Error) -> TlsError {
        match (self.verifier.verdict(), error) {
            (Some(Err(refusal)), _) => TlsError::Refused(refusal.clone()),
            // TLS 1.2 tells us by an alert that our empty certificate does not do.
            (_, rustls::Error::AlertReceived(_)) if self.verifier.client_certificate_requested() => {
                TlsError::ClientCertificateRequested
            }
            (_, error) => TlsError::Protocol(error),
        }
    }

    fn collect_output(&mut self) {
        while self.connection.wants_write() {
            let written = self.connection.write_tls(&mut self.unsent);
            debug_assert!(written.is_ok(), "writing to memory");
        }
    }

    /// Takes the bytes that are to be sent to the device.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unsent)
    }

    /// Encrypts `bytes` for the device, all of them or none.
    ///
    /// # Errors
    /// [`TlsError::NotOpen`] outside of an open session, [`TlsError::Backlog`] beyond [`MAX_UNSENT_BYTES`], or the
    /// error that ended the session.
    pub fn write_plaintext(&mut self, bytes: &[u8]) -> Result<(), TlsError> {
        match &self.state {
            State::Open(_) => {}
            State::Handshaking | State::Closed(_) => return Err(TlsError::NotOpen),
            State::Failed(error) => return Err(error.clone()),
        }
        if self.unsent.len() + bytes.len() > MAX_UNSENT_BYTES {
            return Err(TlsError::Backlog);
        }
        for piece in bytes.chunks(MAX_PIECE) {
            let written = self.connection.writer().write_all(piece);
            debug_assert!(written.is_ok(), "a piece is within rustls' own buffer limit");
            self.collect_output();
        }
        Ok(())
    }

    /// Takes all bytes that the device has sent so far, decrypted.
    #[must_use]
    pub fn read_plaintext(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    /// The authenticated peer; `None` until the handshake is done, and after a failure.
    pub fn peer(&self) -> Option<Peer> {
        self.accepted().map(|accepted| accepted.peer)
    }

    /// What the peer's ODCA chain says, if one vouches for it.
    pub fn odca_identity(&self) -> Option<&OdcaIdentity> {
        self.accepted()?.odca.as_ref()
    }

    fn accepted(&self) -> Option<&Accepted> {
        match &self.state {
            State::Open(accepted) | State::Closed(accepted) => Some(accepted),
            State::Handshaking | State::Failed(_) => None,
        }
    }

    /// What the handshake agreed on, as soon as all of it is known.
    pub fn negotiated(&self) -> Option<Negotiated> {
        Some(Negotiated {
            version: self.connection.protocol_version()?,
            suite: self.connection.negotiated_cipher_suite()?.suite(),
            group: self.connection.negotiated_key_exchange_group()?.name(),
        })
    }

    /// Ends the session: queues `close_notify`. Nothing can be written any more, and nothing is read but what came before.
    pub fn close(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Failed(TlsError::NotOpen)) {
            State::Open(accepted) => State::Closed(accepted),
            State::Handshaking => State::Failed(TlsError::NotOpen),
            over @ (State::Closed(_) | State::Failed(_)) => over,
        };
        self.connection.send_close_notify();
        self.collect_output();
    }

    /// Whether the device has said `close_notify`. A link that ends without it may have been cut.
    pub fn is_closed_by_peer(&self) -> bool {
        self.closed_by_peer
    }
}

/// A plaintext record's limit, which is far below rustls' default buffer limit.
const MAX_PIECE: usize = 16 * 1024;

/// Without the post-quantum group: the ClientHello stays in one small packet (odca.md §0, 9).
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let groups = [aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1, aws_lc_rs::kx_group::SECP384R1];
    // Which signatures are offered and taken, the verifier says.
    Arc::new(CryptoProvider { kx_groups: groups.to_vec(), ..aws_lc_rs::default_provider() })
});

#[derive(Debug)]
struct FixedTime(UnixTime);

impl TimeProvider for FixedTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}
