//! HTTP/1.1 as AMT speaks it, sans-I/O, for both ends of the connection.
//!
//! There is one request (`POST /wsman`) and a handful of replies, over a channel that may cut the bytes anywhere
//! and end at any time. Decoders take bytes as they come and give back whole messages; writers give back bytes.
//!
//! ```
//! use amt_provision::http::{DeviceResponse, Limits, ResponseDecoder};
//!
//! let bytes = DeviceResponse::html(400, "Bad Request").to_bytes();
//! let mut decoder = ResponseDecoder::new(Limits::DEFAULT);
//! let (mut first, mut second) = bytes.split_at(20);
//! assert!(decoder.decode(&mut first)?.is_none());
//! let response = decoder.decode(&mut second)?.ok_or("not whole")?;
//! assert_eq!((response.status, response.keeps_connection()), (400, false));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Heads are read by httparse; the framing of bodies is ours, once for both directions, because a truncated or
//! ambiguous reply must be told from a whole one (RFC 9112 §6.3, §8).

mod body;
pub mod digest;
mod fields;
mod limits;
mod message;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub use fields::Fields;
pub use limits::{HttpError, Limits};
pub use message::StreamEnd;
pub use request::{Request, RequestDecoder, write_request};
pub use response::{Chunks, Connection, DeviceResponse, Framing, Response, ResponseDecoder};

/// The one path that AMT serves.
pub const WSMAN_PATH: &str = "/wsman";
