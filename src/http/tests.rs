//! Both decoders against every cut of the bytes, and against peers that cannot or will not end.

use super::digest::{Account, Cnonce, DigestRealm, Session, Verifier};
use super::*;
use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::identity::Uuid;

mod any;

const LIMITS: Limits = Limits { head: 300, body: 1000 };

/// Everything that comes out when `bytes` arrive in pieces of `size` and the stream then ends.
fn responses(bytes: &[u8], size: usize, end: StreamEnd) -> Result<Vec<Response>, HttpError> {
    let mut decoder = ResponseDecoder::new(LIMITS);
    let mut all = Vec::new();
    for mut piece in bytes.chunks(size) {
        while let Some(response) = decoder.decode(&mut piece)? {
            all.push(response);
        }
        assert!(piece.is_empty(), "everything is taken");
    }
    all.extend(decoder.finish(end)?);
    Ok(all)
}

fn one(text: &str) -> Result<Response, HttpError> {
    let whole = responses(text.as_bytes(), usize::MAX, StreamEnd::Announced);
    for size in [1, 2, 3, 7] {
        assert_eq!(responses(text.as_bytes(), size, StreamEnd::Announced), whole, "in pieces of {size}");
    }
    let mut all = whole?;
    assert_eq!(all.len(), 1, "one reply in {text:?}");
    Ok(all.remove(0))
}

fn body(text: &str) -> Result<String, HttpError> {
    one(text).map(|response| String::from_utf8(response.body).unwrap())
}

#[test]
fn a_request_is_written_with_a_length_and_asks_for_the_end_of_its_connection_only_if_told_to() {
    let device: Uuid = "4c4c4544-0044-4b10-8034-b7c04f4e3332".parse().unwrap();
    for (connection, field) in [(Connection::KeepAlive, ""), (Connection::Close, "Connection: close\r\n")] {
        let bytes = write_request(device, Port::Tls, connection, None, "<é/>");
        let expected = format!(
            "POST /wsman HTTP/1.1\r\nHost: 4c4c4544-0044-4b10-8034-b7c04f4e3332:16993\r\n\
             Content-Type: application/soap+xml; charset=utf-8\r\n{field}Content-Length: 5\r\n\r\n<é/>"
        );
        assert_eq!(core::str::from_utf8(&bytes).unwrap(), expected);
    }
}

#[test]
fn the_chunks_of_real_devices_are_put_together() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(body(&format!("{head}0005\r\n<a>\r\n\r\n0004\r\n</a>\r\n0\r\n\r\n")).unwrap(), "<a>\r\n</a>");
    assert_eq!(body(&format!("{head}3;name=\"v\"\r\nabc\r\n0;x\r\nTrailer: y\r\nT2: z\r\n\r\n")).unwrap(), "abc");
    assert_eq!(body(&format!("{head}0000\r\n\r\n")).unwrap(), "");
    let lower = "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n00a \r\n0123456789\r\n0\r\n\r\n";
    assert_eq!(body(lower).unwrap(), "0123456789");
}

#[test]
fn the_terminator_inside_a_chunk_ends_nothing() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0009\r\nx0\r\n\r\n0\r\n\r\n0\r\n\r\n";
    assert_eq!(body(text).unwrap(), "x0\r\n\r\n0\r\n");
}

