//! Where the plain port's bytes are cut into messages: one whole HTTP reply in each, because RPS reads every
//! `response` as one (rps.md §1).

use amt_provision_fsm::time::{Instant, Millis};

use crate::http::{Limits, RequestDecoder, ResponseDecoder};
use crate::protocol::MAX_DATA;

/// How long a part of a reply is held without any more coming.
const HELD: Millis = Millis::from_secs(15);

/// What is said on one plain connection.
#[derive(Debug)]
pub(super) struct Exchange {
    requests: RequestDecoder,
    replies: ResponseDecoder,
    held: Vec<u8>,
    moved: Instant,
    expects_reply: bool,
    /// Bytes pass as they come.
    passes: bool,
    announced: Connection,
    reply_is_whole: bool,
}

/// What server and device have said about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Stays,
    Closes,
}

impl Exchange {
    const LIMITS: Limits = Limits { head: Limits::DEFAULT.head, body: MAX_DATA };

    /// A new connection.
    pub(super) const fn new() -> Self {
        Self {
            requests: RequestDecoder::new(Self::LIMITS),
            replies: ResponseDecoder::new(Self::LIMITS),
            held: Vec::new(),
            moved: Instant::ZERO,
            expects_reply: false,
            passes: false,
            announced: Connection::Stays,
            reply_is_whole: false,
        }
    }

    /// Whether a request has no whole reply yet.
    pub(super) const fn expects_reply(&self) -> bool {
        self.expects_reply
    }

    /// Whether the connection has done what it was for: the last reply is whole, and one of the two had announced
    /// that it would be the last (RFC 9112 §9.6). RPS announces it with every plain request.
    pub(super) fn is_over(&self) -> bool {
        self.reply_is_whole && self.announced == Connection::Closes
    }

    /// How many bytes are held back.
    pub(super) const fn held(&self) -> usize {
        self.held.len()
    }

    /// Bytes go to the device.
    pub(super) fn on_request(&mut self, mut bytes: &[u8]) {
        self.expects_reply = true;
        self.reply_is_whole = false;
        while let Ok(Some(request)) = self.requests.decode(&mut bytes) {
            self.announce(request.keeps_connection());
        }
    }

    /// Bytes come from the device; what they complete goes on, a reply a message. What is no HTTP, or too long to be
    /// one message, is handed on as it comes: whether it is of use is for the server to judge.
    pub(super) fn on_reply(&mut self, now: Instant, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.moved = now;
        self.held.extend_from_slice(bytes);
        let (mut input, mut messages) = (bytes, Vec::new());
        while !self.passes && !input.is_empty() {
            match self.replies.decode(&mut input) {
                Ok(Some(reply)) => {
                    self.expects_reply = false;
                    self.reply_is_whole = true;
                    self.announce(reply.keeps_connection());
                    let rest = self.held.split_off(self.held.len() - input.len());
                    messages.push(core::mem::replace(&mut self.held, rest));
                }
                Ok(None) => break,
                Err(_) => self.passes = true,
            }
        }
        if self.passes || self.held.len() > MAX_DATA {
            messages.extend(self.take());
        }
        messages
    }

    fn announce(&mut self, keeps_connection: bool) {
        if !keeps_connection {
            self.announced = Connection::Closes;
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.held.is_empty()).then(|| self.moved + HELD)
    }

    /// Hands on, at the deadline, the part that has come.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.deadline().is_some_and(|at| at <= now) { self.take() } else { None }
    }

    /// What is held.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let held = core::mem::take(&mut self.held);
        (!held.is_empty()).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Chunks, Connection as Header, DeviceResponse, Framing};
    use proptest::prelude::*;

    const REQUEST: &[u8] =
        b"POST /wsman HTTP/1.1\r\nHost: a:16992\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";

    fn reply(body: &str, connection: Header) -> Vec<u8> {
        let mut reply = DeviceResponse::envelope(200, "a date", "a server", body);
        reply.framing = Framing::Chunked(Chunks(vec![7]));
        reply.connection = connection;
        reply.to_bytes()
    }

    proptest! {
        #[test]
        fn a_reply_is_one_message_however_it_is_cut(cuts in prop::collection::vec(1_usize..90, 1..9)) {
            let mut exchange = Exchange::new();
            for (number, connection) in [Header::KeepAlive, Header::Close].into_iter().enumerate() {
                exchange.on_request(REQUEST);
                let (bytes, mut messages, mut taken) = (reply("an envelope", connection), Vec::new(), 0);
                for cut in cuts.iter().cycle() {
                    let end = (taken + cut).min(bytes.len());
                    messages.extend(exchange.on_reply(Instant::ZERO, &bytes[taken..end]));
                    taken = end;
                    if taken == bytes.len() { break }
                }
                prop_assert_eq!(messages, [bytes]);
                prop_assert!(!exchange.expects_reply());
                prop_assert_eq!(exchange.is_over(), number == 1);
            }
        }
    }

    #[test]
    fn a_request_that_announces_the_end_is_as_good_as_a_reply_that_does() {
        let mut exchange = Exchange::new();
        let request = String::from_utf8(REQUEST.to_vec()).unwrap().replace("Host", "Connection: close\r\nHost");
        exchange.on_request(request.as_bytes());
        assert!(!exchange.is_over());
        assert_eq!(exchange.on_reply(Instant::ZERO, &reply("x", Header::KeepAlive)).len(), 1);
        assert!(exchange.is_over());
    }

    #[test]
    fn what_is_no_http_passes() {
        let mut exchange = Exchange::new();
        exchange.on_request(b"hello");
        let sent: Vec<_> = [&b"\x16\x03\x03"[..], b"\r\n\r\n", b"more"]
            .into_iter()
            .flat_map(|bytes| exchange.on_reply(Instant::ZERO, bytes))
            .collect();
        assert_eq!(sent.concat(), b"\x16\x03\x03\r\n\r\nmore");
        assert_eq!(exchange.held(), 0);
    }

    #[test]
    fn an_endless_reply_is_not_kept() {
        let mut exchange = Exchange::new();
        let (mut sent, mut most) = (0, 0);
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n";
        for part in std::iter::once(head.to_vec()).chain(std::iter::repeat_n(vec![b'x'; 9000], 100)) {
            sent += exchange.on_reply(Instant::ZERO, &part).concat().len();
            most = most.max(exchange.held());
        }
        assert!(most <= MAX_DATA && sent > 800_000, "{most} held, {sent} sent");
    }

    #[test]
    fn a_part_of_a_reply_is_handed_on_when_no_more_comes() {
        let mut exchange = Exchange::new();
        assert!(exchange.on_reply(Instant::from_millis(5), b"HTTP/1.1 200").is_empty());
        assert_eq!(exchange.expire(Instant::from_millis(5)), None);
        assert_eq!(exchange.expire(exchange.deadline().unwrap()), Some(b"HTTP/1.1 200".to_vec()));
        assert_eq!(exchange.deadline(), None);
    }
}
