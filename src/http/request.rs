//! The request: written by us, read by a device.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::identity::Uuid;
use httparse::{EMPTY_HEADER, Status};
use zeroize::Zeroizing;

use super::WSMAN_PATH;
use super::body::Framing;
use super::digest::Authorization;
use super::fields::{Fields, keeps_connection};
use super::limits::{HttpError, Limits};
use super::message::{Decoder, MAX_FIELDS, Message, Start, StreamEnd};
use super::response::Connection;

/// The bytes that post `envelope` to the device `device` on `port`. They are wiped on drop.
///
/// On a [kept](Connection::KeepAlive) connection nothing is said about it: AMT keeps it where it can (wsman.md §1.5), and whether
/// it did is what the reply says.
pub fn write_request(
    device: Uuid,
    port: Port,
    connection: Connection,
    authorization: Option<&Authorization>,
    envelope: &str,
) -> Zeroizing<Vec<u8>> {
    let mut head = format!("POST {WSMAN_PATH} HTTP/1.1\r\n");
    if let Some(authorization) = authorization {
        head += &format!("Authorization: {authorization}\r\n");
    }
    head += &format!("Host: {device}:{port}\r\n");
    head += "Content-Type: application/soap+xml; charset=utf-8\r\n";
    if connection == Connection::Close {
        head += "Connection: close\r\n";
    }
    head += &format!("Content-Length: {}\r\n\r\n", envelope.len());
    let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + envelope.len()));
    bytes.extend_from_slice(head.as_bytes());
    bytes.extend_from_slice(envelope.as_bytes());
    bytes
}

/// A request as a device reads it. `Debug` leaves the body and the credentials out.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`, or something that AMT refuses.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The header fields.
    pub fields: Fields,
    /// The whole body; it may carry passwords.
    pub body: Zeroizing<Vec<u8>>,
    keeps_connection: bool,
}

impl Request {
    /// Whether the client wants to send more requests on this connection.
    pub const fn keeps_connection(&self) -> bool {
        self.keeps_connection
    }
}

impl core::fmt::Debug for Request {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {} with {} bytes", self.method, self.path, self.body.len())
    }
}

#[derive(Debug)]
struct RequestLine {
    method: String,
    path: String,
    minor: u8,
}

impl Start for RequestLine {
    fn parse(head: &[u8]) -> Result<(Self, Fields), HttpError> {
        let mut headers = [EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(head) {
            Ok(Status::Complete(_)) => {}
            Ok(Status::Partial) => return Err(HttpError::MalformedHead("no request line".to_owned())),
            Err(error) => return Err(HttpError::MalformedHead(error.to_string())),
        }
        let line = Self {
            method: request.method.unwrap_or_default().to_owned(),
            path: request.path.unwrap_or_default().to_owned(),
            minor: request.version.unwrap_or_default(),
        };
        Ok((line, Fields::new(request.headers)))
    }

    fn framing(&self, fields: &Fields) -> Result<Option<Framing>, HttpError> {
        Framing::of(fields, Framing::Length(0)).map(Some)
    }
}

/// Reads requests one after the other, however the bytes are cut.
#[derive(Debug)]
pub struct RequestDecoder(Decoder<RequestLine>);

impl RequestDecoder {
    /// A decoder for a new connection.
    pub const fn new(limits: Limits) -> Self {
        Self(Decoder::new(limits))
    }

    /// Takes what belongs to the current request off `input`, and returns the request when it is whole. Bytes of the
    /// next request stay in `input`.
    ///
    /// # Errors
    /// [`HttpError`]; it is returned again by every later call.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Request>, HttpError> {
        Ok(self.0.decode(input)?.map(|Message { start, fields, body, .. }| Request {
            keeps_connection: keeps_connection(start.minor, &fields),
            method: start.method,
            path: start.path,
            fields,
            body: Zeroizing::new(body),
        }))
    }

    /// The client is gone.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] when it went inside a request.
    pub fn finish(&mut self, end: StreamEnd) -> Result<(), HttpError> {
        self.0.finish(end).map(|_| ())
    }
}
