//! Bytes are a packet, or choices.

use std::fmt::Debug;

use zeroize::Zeroizing;

use super::bounds::refused;
use super::listener::Listener;
use super::session::Session;
use crate::fuzzing::actions::until_spent;
use crate::protocol::Data;
use crate::protocol::compact::{CompactError, MAX_PACKET, Packet, Report, ToRelay, ToServer};

/// The first byte chooses. Reads a packet and the frame in it, and panics when what is written again is another one; or
/// lets two ends talk while their WebSockets are cut, and panics when a frame is lost, comes twice or in another order; or
/// lets one end listen to a liar, and panics when it believes what cannot be.
pub fn compact_frames(data: &[u8]) {
    until_spent(data, |bytes| match bytes.arbitrary::<u8>()? % 3 {
        0 => {
            packet(bytes.bytes(bytes.len())?);
            Ok(())
        }
        1 => {
            let mut session = Session::new();
            let ran = session.run(bytes);
            session.comes_to_rest();
            ran
        }
        _ => Listener::new().run(bytes),
    });
}

fn packet(bytes: &[u8]) {
    if let Some(Packet::Frame { frame: Data(frame), .. }) = same_again(bytes, Packet::decode, Packet::encode) {
        frames(&frame);
    }
    frames(bytes);
}

fn frames(bytes: &[u8]) {
    same_again(bytes, ToRelay::decode, ToRelay::encode);
    let Some(ToServer::Report(report)) = same_again(bytes, ToServer::decode, ToServer::encode) else { return };
    match report.hello() {
        Ok(hello) => assert_eq!(Report::from(&hello).hello(), Ok(hello)),
        Err(error) => refused(&error),
    }
}

/// A number may come in more bytes than it needs, so only what is written is the one form of it.
fn same_again<T: Debug + PartialEq>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, CompactError>,
    encode: impl Fn(&T) -> Result<Zeroizing<Vec<u8>>, CompactError>,
) -> Option<T> {
    let value = decode(bytes).inspect_err(refused).ok()?;
    let Ok(written) = encode(&value) else {
        assert!(bytes.len() > MAX_PACKET - 64, "{value:?} fitted a packet");
        return Some(value);
    };
    assert!(written.len() <= bytes.len(), "{value:?} has become longer");
    assert_eq!(decode(&written).as_ref(), Ok(&value));
    assert!(written.split_last().is_none_or(|(_, part)| decode(part).is_err()), "{value:?} without its last byte");
    let longer = [&written[..], &[0]].concat();
    assert!(matches!(decode(&longer), Err(CompactError::TrailingBytes { count: 1, .. })), "{value:?} and a byte");
    Some(value)
}
