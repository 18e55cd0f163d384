//! The byte channel: a way to a device, between the core and bytes.
//!
//! The core asks a [`Request`](crate::fsm::request::Request) and wants a [`Reply`](crate::fsm::request::Reply). Between the two lie
//! one or several WS-Management calls, each in an HTTP message, each logged in by digest, all of them inside TLS or in
//! plain text:
//!
//! ```text
//!   Request ─▶ exchange of calls ─▶ envelope ─▶ HTTP + digest ─▶ TLS │ plain ─▶ take_output()
//!   Event   ◀─ typed reply       ◀─ envelope ◀─ HTTP + digest ◀─ TLS │ plain ◀─ feed()
//! ```
//!
//! # One channel, several connections
//!
//! Firmware ends connections: many a device with each reply, all of them with their first challenge (odca.md §2.4). A
//! channel outlives that where nothing is in doubt: after a *whole* reply, or while nothing is asked, and only when the
//! device ended it in due form, by `Connection: close` or `close_notify`. It then asks for a new connection when it has
//! something to send, by [`Event::Reopen`]. On port 16993 that connection must show the very key that the first one
//! showed, or the channel is lost; so what the core learnt and may send over the channel holds for the same peer, as it
//! would inside one connection. An end *instead* of a reply, and every cut, is a loss as before (G6). How often this may
//! happen in a run has a limit.
//!
//! What outlives the channel too is the digest session, because the firmware ties that to its nonce:
//! [`Channel::into_remembered`] goes into the next channel.
//!
//! The firmware's nonce and the provisioning chain belong to one digest session (wsman.md §2.1). When the device begins
//! a new one in between, the rest of the chain and the signature are not sent: the reply is a passing refusal, upon
//! which the core reads the nonce anew and starts over.
//!
//! Passwords come from [`Credentials`], random bytes from [`Entropy`], signatures from [`ProvisioningIdentity`], the
//! time from the caller.
//!
//! # The calling contract
//!
//! *After every call of [`feed`](Channel::feed), [`ask`](Channel::ask), [`end_of_stream`](Channel::end_of_stream),
//! [`reopened`](Channel::reopened), [`close`](Channel::close) and a constructor, send what [`take_output`](Channel::take_output) yields and take
//! [`poll_event`](Channel::poll_event) until `None`.* One request is asked at a time. After [`Event::Lost`] and
//! [`Event::TlsFailed`] nothing more comes; send the last output, which may be an alert, and close the connection.
//!
//! ```
//! use std::sync::Arc;
//! use amt_provision::fsm::firmware::KeySuite;
//! use amt_provision::fsm::record::PasswordId;
//! use amt_provision::fsm::request::{Login, Request, RequestId};
//! use amt_provision::password::Password;
//! use amt_provision::secret::Secret;
//! use amt_provision::tunnel::channel::{
//!     Carriage, Channel, Credentials, Event, LocalSystem, Remembered, Settings, SystemEntropy,
//! };
//! use amt_provision::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};
//! use rustls::pki_types::UnixTime;
//!
//! struct Reported(Secret);
//!
//! impl Credentials for Reported {
//!     fn admin_password(&self, _: PasswordId) -> Option<&Password> {
//!         None
//!     }
//!     fn mebx_password(&self, _: PasswordId) -> Option<&Password> {
//!         None
//!     }
//!     fn local_system(&self) -> Option<LocalSystem<'_>> {
//!         Some(LocalSystem { username: "$$OsAdmin", password: &self.0 })
//!     }
//! }
//!
//! let settings = Settings {
//!     device: "4c4c4544-0051-3610-8053-b7c04f4e3033".parse()?,
//!     suite: KeySuite::Rsa2048Sha256,
//!     remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
//!     entropy: Arc::new(SystemEntropy),
//!     provisioning: None,
//! };
//! let credentials = Reported(Secret::from("made by the firmware".to_owned()));
//! let mut channel = Channel::plain(settings, Remembered::default(), Carriage::Kept);
//! channel.ask(RequestId(1), Login::LocalSystem, Request::ReadUuid, &credentials)?;
//! assert!(channel.take_output().starts_with(b"POST /wsman HTTP/1.1\r\n"));
//!
//! channel.end_of_stream(UnixTime::now());
//! assert!(matches!(channel.poll_event(), Some(Event::Lost(_))), "instead of a reply");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod asking;
mod calls;
mod connection;
mod credentials;
mod entropy;
mod event;
mod exchange;
mod provisioning;
mod remembered;
mod reopening;
mod settings;
#[cfg(test)]
mod tests;
mod transport;

pub use connection::Channel;
pub use credentials::{Credentials, LocalSystem};
pub use entropy::{Entropy, SystemEntropy};
pub use event::{AskError, Event, Explanation, LinkFault, Lost, OurFault, PeerFault};
pub use provisioning::{
    AssemblyError, ProvisioningCertificate, ProvisioningCertificateError, ProvisioningIdentity, SignatureError,
};
pub use remembered::{MAX_REOPENINGS, Remembered};
pub use settings::{Settings, TlsOptions};
pub use transport::Carriage;
