//! One end of a session that outlives its WebSocket: what was sent and not acknowledged is kept, what comes twice is
//! known.
//!
//! Offsets count the bytes of frames, in each direction from the beginning of the session. A frame travels whole, so
//! every honest offset lies between two frames; one that does not is a lie and ends the session.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::Packet;
use crate::protocol::Data;

/// After so many bytes of frames an end says how far it has received, if it has nothing else to say.
pub const ACK_EVERY: u64 = 16 * 1024;

/// Offsets that cannot be: whoever sent them is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Bytes are missing before this frame.
    #[error("a frame at {at}: expected one at {expected}")]
    Gap {
        /// Where it says that it begins.
        at: u64,
        /// Where it should.
        expected: u64,
    },
    /// A frame that was received in part.
    #[error("a frame at {at} that ends behind {expected}, where the next one begins")]
    Overlap {
        /// Where it says that it begins.
        at: u64,
        /// How far was received.
        expected: u64,
    },
    /// A frame without bytes.
    #[error("a frame without bytes")]
    Empty,
    /// More was acknowledged than was sent.
    #[error("an acknowledgement of {got} bytes: {sent} were sent")]
    Unsent {
        /// What was acknowledged.
        got: u64,
        /// What was sent.
        sent: u64,
    },
    /// Less was acknowledged than before, or a part of a frame.
    #[error("an acknowledgement of {got} bytes, where no frame ends that is still kept")]
    Torn {
        /// What was acknowledged.
        got: u64,
    },
}

/// The other end takes frames and acknowledges none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {0} bytes that the other end has not acknowledged")]
pub struct Full(pub usize);

/// One end of a session.
#[derive(Clone, Debug)]
pub struct Resumable {
    limit: usize,
    /// What is kept: not acknowledged yet.
    kept: VecDeque<Zeroizing<Vec<u8>>>,
    /// The bytes in it.
    held: usize,
    /// Where it begins.
    acknowledged: u64,
    /// How many of the kept frames went over this WebSocket.
    gone: usize,
    /// Where the next one begins.
    sent: u64,
    received: u64,
    /// What the other end was told of that.
    told: u64,
}

impl Resumable {
    /// A session at its beginning, which keeps no more than `limit` bytes of frames (G10).
    pub const fn new(limit: usize) -> Self {
        Self { limit, kept: VecDeque::new(), held: 0, acknowledged: 0, gone: 0, sent: 0, received: 0, told: 0 }
    }

    /// How far the other end was received, in bytes of frames.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Where the next frame that is pushed will begin.
    pub const fn end(&self) -> u64 {
        self.acknowledged + self.held as u64
    }

    /// How many more bytes of frames there is room for.
    pub const fn room(&self) -> usize {
        self.limit - self.held
    }

    /// Whether the other end has acknowledged everything.
    pub fn is_settled(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether all that was pushed has gone over this WebSocket.
    pub fn is_clear(&self) -> bool {
        self.gone == self.kept.len()
    }

    /// Takes a frame to be sent.
    ///
    /// # Errors
    /// [`Full`]: the session is over, because the other end does not acknowledge.
    pub fn push(&mut self, frame: Zeroizing<Vec<u8>>) -> Result<(), Full> {
        if frame.len() > self.room() {
            return Err(Full(self.limit));
        }
        self.held += frame.len();
        self.kept.push_back(frame);
        Ok(())
    }

    /// What is to be sent next over this WebSocket.
    pub fn poll_packet(&mut self) -> Option<Packet> {
        if let Some(frame) = self.kept.get(self.gone) {
            let at = self.sent;
            self.gone += 1;
            self.sent += frame.len() as u64;
            self.told = self.received;
            return Some(Packet::Frame { at, received: self.received, frame: Data(frame.to_vec()) });
        }
        if self.received - self.told >= ACK_EVERY { self.acknowledgement() } else { None }
    }

    /// What the other end has not been told of what was received.
    pub const fn acknowledgement(&mut self) -> Option<Packet> {
        if self.received == self.told {
            return None;
        }
        self.told = self.received;
        Some(Packet::Received(self.received))
    }

    /// Takes in a frame; `None` if it was known.
    ///
    /// # Errors
    /// [`Breach`].
    pub fn receive(&mut self, at: u64, received: u64, Data(frame): Data) -> Result<Option<Vec<u8>>, Breach> {
        self.acknowledge(received)?;
        let expected = self.received;
        if frame.is_empty() {
            return Err(Breach::Empty);
        }
        let end = at.checked_add(frame.len() as u64).ok_or(Breach::Gap { at, expected })?;
        if at > expected {
            return Err(Breach::Gap { at, expected });
        }
        if at == expected {
            self.received = end;
            return Ok(Some(frame));
        }
        if end <= expected { Ok(None) } else { Err(Breach::Overlap { at, expected }) }
    }

    /// The other end has received so far; what lies before is let go of.
    ///
    /// # Errors
    /// [`Breach`].
    pub fn acknowledge(&mut self, received: u64) -> Result<(), Breach> {
        if received > self.sent {
            return Err(Breach::Unsent { got: received, sent: self.sent });
        }
        let torn = Breach::Torn { got: received };
        let mut count = received.checked_sub(self.acknowledged).ok_or(torn)?;
        let mut frames = 0;
        for frame in &self.kept {
            if count == 0 {
                break;
            }
            count = count.checked_sub(frame.len() as u64).ok_or(torn)?;
            frames += 1;
        }
        for frame in self.kept.drain(..frames) {
            self.held -= frame.len();
        }
        self.gone -= frames;
        self.acknowledged = received;
        Ok(())
    }

    /// There is another WebSocket, and over it the other end says that it has received so far. What it has not is sent
    /// again.
    ///
    /// # Errors
    /// [`Breach`].
    pub fn resume(&mut self, received: u64) -> Result<(), Breach> {
        self.acknowledge(received)?;
        self.gone = 0;
        self.sent = self.acknowledged;
        // The packet that resumes tells it.
        self.told = self.received;
        Ok(())
    }
}
