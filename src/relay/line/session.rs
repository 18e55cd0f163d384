//! One connection to the device, seen as messages.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::time::{Instant, Millis};

use super::exchange::Exchange;
use super::flight::{Due, Flight, TooLong};
use super::hello::client_random;
use super::records::SealedWatch;

/// What is known of the bytes on a connection: enough to cut them into messages.
#[derive(Debug)]
pub(super) enum Session {
    /// Port 16992.
    Plain(Exchange),
    /// Port 16993.
    Tls {
        from_device: Flight,
        from_server: SealedWatch,
        /// The random number of the session's ClientHello.
        random: Option<[u8; 32]>,
    },
}

impl Session {
    pub(super) fn new(port: Port, brisk: Millis) -> Self {
        match port {
            Port::Plain => Self::Plain(Exchange::new()),
            Port::Tls => {
                Self::Tls { from_device: Flight::new(brisk), from_server: SealedWatch::default(), random: None }
            }
        }
    }

    /// Whether `hello` goes on with this session's handshake, as the answer to a HelloRetryRequest does.
    pub(super) fn is_continued_by(&self, hello: &[u8]) -> bool {
        match self {
            Self::Tls { random: Some(random), .. } => client_random(hello) == Some(*random),
            Self::Tls { random: None, .. } | Self::Plain(_) => false,
        }
    }

    /// Bytes go to the device. What this sets free is a message for the server.
    pub(super) fn on_server_bytes(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Plain(exchange) => {
                exchange.on_request(bytes);
                None
            }
            Self::Tls { from_device, from_server, random } => {
                if random.is_none() {
                    *random = client_random(bytes);
                }
                if from_server.sees(bytes) { from_device.handshake_ended() } else { None }
            }
        }
    }

    /// Bytes have come from the device.
    pub(super) fn on_device_bytes(&mut self, now: Instant, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, TooLong> {
        match self {
            Self::Plain(exchange) => Ok(exchange.on_reply(now, &bytes)),
            Self::Tls { from_device, .. } => from_device.feed(now, bytes),
        }
    }

    /// The device has closed: what can still be sent of what was held.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(exchange) => exchange.take(),
            Self::Tls { from_device, .. } => from_device.end(),
        }
    }

    /// Whether the server waits for something that a closed connection will not bring. On the plain port it does
    /// not once it has the whole reply: it asked for the close itself (rps.md §1, `Connection: close`).
    pub(super) const fn is_missed(&self) -> bool {
        match self {
            Self::Plain(exchange) => exchange.expects_reply(),
            Self::Tls { .. } => true,
        }
    }

    /// Whether the connection has done what it was for.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Plain(exchange) if exchange.is_over())
    }

    pub(super) const fn held(&self) -> usize {
        match self {
            Self::Plain(exchange) => exchange.held(),
            Self::Tls { from_device, .. } => from_device.held(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Plain(exchange) => exchange.deadline(),
            Self::Tls { from_device, .. } => from_device.deadline(),
        }
    }

    pub(super) fn expire(&mut self, now: Instant) -> Option<Due> {
        match self {
            Self::Plain(exchange) => exchange.expire(now).map(Due::Message),
            Self::Tls { from_device, .. } => from_device.expire(now),
        }
    }
}
