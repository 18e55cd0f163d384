//! The TLS client at the server's end of the tunnel: bytes in, bytes out, no socket and no clock.
//!
//! A session is made for an [`Expectation`]: what the peer may show. Whether it does is decided *during* the
//! handshake, over the chain that TLS itself authenticates, so a peer that is not expected gets an alert and
//! never a byte of ours (G4). There is no value of [`Expectation`] that accepts just anything, and no resumption:
//! a resumed session would show no key at all.
//!
//! ```text
//!   bytes from the relay ──▶ feed()        take_output() ──▶ bytes for the relay
//!                              │                 ▲
//!                     ┌────────▼─────────────────┴────────┐
//!                     │ handshake: Verifier ⇒ Peer │ error │
//!                     └────────┬─────────────────▲────────┘
//!                              ▼                 │
//!                       read_plaintext()   write_plaintext()      (only once peer() is there)
//! ```
//!
//! Calling contract: after every call of [`TlsClient::feed`], [`TlsClient::write_plaintext`],
//! [`TlsClient::close`] and [`TlsClient::new`], send what [`TlsClient::take_output`] yields, also after an error: it may be
//! the alert that tells the device why. An error is final; every later call repeats it.
//!
//! ```
//! use std::sync::Arc;
//! use amt_provision::fsm::peer::{Expectation, OdcaExpectation};
//! use amt_provision::pki::odca::OdcaTrust;
//! use amt_provision::tunnel::tls::{TlsClient, TlsVersion};
//! use rustls::pki_types::UnixTime;
//!
//! let any_genuine_device = Expectation { odca: OdcaExpectation::AnyDevice, ..Expectation::default() };
//! let trust = Arc::new(OdcaTrust::production());
//! let mut client = TlsClient::new(any_genuine_device, trust, UnixTime::now(), TlsVersion::V1_3)?;
//! let hello = client.take_output();
//! assert!(hello.len() <= 300);
//! assert_eq!(client.peer(), None);
//! # Ok::<(), amt_provision::tunnel::tls::TlsError>(())
//! ```
//!
//! [`Expectation`]: amt_provision_fsm::peer::Expectation

mod client;
mod error;
#[cfg(test)]
mod tests;
mod verifier;

pub use client::{MAX_UNREAD_BYTES, MAX_UNSENT_BYTES, Negotiated, TlsClient, TlsVersion};
pub use error::{Refusal, TlsError};
