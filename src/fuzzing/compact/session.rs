//! Bytes are what happens to a session of two honest ends, and to its WebSockets.

use std::collections::VecDeque;

use arbitrary::{Result, Unstructured};
use zeroize::Zeroizing;

use super::bounds::{KEPT, MAX_FRAME, recognisable};
use crate::fuzzing::actions::up_to;
use crate::protocol::Data;
use crate::protocol::compact::{ACK_EVERY, Full, Packet, Resumable, SessionId};

/// A relay, which is end 0, a server, and what is under way from each over the WebSocket.
pub(super) struct Session {
    ends: [End; 2],
    way: [VecDeque<Vec<u8>>; 2],
}

/// One end, and what it took and gave.
struct End {
    frames: Resumable,
    /// The frames that it took in.
    pushed: Vec<Vec<u8>>,
    /// How many of them the other end gave out.
    heard: usize,
    /// Whether what it says goes to the other end, and not into a WebSocket that is gone.
    up: bool,
    /// Whether it may speak: a relay that has come back waits for its welcome.
    speaks: bool,
    /// How far it has said that it received, over this WebSocket.
    told: u64,
}

impl Session {
    pub(super) fn new() -> Self {
        let end =
            || End { frames: Resumable::new(KEPT), pushed: Vec::new(), heard: 0, up: true, speaks: true, told: 0 };
        Self { ends: [end(), end()], way: Default::default() }
    }

    pub(super) fn run(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        while !bytes.is_empty() {
            let from = usize::from(bytes.arbitrary::<bool>()?);
            match bytes.arbitrary::<u8>()? % 8 {
                0 | 1 => {
                    let length = 1 + up_to(bytes, MAX_FRAME - 1)?;
                    self.end(from).push(length);
                }
                2 | 3 => (0..=up_to(bytes, 7)?).for_each(|_| self.sends(from, Resumable::poll_packet)),
                4 => self.sends(from, Resumable::acknowledgement),
                5 => (0..=up_to(bytes, 7)?).for_each(|_| self.arrives(from)),
                6 => self.breaks(),
                _ => self.comes_back(),
            }
        }
        Ok(())
    }

    fn end(&mut self, which: usize) -> &mut End {
        self.ends.get_mut(which).unwrap_or_else(|| unreachable!("there are two"))
    }

    fn sends(&mut self, from: usize, next: impl Fn(&mut Resumable) -> Option<Packet>) {
        let end = self.end(from);
        if !end.speaks {
            return;
        }
        let packet = next(&mut end.frames);
        let (received, up) = (end.frames.received(), end.up);
        match packet {
            Some(packet) => {
                end.told = received;
                if up {
                    self.writes(from, &packet);
                }
            }
            None => assert!(received - end.told < ACK_EVERY, "{received} bytes, acknowledged {}", end.told),
        }
    }

    fn writes(&mut self, from: usize, packet: &Packet) {
        let bytes = packet.encode().unwrap_or_else(|error| panic!("an honest end's packet: {error}"));
        self.way.get_mut(from).into_iter().for_each(|way| way.push_back(bytes.to_vec()));
    }

    fn arrives(&mut self, from: usize) {
        let Some(bytes) = self.way.get_mut(from).and_then(VecDeque::pop_front) else { return };
        let packet = Packet::decode(&bytes).unwrap_or_else(|error| panic!("an honest end's packet: {error}"));
        let to = self.end(1 - from);
        let welcome = match packet {
            Packet::Resume { session, .. } => Some(Packet::Welcome { session, received: to.frames.received() }),
            _ => None,
        };
        let taken = match packet {
            Packet::Frame { at, received, frame } => to.frames.receive(at, received, frame),
            Packet::Received(received) => to.frames.acknowledge(received).map(|()| None),
            Packet::Resume { received, .. } => {
                (to.up, to.told) = (true, to.frames.received());
                to.frames.resume(received).map(|()| None)
            }
            Packet::Welcome { received, .. } => {
                (to.speaks, to.told) = (true, to.frames.received());
                to.frames.resume(received).map(|()| None)
            }
            Packet::Begin | Packet::Unknown => Ok(None),
        };
        let heard = taken.unwrap_or_else(|breach| panic!("an honest end is refused: {breach}"));
        heard.into_iter().for_each(|frame| self.end(from).is_heard(&frame));
        welcome.into_iter().for_each(|welcome| self.writes(1, &welcome));
    }

    /// The WebSocket is gone, and nobody has noticed: what is said goes nowhere.
    fn breaks(&mut self) {
        self.way.iter_mut().for_each(VecDeque::clear);
        self.ends.iter_mut().for_each(|end| end.up = false);
    }

    /// The relay makes another WebSocket; until the server hears of it, it may still speak into the old one.
    fn comes_back(&mut self) {
        self.breaks();
        let relay = self.end(0);
        (relay.up, relay.speaks) = (true, false);
        let resume = Packet::Resume { received: relay.frames.received(), session: SessionId::from_random([7; 16]) };
        self.writes(0, &resume);
    }

    /// The last WebSocket stays: all arrives, and everybody knows.
    pub(super) fn comes_to_rest(&mut self) {
        for _ in 0..2 {
            self.comes_back();
            self.arrives(0);
            self.arrives(1);
            self.ends.iter().for_each(End::keeps_what_was_not_heard);
            for from in [0, 1] {
                while !self.ends.iter().all(|end| end.frames.is_clear()) || self.way.iter().any(|way| !way.is_empty()) {
                    self.sends(from, Resumable::poll_packet);
                    self.sends(1 - from, Resumable::poll_packet);
                    self.arrives(from);
                    self.arrives(1 - from);
                }
            }
        }
        for end in &self.ends {
            assert_eq!(end.heard, end.pushed.len(), "after the last WebSocket something is missing");
            assert!(end.frames.is_settled(), "something is kept that has arrived");
        }
    }
}

impl End {
    fn push(&mut self, length: usize) {
        let frame = recognisable(self.pushed.len(), length);
        let (room, end) = (self.frames.room(), self.frames.end());
        assert!(room <= KEPT, "room for {room} bytes");
        let pushed = self.frames.push(Zeroizing::new(frame.clone()));
        if length <= room {
            assert_eq!(pushed, Ok(()));
            assert_eq!(self.frames.end(), end + length as u64);
            self.pushed.push(frame);
        } else {
            assert_eq!(pushed, Err(Full(KEPT)));
        }
    }

    fn is_heard(&mut self, frame: &[u8]) {
        let next = self.pushed.get(self.heard).map(Vec::as_slice);
        assert!(next == Some(frame), "{} bytes that are not frame number {}", frame.len(), self.heard);
        self.heard += 1;
    }

    /// Right after a resume: no byte more than has to be said again, and none less.
    fn keeps_what_was_not_heard(&self) {
        let mut again = self.frames.clone();
        let frames: Vec<Vec<u8>> = std::iter::from_fn(|| match again.poll_packet() {
            Some(Packet::Frame { frame: Data(frame), .. }) => Some(frame),
            _ => None,
        })
        .collect();
        let owed = self.pushed.get(self.heard..).unwrap_or_default();
        assert!(owed == frames, "{} frames are kept, of {} that were not heard", frames.len(), owed.len());
        assert_eq!(KEPT - self.frames.room(), frames.iter().map(Vec::len).sum::<usize>(), "bytes that are kept");
    }
}
