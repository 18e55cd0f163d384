//! Bytes are a text frame of the line between relay and server.

use crate::protocol::{ParseError, ToRelay, ToServer};

/// The longest refusal: some words, and an excerpt of what was sent.
const MAX_REFUSAL: usize = 600;

/// Reads a frame as either end, and panics when what is written again is another message.
pub fn json_messages(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match ToServer::parse(text) {
        Ok(message) => {
            if let Ok(again) = message.encode() {
                assert_eq!(ToServer::parse(&again), Ok(message), "{again}");
            }
        }
        Err(error) => refused(&error),
    }
    match ToRelay::parse(text) {
        Ok(message) => {
            if let Ok(again) = message.encode() {
                assert_eq!(ToRelay::parse(&again), Ok(message), "{again}");
            }
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &ParseError) {
    let words = error.to_string();
    assert!(!words.is_empty() && words.len() <= MAX_REFUSAL, "{} bytes: {words}", words.len());
    assert!(ToRelay::refusal(error).encode().is_ok(), "a refusal that cannot be sent");
}
