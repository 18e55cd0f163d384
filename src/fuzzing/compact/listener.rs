//! Bytes are what a liar says to one end of a session.

use std::collections::VecDeque;

use arbitrary::{Result, Unstructured};
use zeroize::Zeroizing;

use super::bounds::{KEPT, MAX_FRAME, recognisable, refused};
use crate::fuzzing::actions::up_to;
use crate::protocol::Data;
use crate::protocol::compact::{CompactError, Packet, Resumable, SessionId};

/// An end that hears from a liar, and what is true.
pub(super) struct Listener {
    frames: Resumable,
    /// Where the frames end that it keeps; first, how far they were acknowledged.
    ends: VecDeque<u64>,
    sent: u64,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self { frames: Resumable::new(KEPT), ends: VecDeque::from([0]), sent: 0 }
    }

    pub(super) fn run(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        while !bytes.is_empty() {
            match bytes.arbitrary::<u8>()? % 4 {
                0 => {
                    let length = 1 + up_to(bytes, MAX_FRAME - 1)?;
                    if self.frames.push(Zeroizing::new(recognisable(0, length))).is_ok() {
                        self.ends.push_back(self.frames.end());
                    }
                }
                1 => match self.frames.poll_packet() {
                    Some(Packet::Frame { at, received, frame: Data(frame) }) => {
                        assert_eq!((at, received), (self.sent, self.frames.received()));
                        self.sent += frame.len() as u64;
                    }
                    said => assert!(said.is_none_or(|said| said == Packet::Received(self.frames.received()))),
                },
                _ => {
                    let told = self.lie(bytes)?.and_then(|lie| self.hears(lie));
                    // A refusal ends the session.
                    if let Err(error) = told {
                        refused(&error);
                        break;
                    }
                }
            }
            let kept = self.frames.end() - self.ends.front().copied().unwrap_or_default();
            assert_eq!(
                self.frames.room() as u64 + kept,
                KEPT as u64,
                "what is not acknowledged is kept, and nothing else"
            );
        }
        Ok(())
    }

    /// Any packet, more often than not one about offsets that mean something here, and sometimes a damaged one.
    fn lie(&self, bytes: &mut Unstructured<'_>) -> Result<std::result::Result<Packet, CompactError>> {
        let session = SessionId::from_random([9; 16]);
        let packet = match bytes.arbitrary::<u8>()? % 8 {
            0..=3 => {
                let (at, received) = (self.number(bytes)?, self.number(bytes)?);
                Packet::Frame { at, received, frame: Data(recognisable(1, up_to(bytes, MAX_FRAME)?)) }
            }
            4 | 5 => Packet::Received(self.number(bytes)?),
            6 => Packet::Resume { session, received: self.number(bytes)? },
            _ => Packet::Welcome { session, received: self.number(bytes)? },
        };
        let mut said = packet.encode().unwrap_or_else(|error| panic!("{error}"));
        if bytes.ratio(1, 8)? {
            let at = up_to(bytes, said.len() - 1)?;
            *said.get_mut(at).unwrap_or_else(|| unreachable!("it is not that long")) = bytes.arbitrary()?;
        }
        Ok(Packet::decode(&said))
    }

    fn number(&self, bytes: &mut Unstructured<'_>) -> Result<u64> {
        let mut known = vec![self.sent, self.frames.received(), self.frames.end(), 0, u64::MAX, bytes.arbitrary()?];
        known.extend(&self.ends);
        let one = *bytes.choose(&known)?;
        Ok(if bytes.ratio(1, 4)? { one.wrapping_add_signed(bytes.arbitrary::<i8>()?.into()) } else { one })
    }

    /// Takes a packet in as the drivers do, and compares with what is true.
    fn hears(&mut self, packet: Packet) -> std::result::Result<(), CompactError> {
        match packet {
            Packet::Frame { at, received, frame: Data(frame) } => {
                let before = self.frames.received();
                let end = at.checked_add(frame.len() as u64).filter(|end| *end > at);
                let truth = end.filter(|_| self.may_say(received)).and_then(|end| match () {
                    () if at == before => Some(Some(frame.clone())),
                    () => (end <= before).then_some(None),
                });
                let heard = self.frames.receive(at, received, Data(frame));
                assert!(heard.as_ref().ok() == truth.as_ref(), "a frame at {at}, and {before} bytes before it");
                let new = heard?.map_or(0, |frame| frame.len() as u64);
                assert_eq!(self.frames.received(), before + new);
            }
            Packet::Received(received) => {
                let truth = self.may_say(received);
                let acknowledged = self.frames.acknowledge(received);
                assert_eq!(acknowledged.is_ok(), truth, "an acknowledgement of {received} bytes of {}", self.sent);
                acknowledged?;
            }
            Packet::Resume { received, .. } | Packet::Welcome { received, .. } => {
                let truth = self.may_say(received);
                let resumed = self.frames.resume(received);
                assert_eq!(resumed.is_ok(), truth, "a session that goes on from {received} bytes of {}", self.sent);
                resumed?;
                self.sent = received;
            }
            Packet::Begin | Packet::Unknown => return Err(CompactError::Misplaced("a frame")),
        }
        Ok(())
    }

    /// Whether the other end can have received so far; if so, that is how far it has.
    fn may_say(&mut self, received: u64) -> bool {
        let so_far = received <= self.sent && self.ends.contains(&received);
        if so_far {
            self.ends.retain(|end| *end >= received);
        }
        so_far
    }
}