#[test]
fn the_end_of_the_connection_after_a_whole_reply_is_normal() {
    let close = one("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nab").unwrap();
    assert!(!close.keeps_connection());
    let keeps = one("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nconnection: keep-alive\r\n\r\nab").unwrap();
    assert!(keeps.keeps_connection());
    assert!(one("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap().keeps_connection());
    assert!(!one("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap().keeps_connection());
    assert_eq!(responses(b"", 1, StreamEnd::Cut), Ok(vec![]));
}

#[test]
fn a_body_up_to_the_close_counts_only_when_the_close_was_announced() {
    let text = b"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n\r\n<html>";
    let whole = responses(text, 5, StreamEnd::Announced).unwrap();
    assert_eq!((whole[0].body.as_slice(), whole[0].keeps_connection()), (b"<html>".as_slice(), false));
    let cut = responses(text, 5, StreamEnd::Cut);
    assert_eq!(cut, Err(HttpError::Truncated { part: "body", received: 6 }));
}

#[test]
fn a_truncated_reply_says_so_wherever_it_is_cut() {
    let replies = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0003\r\nabc\r\n2;x\r\nde\r\n0\r\nT: x\r\n\r\n",
    ];
    for reply in replies {
        assert_eq!(body(reply).unwrap(), "abcde");
        for cut in 1..reply.len() {
            for end in [StreamEnd::Announced, StreamEnd::Cut] {
                let result = responses(&reply.as_bytes()[..cut], 4, end);
                assert!(matches!(result, Err(HttpError::Truncated { .. })), "{cut} {result:?}");
            }
        }
    }
}

#[test]
fn interim_replies_are_skipped_but_not_for_ever() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let real = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(body(&(interim.repeat(4) + real)).unwrap(), "x");
    assert_eq!(body(&(interim.repeat(5) + real)), Err(HttpError::TooManyInterim(4)));
    let pairs = (interim.repeat(4) + real).repeat(3);
    assert_eq!(responses(pairs.as_bytes(), 9, StreamEnd::Cut).unwrap().len(), 3, "the count starts anew");
    assert_eq!(body("HTTP/1.1 101 Switching\r\n\r\n"), Err(HttpError::UnexpectedStatus(101)));
    assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n").unwrap(), "");
}

#[test]
fn several_replies_in_one_piece_come_out_one_by_one() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";
    let mut decoder = ResponseDecoder::new(LIMITS);
    let mut input = text.as_bytes();
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap().body, b"a");
    assert!(input.starts_with(b"HTTP"), "the rest is left to the caller");
    assert_eq!(decoder.decode(&mut input).unwrap().unwrap().body, b"b");
}

#[test]
fn replies_whose_end_is_not_certain_are_refused() {
    for fields in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nContent-Length: 1",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1, 1",
        "Content-Length: ",
        "Content-Length: 99999999999999999999999",
    ] {
        let result = body(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\na"));
        assert!(matches!(result, Err(HttpError::Ambiguous(_))), "{fields} {result:?}");
    }
}

#[test]
fn broken_chunks_are_refused() {
    for chunks in ["\r\n\r\n", "x\r\n", "-1\r\n", "1\r\nab\r\n", "1\r\na\n", ";x\r\n", "0x1\r\n", " 1\r\na", "1\n"] {
        let result = body(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"));
        assert_eq!(result, Err(HttpError::MalformedChunk), "{chunks:?}");
    }
    let endless_extension = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "x".repeat(300));
    assert_eq!(body(&endless_extension), Err(HttpError::MalformedChunk));
    let huge = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n";
    assert!(body(huge).is_err());
    assert_eq!(body(&huge.replace("FFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFF")), Err(HttpError::MalformedChunk));
}

#[test]
fn malformed_heads_are_refused() {
    for head in [
        "\r\n\r\n",
        "nonsense\r\n\r\n",
        "HTTP/1.1 2 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
    ] {
        assert!(matches!(body(head), Err(HttpError::MalformedHead(_))), "{head:?}");
    }
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a:b\r\n".repeat(65));
    let mut decoder = ResponseDecoder::new(Limits::DEFAULT);
    assert!(matches!(decoder.decode(&mut many.as_bytes()), Err(HttpError::MalformedHead(_))));
}

#[test]
fn heads_and_bodies_are_bounded_exactly() {
    let head = |len: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: {}\r\n\r\n", "x".repeat(len - 43));
    assert_eq!(head(300).len(), 300);
    assert!(one(&head(300)).is_ok());
    assert_eq!(one(&head(301)), Err(HttpError::HeadTooLong(300)));

    let length = |len: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{}", "x".repeat(len));
    assert!(one(&length(1000)).is_ok());
    assert_eq!(one(&length(1001)), Err(HttpError::BodyTooLong(1000)));

    let chunks = |len: usize| {
        let chunks = format!("0001\r\nx\r\n{:04X}\r\n{}\r\n0\r\n\r\n", len - 1, "x".repeat(len - 1));
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")
    };
    assert!(one(&chunks(1000)).is_ok());
    assert_eq!(one(&chunks(1001)), Err(HttpError::BodyTooLong(1000)));

    let close = |len: usize| format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(len));
    assert!(one(&close(1000)).is_ok());
    assert_eq!(one(&close(1001)), Err(HttpError::BodyTooLong(1000)));

    let trailers = |len: usize| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: {}\r\n\r\n", "x".repeat(len - 7))
    };
    assert!(one(&trailers(300)).is_ok());
    assert_eq!(one(&trailers(301)), Err(HttpError::HeadTooLong(300)));
}

