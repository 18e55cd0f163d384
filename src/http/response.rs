//! The reply: read by us, written as a device writes it.

use httparse::{EMPTY_HEADER, Status};

use super::body;
use super::fields::{Fields, keeps_connection};
use super::limits::{HttpError, Limits};
use super::message::{Decoder, MAX_FIELDS, Message, Start, StreamEnd};

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub fields: Fields,
    /// The body without its framing.
    pub body: Vec<u8>,
    keeps_connection: bool,
}

impl Response {
    /// Whether the next request can go on this connection. When not, the connection's end is a normal one, and the
    /// reply is as good as any.
    pub const fn keeps_connection(&self) -> bool {
        self.keeps_connection
    }
}

#[derive(Debug)]
struct StatusLine {
    status: u16,
    minor: u8,
}

impl Start for StatusLine {
    fn parse(head: &[u8]) -> Result<(Self, Fields), HttpError> {
        let mut headers = [EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(head) {
            Ok(Status::Complete(_)) => {}
            Ok(Status::Partial) => return Err(HttpError::MalformedHead("no status line".to_owned())),
            Err(error) => return Err(HttpError::MalformedHead(error.to_string())),
        }
        let line = Self { status: response.code.unwrap_or_default(), minor: response.version.unwrap_or_default() };
        Ok((line, Fields::new(response.headers)))
    }

    fn framing(&self, fields: &Fields) -> Result<Option<body::Framing>, HttpError> {
        match self.status {
            101 => Err(HttpError::UnexpectedStatus(self.status)),
            100..=199 => Ok(None),
            204 | 304 => Ok(Some(body::Framing::Length(0))),
            _ => body::Framing::of(fields, body::Framing::UntilClose).map(Some),
        }
    }
}

/// Reads replies one after the other, however the bytes are cut. Interim (`1xx`) replies are skipped.
#[derive(Debug)]
pub struct ResponseDecoder(Decoder<StatusLine>);

impl ResponseDecoder {
    /// A decoder for a new connection.
    pub const fn new(limits: Limits) -> Self {
        Self(Decoder::new(limits))
    }

    /// Takes what belongs to the current reply off `input`, and returns the reply when it is whole. Bytes behind it
    /// stay in `input`; there is no reason for any when no further request was sent.
    ///
    /// # Errors
    /// [`HttpError`]; it is returned again by every later call.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Response>, HttpError> {
        Ok(self.0.decode(input)?.map(response))
    }

    /// The peer is gone. Returns the reply whose end was the end of the connection, or `None` when no reply had begun.
    ///
    /// # Errors
    /// [`HttpError::Truncated`] when the end came inside a reply. A body that nothing but the end of the connection
    /// delimits counts as whole only if that end was [announced](StreamEnd::Announced).
    pub fn finish(&mut self, end: StreamEnd) -> Result<Option<Response>, HttpError> {
        Ok(self.0.finish(end)?.map(response))
    }
}

fn response(Message { start, fields, body, ended_by_close }: Message<StatusLine>) -> Response {
    let keeps_connection = !ended_by_close && keeps_connection(start.minor, &fields);
    Response { status: start.status, fields, body, keeps_connection }
}

/// A reply as a device composes it. Constructors give the usual ones; every part can be changed before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceResponse {
    /// The status code; the reason phrase follows from it.
    pub status: u16,
    /// The header fields in order, without those that [`Framing`] and [`Connection`] make.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How the end of the body is told.
    pub framing: Framing,
    /// Whether the device says that it will close.
    pub connection: Connection,
}

/// How a device tells where its body ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Transfer-Encoding: chunked` with 4-digit zero-padded sizes, as the firmware writes them (wsman.md §1.5).
    Chunked(Chunks),
    /// `Content-Length`.
    ContentLength,
    /// Nothing: the body ends with the connection.
    UntilClose,
}

/// The sizes of a device's chunks in bytes, used in turn; each within `1..=0xFFFF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks(pub Vec<usize>);

impl Default for Chunks {
    /// A size that was seen on a device.
    fn default() -> Self {
        Self(vec![0x0514])
    }
}

/// What an end says about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Nothing, which in HTTP/1.1 means that it stays.
    KeepAlive,
    /// `Connection: close`.
    Close,
}

impl DeviceResponse {
    /// An envelope with the fields of a real device. `server` is `Intel(R) Active Management Technology` and the
    /// version, `date` an HTTP date.
    pub fn envelope(status: u16, date: &str, server: &str, envelope: &str) -> Self {
        let fields = vec![
            ("Date", date.to_owned()),
            ("Server", server.to_owned()),
            ("X-Frame-Options", "DENY".to_owned()),
            ("Content-Type", "application/soap+xml; charset=UTF-8".to_owned()),
        ];
        let framing = Framing::Chunked(Chunks::default());
        Self { status, fields, body: envelope.as_bytes().to_vec(), framing, connection: Connection::KeepAlive }
    }

    /// The answer to a request without valid credentials.
    pub fn unauthorized(challenge: &super::digest::Challenge, server: &str) -> Self {
        let page = "<html><head><title>Log on failed</title></head><body>Log on failed. Incorrect user name or \
                    password, or user account temporarily locked.</body></html>";
        let fields = vec![
            ("WWW-Authenticate", challenge.to_string()),
            ("Content-Type", "text/html".to_owned()),
            ("Server", server.to_owned()),
        ];
        let body = page.as_bytes().to_vec();
        Self { status: 401, fields, body, framing: Framing::ContentLength, connection: Connection::Close }
    }

    /// A page of the firmware's web server, which closes the connection.
    pub fn html(status: u16, text: &str) -> Self {
        let body = format!("<html><body>{text}</body></html>").into_bytes();
        let fields = vec![("Content-Type", "text/html".to_owned())];
        Self { status, fields, body, framing: Framing::ContentLength, connection: Connection::Close }
    }

    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.fields {
            head += &format!("{name}: {value}\r\n");
        }
        match self.framing {
            Framing::Chunked(_) => head += "Transfer-Encoding: chunked\r\n",
            Framing::ContentLength => head += &format!("Content-Length: {}\r\n", self.body.len()),
            Framing::UntilClose => {}
        }
        if self.connection == Connection::Close {
            head += "Connection: close\r\n";
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        match &self.framing {
            Framing::Chunked(chunks) => chunks.write(&self.body, &mut bytes),
            Framing::ContentLength | Framing::UntilClose => bytes.extend_from_slice(&self.body),
        }
        bytes
    }
}

impl Chunks {
    fn write(&self, mut body: &[u8], bytes: &mut Vec<u8>) {
        let mut sizes = self.0.iter().map(|size| (*size).clamp(1, 0xFFFF)).cycle();
        while !body.is_empty() {
            let (chunk, rest) = body.split_at(sizes.next().unwrap_or(0xFFFF).min(body.len()));
            bytes.extend_from_slice(format!("{:04X}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
            body = rest;
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}
