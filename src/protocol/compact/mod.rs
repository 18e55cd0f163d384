//! Compact frames, WebSocket subprotocol [`SUBPROTOCOL`]: what relay and server of ours say to each other in binary,
//! and how a session outlives its WebSocket.
//!
//! ```text
//!   relay                                                       server
//!     Packet::Begin ──▶                                     a session is made
//!     ◀── Packet::Welcome { session, received }
//!     Packet::Frame { at, received, frame } ◀──▶ Packet::Frame { at, received, frame }
//!     Packet::Received ◀──▶ Packet::Received
//!   ── the WebSocket is lost; a new one ──
//!     Packet::Resume { session, received } ──▶
//!     ◀── Packet::Welcome { session, received }             or Packet::Unknown: probe again
//!     what the other end has not received, and on
//! ```
//!
//! Two layers, which know nothing of each other. [`ToRelay`] and [`ToServer`] are the *frames*: what the core's relay
//! machine takes in and gives out ([`relay`](amt_provision_fsm::relay)), with channel numbers, so that nothing has to
//! be guessed. A [`Packet`] is one binary WebSocket message; it carries one frame, and says where in the bytes of its
//! direction that frame begins and how far the other direction was received. [`Resumable`] is one end of that: a pure
//! machine, the same for both.
//!
//! All is postcard: variants are only ever appended, and a number that this build does not know is an error with words.
//! Nothing is taken that is longer than [`MAX_PACKET`] or has bytes behind it.
//!
//! ```
//! use amt_provision::fsm::provisioner::ChannelId;
//! use amt_provision::protocol::compact::{Packet, Resumable, ToServer};
//!
//! let (mut relay, mut server) = (Resumable::new(4096), Resumable::new(4096));
//! relay.push(ToServer::Opened(ChannelId(1)).encode()?)?;
//! let lost = relay.poll_packet().expect("a frame to be sent");
//! // The WebSocket is gone, and the frame with it. On the next one:
//! relay.resume(server.received())?;
//! let Some(Packet::Frame { at, received, frame }) = relay.poll_packet() else { unreachable!() };
//! let frame = server.receive(at, received, frame)?.expect("it is new");
//! assert_eq!(ToServer::decode(&frame)?, ToServer::Opened(ChannelId(1)));
//! # let Packet::Frame { at, received, frame } = lost else { unreachable!() };
//! // Should the first one arrive after all, it is known.
//! assert_eq!(server.receive(at, received, frame)?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codec;
mod frame;
mod packet;
mod resumable;
#[cfg(test)]
mod tests;

pub use codec::{CompactError, MAX_PACKET};
pub use frame::{Report, ToRelay, ToServer};
pub use packet::{Packet, SessionId};
pub use resumable::{ACK_EVERY, Breach, Full, Resumable};

/// The name of these frames in a WebSocket handshake. What changes their meaning gets another.
pub const SUBPROTOCOL: &str = "amt-provision.v1";

/// The name under which a relay that could do with compact frames offers the JSON messages. It stands in front: a server
/// that takes the first name of any list, without knowing it, as RPS's WebSocket library does, takes this one.
pub const JSON_SUBPROTOCOL: &str = "amt-provision.json";
