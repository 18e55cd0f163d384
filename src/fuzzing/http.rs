//! Bytes are what a device's web server sends.

use crate::http::digest::{Account, Challenge, Cnonce, Ha1, Session, Verifier};
use crate::http::{HttpError, Limits, Response, ResponseDecoder, StreamEnd};

/// Small enough that a fuzzer gets to them.
const LIMITS: Limits = Limits { head: 1024, body: 4096 };

/// Reads replies whole and in pieces, and panics when that makes a difference. The first byte is the length of a piece.
pub fn http_response(data: &[u8]) {
    let Some((&length, stream)) = data.split_first() else { return };
    for end in [StreamEnd::Announced, StreamEnd::Cut] {
        let whole = read(&[stream], end);
        let pieces: Vec<&[u8]> = stream.chunks(usize::from(length).max(1)).collect();
        assert_eq!(read(&pieces, end), whole, "in pieces of {length}");
        for response in &whole.0 {
            assert!(response.body.len() <= LIMITS.body, "a body of {} bytes", response.body.len());
        }
    }
}

/// Every whole reply, and what the stream ended with.
fn read(pieces: &[&[u8]], end: StreamEnd) -> (Vec<Response>, Result<(), HttpError>) {
    let (mut decoder, mut responses) = (ResponseDecoder::new(LIMITS), Vec::new());
    for mut piece in pieces.iter().copied() {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(response)) => responses.push(response),
                Ok(None) => break,
                Err(error) => return (responses, Err(error)),
            }
        }
    }
    let last = decoder.finish(end).map(|last| responses.extend(last));
    (responses, last)
}

/// Answers a challenge, and panics when the device's side would not take the answer.
pub fn digest_challenge(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A field's value has no control characters: the reader of heads sees to that.
    if text.chars().any(char::is_control) {
        return;
    }
    let Ok(challenge) = Challenge::parse([text]) else { return };
    assert_eq!(Challenge::parse([challenge.to_string().as_str()]), Ok(challenge.clone()));

    let (user, password) = ("admin", "P@ssw0rd");
    let mut session = Session::new(Account::new(user, password));
    assert_eq!(session.challenged([text]), Ok(()));
    let answer = session.authorize(&Cnonce::new([7; 16])).map(|answer| answer.to_string()).unwrap_or_default();
    let mut device = Verifier::new(challenge.realm.clone());
    let _ = device.challenge(&challenge.nonce, challenge.stale);
    let ha1 = Ha1::new(user, &challenge.realm, password);
    let login = device.verify(&answer, "POST", |who| (who == user).then_some(ha1));
    assert_eq!(login.map(|login| login.nonce), Ok(challenge.nonce), "{answer}");
}