#[test]
fn a_peer_that_never_ends_costs_no_more_than_the_limits() {
    for endless in ["x", "HTTP/1.1 200 OK\r\n", "X: y\r\n"] {
        let mut decoder = ResponseDecoder::new(LIMITS);
        let error = (0..).find_map(|_| decoder.decode(&mut endless.as_bytes()).err()).unwrap();
        assert_eq!(error, HttpError::HeadTooLong(300));
        assert_eq!(decoder.decode(&mut b"HTTP/1.1 200 OK\r\n\r\n".as_slice()), Err(error.clone()), "it stays failed");
        assert_eq!(decoder.finish(StreamEnd::Announced), Err(error));
    }
    let mut decoder = ResponseDecoder::new(LIMITS);
    decoder.decode(&mut b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice()).unwrap();
    let error = (0..).find_map(|_| decoder.decode(&mut b"0004\r\nabcd\r\n".as_slice()).err());
    assert_eq!(error, Some(HttpError::BodyTooLong(1000)));
}

#[test]
fn a_device_takes_any_framing_of_a_request() {
    let texts = [
        "POST /wsman HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n<\u{e9}/>!",
        "POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<\u{e9}/>!\r\n0\r\n\r\n",
        "POST /wsman HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n02\r\n<",
    ];
    for text in &texts[..2] {
        for size in 1..text.len() {
            let mut decoder = RequestDecoder::new(LIMITS);
            let mut requests = Vec::new();
            for mut piece in text.as_bytes().chunks(size) {
                requests.extend(decoder.decode(&mut piece).unwrap());
            }
            assert_eq!(requests.len(), 1);
            assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("POST", "/wsman"));
            assert_eq!(requests[0].body.as_slice(), "<\u{e9}/>!".as_bytes());
            assert!(requests[0].keeps_connection());
            assert_eq!(decoder.finish(StreamEnd::Announced), Ok(()));
        }
    }
    let mut decoder = RequestDecoder::new(LIMITS);
    decoder.decode(&mut texts[2].as_bytes()).unwrap();
    assert!(matches!(decoder.finish(StreamEnd::Announced), Err(HttpError::Truncated { .. })));
    let close = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let request = RequestDecoder::new(LIMITS).decode(&mut close.as_bytes()).unwrap().unwrap();
    assert!(!request.keeps_connection() && request.body.is_empty());
    assert!(!format!("{request:?}").contains("close"));
}

#[test]
fn a_device_writes_the_fields_of_real_ones() {
    let server = "Intel(R) Active Management Technology 19.0.5";
    let mut reply = DeviceResponse::envelope(200, "Tue, 24 Nov 2026 03:05:43 GMT", server, "<a>0123456789</a>");
    reply.framing = Framing::Chunked(Chunks(vec![0x0C, 0x02]));
    let expected = "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 03:05:43 GMT\r\n\
        Server: Intel(R) Active Management Technology 19.0.5\r\nX-Frame-Options: DENY\r\n\
        Content-Type: application/soap+xml; charset=UTF-8\r\nTransfer-Encoding: chunked\r\n\r\n\
        000C\r\n<a>012345678\r\n0002\r\n9<\r\n0003\r\n/a>\r\n0\r\n\r\n";
    assert_eq!(String::from_utf8(reply.to_bytes()).unwrap(), expected);

    let realm: DigestRealm = "Digest:727734D63A1FC0423736E48DA554E462".parse().unwrap();
    let challenge = Verifier::new(realm).challenge("B9AX94iAAAAAAAAAx6rrSfPHGUrx/3uA", false);
    let text = String::from_utf8(DeviceResponse::unauthorized(&challenge, server).to_bytes()).unwrap();
    let expected = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"Digest:727734D63A1FC0423736E48DA554E462\", \
        nonce=\"B9AX94iAAAAAAAAAx6rrSfPHGUrx/3uA\",stale=\"false\",qop=\"auth\"\r\nContent-Type: text/html\r\n\
        Server: Intel(R) Active Management Technology 19.0.5\r\nContent-Length: 150\r\nConnection: close\r\n\r\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_challenge_reaches_the_session_through_the_fields() {
    let realm: DigestRealm = "Digest:727734D63A1FC0423736E48DA554E462".parse().unwrap();
    let reply = DeviceResponse::unauthorized(&Verifier::new(realm).challenge("n", false), "x").to_bytes();
    let reply = ResponseDecoder::new(Limits::DEFAULT).decode(&mut reply.as_slice()).unwrap().unwrap();
    let mut session = Session::new(Account::new("admin", "x"));
    session.challenged(reply.fields.all("www-authenticate")).unwrap();
    assert!(session.authorize(&Cnonce::new([0; 16])).is_some());
    assert!(session.challenged([]).is_err(), "a 401 without a challenge");
}
