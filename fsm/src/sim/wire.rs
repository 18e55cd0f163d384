//! How the model's messages travel as bytes: a number, a length, and padding, so that pipes can cut them
//! anywhere and a relay can count them.

use alloc::vec::Vec;

use crate::firmware::Port;
use crate::peer::Peer;
use crate::provisioner::ChannelId;
use crate::request::{Login, Reply, Request, RequestId};
use crate::stage::OpenFault;

/// What server and device say to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Hello,
    Shown(Peer),
    Request(RequestId, Login, Request),
    Reply(RequestId, Reply),
}

/// From the relay to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Up {
    Report,
    Opened(ChannelId),
    OpenFailed(ChannelId, OpenFault),
    Data(ChannelId, Vec<u8>),
    Lost(ChannelId),
}

/// From the server to the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Down {
    Open(ChannelId, Port),
    Data(ChannelId, Vec<u8>),
    Close(ChannelId),
    Finished,
}

const HEAD: usize = 6;

/// Every message that was ever sent: on the wire a message is its number.
#[derive(Debug, Default)]
pub(super) struct Arena(Vec<Message>);

impl Arena {
    pub(super) fn encode(&mut self, message: Message, padding: u16) -> Vec<u8> {
        let number = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.push(message);
        let mut bytes = Vec::from(number.to_le_bytes());
        bytes.extend(padding.to_le_bytes());
        bytes.resize(HEAD + usize::from(padding), 0xa5);
        bytes
    }

    /// Takes the first whole message off `buffer`.
    pub(super) fn decode(&self, buffer: &mut Vec<u8>) -> Option<Message> {
        let (number, rest) = buffer.split_first_chunk::<4>()?;
        let (padding, rest) = rest.split_first_chunk::<2>()?;
        let padding = usize::from(u16::from_le_bytes(*padding));
        if rest.len() < padding {
            return None;
        }
        let number = usize::try_from(u32::from_le_bytes(*number)).unwrap_or(usize::MAX);
        buffer.drain(..HEAD + padding);
        self.0.get(number).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three messages behind one another, their stream cut in two and in three at every byte.
    #[test]
    fn messages_come_out_as_they_went_in_however_the_stream_is_cut_and_no_part_of_one_does() {
        let mut arena = Arena::default();
        let refusal = |n: u32| Message::Request(RequestId(n), Login::LocalSystem, Request::ReadUuid);
        let sent = [Message::Hello, refusal(1), refusal(u32::MAX)];
        let stream: Vec<u8> =
            sent.iter().zip([0, 7, 1]).flat_map(|(it, padding)| arena.encode(it.clone(), padding)).collect();
        let ends = [HEAD, 2 * HEAD + 7, 3 * HEAD + 8];
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let (mut buffer, mut got) = (Vec::new(), Vec::new());
                for (piece, arrived) in
                    [(0..first, first), (first..second, second), (second..stream.len(), stream.len())]
                {
                    buffer.extend(&stream[piece]);
                    got.extend(core::iter::from_fn(|| arena.decode(&mut buffer)));
                    assert_eq!(got.len(), ends.iter().filter(|end| **end <= arrived).count(), "{first}, {second}");
                }
                assert_eq!(got, sent);
                assert!(buffer.is_empty());
            }
        }
    }
}
