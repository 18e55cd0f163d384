//! Any message: what is read is what was written, however the bytes are cut, and no part of a message is one.

use amt_provision_fsm::firmware::Port;
use amt_provision_fsm::identity::Uuid;
use proptest::collection::vec;
use proptest::prelude::*;

use super::LIMITS;
use crate::http::digest::{Account, Authorization, Challenge, Cnonce, DigestRealm, Session};
use crate::http::*;

fn any_framing() -> impl Strategy<Value = Framing> {
    prop_oneof![
        vec(1..400_usize, 1..5).prop_map(|sizes| Framing::Chunked(Chunks(sizes))),
        Just(Framing::ContentLength),
        Just(Framing::UntilClose),
    ]
}

fn any_connection() -> impl Strategy<Value = Connection> {
    prop::sample::select(vec![Connection::KeepAlive, Connection::Close])
}

/// What a device may send. The statuses without a body and those before another reply are not among it.
fn any_reply() -> impl Strategy<Value = DeviceResponse> {
    let status = prop_oneof![200..204_u16, 205..304_u16, 305..600_u16];
    let name = prop::sample::select(vec!["Date", "Server", "X-Frame-Options", "Content-Type", "WWW-Authenticate"]);
    let fields = vec((name, "([!-~]([ -~]{0,20}[!-~])?)?"), 0..3);
    (status, fields, vec(any::<u8>(), 0..1000), any_framing(), any_connection()).prop_map(
        |(status, fields, body, framing, connection)| DeviceResponse { status, fields, body, framing, connection },
    )
}

fn any_authorization() -> impl Strategy<Value = Authorization> {
    (any::<[u8; 16]>(), "[!-~]{1,20}", "[ -~]{0,20}", "[!-~]{1,40}").prop_map(|(realm, user, password, nonce)| {
        let challenge = Challenge { realm: DigestRealm::from_bytes(realm), nonce, opaque: None, stale: false };
        let mut session = Session::new(Account::new(&user, &password));
        session.challenged([challenge.to_string().as_str()]).unwrap();
        session.authorize(&Cnonce::new(realm)).unwrap()
    })
}

/// A request of ours, and what a device is to find in it.
#[derive(Debug)]
struct Written {
    bytes: Vec<u8>,
    authorization: Option<String>,
    body: String,
    connection: Connection,
}

fn any_request() -> impl Strategy<Value = Written> {
    let ends = (any::<[u8; 16]>().prop_filter_map("a placeholder", |uuid| Uuid::from_bytes(uuid).ok()), any::<bool>());
    let authorization = proptest::option::of(any_authorization());
    (ends, any_connection(), authorization, "\\PC{0,200}", proptest::option::of(vec(1..90_usize, 1..5))).prop_map(
        |((device, tls), connection, authorization, body, chunks)| {
            let port = if tls { Port::Tls } else { Port::Plain };
            let mut bytes = write_request(device, port, connection, authorization.as_ref(), &body).to_vec();
            if let Some(sizes) = chunks {
                // As another client may write the same.
                bytes.truncate(bytes.len() - body.len());
                let head = String::from_utf8(bytes).unwrap();
                let head = head.replace(&format!("Content-Length: {}\r\n\r\n", body.len()), "");
                let chunked = DeviceResponse {
                    status: 200,
                    fields: Vec::new(),
                    body: body.clone().into_bytes(),
                    framing: Framing::Chunked(Chunks(sizes)),
                    connection: Connection::KeepAlive,
                };
                bytes = [head.as_bytes(), &chunked.to_bytes()["HTTP/1.1 200 OK\r\n".len()..]].concat();
            }
            Written { bytes, authorization: authorization.map(|text| text.to_string()), body, connection }
        },
    )
}

/// A stream in pieces of those lengths, and again of those.
fn pieces<'a>(mut stream: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    cuts.iter().cycle().map_while(move |cut| {
        let (piece, rest) = stream.split_at((*cut).min(stream.len()));
        stream = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

proptest! {
    /// Several, one behind the other: only the last may end with the connection.
    #[test]
    fn any_reply_comes_through_any_cut(replies in vec(any_reply(), 1..4), cuts in vec(1..200_usize, 1..20)) {
        let (mut stream, mut sent) = (Vec::new(), Vec::new());
        for reply in replies {
            stream.extend(reply.to_bytes());
            let last = reply.framing == Framing::UntilClose;
            sent.push(reply);
            if last {
                break;
            }
        }
        let (mut decoder, mut got) = (ResponseDecoder::new(Limits::DEFAULT), Vec::new());
        for mut piece in pieces(&stream, &cuts) {
            while let Some(reply) = decoder.decode(&mut piece).unwrap() {
                got.push(reply);
            }
            prop_assert!(piece.is_empty(), "everything is taken");
        }
        got.extend(decoder.finish(StreamEnd::Announced).unwrap());
        prop_assert_eq!(got.len(), sent.len());
        for (got, sent) in got.iter().zip(&sent) {
            prop_assert_eq!((got.status, &got.body), (sent.status, &sent.body));
            for (name, _) in &sent.fields {
                let values: Vec<&str> = sent.fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
                prop_assert_eq!(got.fields.all(name).collect::<Vec<_>>(), values, "{}", name);
            }
            let stays = sent.connection == Connection::KeepAlive && sent.framing != Framing::UntilClose;
            prop_assert_eq!(got.keeps_connection(), stays);
        }
    }

    #[test]
    fn any_request_comes_through_any_cut(requests in vec(any_request(), 1..4), cuts in vec(1..200_usize, 1..20)) {
        let stream: Vec<u8> = requests.iter().flat_map(|request| request.bytes.clone()).collect();
        let (mut decoder, mut got) = (RequestDecoder::new(Limits::DEFAULT), Vec::new());
        for mut piece in pieces(&stream, &cuts) {
            while let Some(request) = decoder.decode(&mut piece).unwrap() {
                got.push(request);
            }
            prop_assert!(piece.is_empty(), "everything is taken");
        }
        prop_assert_eq!(decoder.finish(StreamEnd::Cut), Ok(()));
        prop_assert_eq!(got.len(), requests.len());
        for (got, sent) in got.iter().zip(&requests) {
            prop_assert_eq!((got.method.as_str(), got.path.as_str()), ("POST", "/wsman"));
            prop_assert_eq!(&**got.body, sent.body.as_bytes());
            prop_assert_eq!(got.fields.get("Authorization"), sent.authorization.as_deref());
            prop_assert_eq!(got.keeps_connection(), sent.connection == Connection::KeepAlive);
        }
    }

    #[test]
    fn no_bytes_break_the_decoders(bytes in vec(any::<u8>(), 0..400), text in "(HTTP/1.1 200 OK\r\n)?([a-zA-Z:;0-9 -]{0,20}\r?\n){0,20}") {
        for mut input in [bytes.as_slice(), text.as_bytes()] {
            let _ = ResponseDecoder::new(LIMITS).decode(&mut input.to_vec().as_slice());
            let _ = RequestDecoder::new(LIMITS).decode(&mut input);
        }
    }
}

proptest! {
    // Read as often as it has bytes.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Only a body that nothing but the end delimits may end anywhere, if that end was announced.
    #[test]
    fn no_part_of_a_reply_is_a_reply(reply in any_reply()) {
        let bytes = reply.to_bytes();
        let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        for length in 0..bytes.len() {
            for end in [StreamEnd::Cut, StreamEnd::Announced] {
                let mut decoder = ResponseDecoder::new(Limits::DEFAULT);
                prop_assert_eq!(decoder.decode(&mut &bytes[..length]), Ok(None), "{} bytes", length);
                let open = reply.framing == Framing::UntilClose && end == StreamEnd::Announced && length >= head;
                match decoder.finish(end) {
                    Ok(None) => prop_assert_eq!(length, 0),
                    Ok(Some(part)) => prop_assert!(open && part.body == bytes[head..length], "{} bytes", length),
                    Err(error) => prop_assert!(!open && matches!(error, HttpError::Truncated { .. }), "{}", error),
                }
            }
        }
    }

    #[test]
    fn no_part_of_a_request_is_a_request(request in any_request()) {
        for length in 0..request.bytes.len() {
            let mut decoder = RequestDecoder::new(Limits::DEFAULT);
            prop_assert_eq!(decoder.decode(&mut &request.bytes[..length]), Ok(None), "{} bytes", length);
            prop_assert_eq!(decoder.finish(StreamEnd::Announced).is_ok(), length == 0, "{} bytes", length);
        }
    }
}
