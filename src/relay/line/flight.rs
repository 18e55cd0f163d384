//! Where the device's TLS bytes are cut into messages.
//!
//! RPS throws a `tls_data` message away whose first byte is 0x17 while its handshake is not finished
//! (rps.md, "Interop traps"), and from TLS 1.3 on most of the device's first flight is 0x17 records. So until
//! the server has sent a 0x17 record itself, which it can only after its handshake has ended:
//!
//! 1. **No message begins with a 0x17 record, and no byte is lost.** This is unconditional: it depends neither on how
//!    the bytes came nor on a timer.
//! 2. A flight leaves as one message, when it is whole. The end of a flight is read from its structure:
//!    ServerHelloDone and Finished in TLS 1.2, HelloRetryRequest, alerts, and in TLS 1.3 a record that is exactly
//!    as long as Finished and comes behind more bytes than a certificate needs. What follows it is held until the
//!    server's handshake has ended.
//! 3. Where the structure does not tell (a TLS 1.3 stack that puts several handshake messages into one record), a
//!    whole record that nothing follows for a short time is taken for the end. That may be wrong, and nobody can
//!    know: the bytes that are all of one stack's flight are half of another's.
//! 4. So a wrong end must do no harm. If a server that has the flight does not go on, what was held leaves after
//!    [`UNANSWERED`], cut *inside* its first record, behind the 0x17: RPS takes a message of fewer than five bytes
//!    for no record and passes it on (`TLSTunnelManager.injectData` of 2.40.0), and the next one begins with 0x03.
//!    The handshake ends as if the guess had been right, only later, and the next session is more patient.
//!
//! From the server's first 0x17 record on everything passes at once.

use amt_provision_fsm::deadline;
use amt_provision_fsm::time::{Instant, Millis};

use super::hello::{HANDSHAKE_HEADER, ServerHello};
use super::records::{HEADER, Header, Kind, SEALED};
use crate::protocol::MAX_DATA;

/// The gap behind a record that may well be the last of its flight.
pub(super) const BRISK: Millis = Millis(10);

/// The gap where more is likely to come: what rpc-go waits in all cases (rpc-go.md §4).
pub(super) const PATIENT: Millis = Millis(2000);

/// How long a part of a record or flight is held without any more coming: as long as a handshake has anyway.
pub(super) const HELD: Millis = deadline::HANDSHAKE;

/// How long a server that has the flight may take to go on, before the flight is taken for a part of one. RPS needs
/// 0.1 s at most (pair.md §2).
pub(super) const UNANSWERED: Millis = Millis(2000);

/// What TLS 1.3 adds to the content of a record: its type and the AEAD's tag (RFC 8446 §5.2).
const SEAL: usize = 1 + 16;

/// Less than EncryptedExtensions, Certificate and CertificateVerify together.
const SMALLEST_CERTIFICATE: usize = 256;

/// EncryptedExtensions alone, and empty.
const SMALLEST_EXTENSIONS: usize = HANDSHAKE_HEADER + 2;

/// The device's side of one TLS session, up to the end of the handshake.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pending: Vec<u8>,
    /// How much of `pending` is whole records.
    whole: usize,
    /// What the last whole record said.
    after: After,
    phase: Phase,
    /// Handshake messages in the clear, up to the one that is not whole.
    handshake: Vec<u8>,
    brisk: Millis,
    moved: Instant,
}

/// How far the handshake is, as seen from the device's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the ServerHello.
    Opening,
    /// TLS 1.2, before the device's ChangeCipherSpec.
    Clear,
    /// TLS 1.2, behind it: what follows is Finished.
    Changed,
    /// TLS 1.3, in the encrypted part.
    Sealed(Sealed),
    /// TLS 1.3: the flight has left, as far as can be told.
    Left,
    /// It had not: whole records leave as they come.
    Refuted,
    /// The server's handshake has ended, or the device does not speak TLS.
    Over,
}

/// The encrypted part of a flight of TLS 1.3. Lengths are of handshake messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sealed {
    /// The length of Finished.
    finished: usize,
    /// What comes before Finished is never less.
    least: usize,
    /// The length of the first record.
    first: Option<usize>,
    seen: usize,
}

/// Whether a whole record is the last of its flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// It is.
    End,
    /// It is not.
    More,
    /// It is if nothing follows for so long.
    Quiet(Millis),
}

/// What held bytes wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// That nothing follows them.
    Quiet,
    /// That the server ends its handshake.
    Answer,
    /// More of them.
    More,
}

/// More bytes before the end of the handshake than fit one message: the device is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// This message.
    Message(Vec<u8>),
    /// These messages: the flight was not at its end when it left.
    Rest(Vec<Vec<u8>>),
    /// The end of the session: bytes are held, and nothing moves any more.
    Stuck,
}

impl Flight {
    /// The device's side of a new session. `brisk` is the gap for guesses.
    pub(super) const fn new(brisk: Millis) -> Self {
        Self {
            pending: Vec::new(),
            whole: 0,
            after: After::More,
            phase: Phase::Opening,
            handshake: Vec::new(),
            brisk,
            moved: Instant::ZERO,
        }
    }

    /// How many bytes are held back.
    pub(super) const fn held(&self) -> usize {
        self.pending.len()
    }

    /// Takes bytes from the device; what they complete are messages.
    pub(super) fn feed(&mut self, now: Instant, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>, TooLong> {
        self.moved = now;
        if self.phase == Phase::Over {
            return Ok(vec![bytes]);
        }
        if bytes.len() > MAX_DATA - self.pending.len() {
            return Err(TooLong);
        }
        self.pending.extend_from_slice(&bytes);
        let mut ready = 0;
        while let Some(&header) = self.pending.get(self.whole..).and_then(<[u8]>::first_chunk) {
            let Some(header) = Header::parse(header) else {
                self.phase = Phase::Over;
                return Ok(vec![core::mem::take(&mut self.pending)]);
            };
            let end = self.whole + HEADER + header.length;
            if self.pending.len() < end {
                break;
            }
            self.after = self.on_record(header, self.whole + HEADER..end);
            self.whole = end;
            if self.after == After::End {
                ready = end;
            }
        }
        if self.phase == Phase::Refuted {
            return Ok(self.release_inside());
        }
        Ok(self.release(ready).into_iter().collect())
    }

    /// The server has sent a sealed record: its handshake has ended. What was held is a message now.
    pub(super) fn handshake_ended(&mut self) -> Option<Vec<u8>> {
        self.phase = Phase::Over;
        self.whole = 0;
        self.handshake = Vec::new();
        let held = core::mem::take(&mut self.pending);
        (!held.is_empty()).then_some(held)
    }

    /// The device has closed: what can still be sent of what was held.
    pub(super) fn end(&mut self) -> Option<Vec<u8>> {
        let held = core::mem::take(&mut self.pending);
        self.whole = 0;
        (!held.is_empty() && (self.phase == Phase::Over || held.first() != Some(&SEALED))).then_some(held)
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.pending.is_empty()).then(|| self.moved + self.wait().0)
    }

    /// Does what is due at the deadline.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Due> {
        if self.deadline().is_none_or(|at| at > now) {
            return None;
        }
        match self.wait().1 {
            Wait::Quiet => {
                if let Phase::Sealed(_) = self.phase {
                    self.phase = Phase::Left;
                }
                self.release(self.whole).map(Due::Message)
            }
            Wait::Answer => {
                self.phase = Phase::Refuted;
                Some(Due::Rest(self.release_inside()))
            }
            Wait::More => Some(Due::Stuck),
        }
    }

    /// How long what is held is held, and for what.
    fn wait(&self) -> (Millis, Wait) {
        let is_sealed = self.pending.first() == Some(&SEALED);
        match (self.after, self.phase) {
            (After::Quiet(gap), _) if !is_sealed && self.whole > 0 && self.whole == self.pending.len() => {
                (gap, Wait::Quiet)
            }
            (_, Phase::Left) if is_sealed && self.whole > 0 => (UNANSWERED, Wait::Answer),
            _ => (HELD, Wait::More),
        }
    }

    /// Rules 1 and 2.
    fn release(&mut self, count: usize) -> Option<Vec<u8>> {
        if count == 0 || self.pending.first() == Some(&SEALED) {
            return None;
        }
        let rest = self.pending.split_off(count);
        self.whole -= count;
        Some(core::mem::replace(&mut self.pending, rest))
    }

    /// Rule 4: what is whole, cut behind its first byte where that is 0x17.
    fn release_inside(&mut self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        if self.whole > 0 && self.pending.first() == Some(&SEALED) {
            messages.push(vec![self.pending.remove(0)]);
            self.whole -= 1;
        }
        messages.extend(self.release(self.whole));
        messages
    }

    fn on_record(&mut self, header: Header, content: core::ops::Range<usize>) -> After {
        match (header.kind, self.phase) {
            (Kind::Alert, _) => After::End,
            (Kind::Handshake, Phase::Opening | Phase::Clear) => {
                self.handshake.extend_from_slice(self.pending.get(content).unwrap_or_default());
                self.on_clear_messages()
            }
            (Kind::Handshake, Phase::Changed) => After::End,
            (Kind::ChangeCipherSpec, Phase::Clear) => {
                self.phase = Phase::Changed;
                After::Quiet(PATIENT)
            }
            (Kind::ChangeCipherSpec, Phase::Sealed(_)) => self.after,
            (Kind::Sealed, Phase::Sealed(sealed)) => self.on_sealed(header.length.saturating_sub(SEAL), sealed),
            (Kind::ChangeCipherSpec, _) if self.after == After::End => After::End,
            _ => After::Quiet(PATIENT),
        }
    }

    fn on_clear_messages(&mut self) -> After {
        const SERVER_HELLO: u8 = 2;
        const SERVER_HELLO_DONE: u8 = 14;
        let mut after = After::Quiet(PATIENT);
        if self.handshake.len() > MAX_DATA {
            self.handshake = Vec::new();
            self.phase = Phase::Changed;
        }
        while let Some(&[kind, a, b, c]) = self.handshake.first_chunk() {
            let end = HANDSHAKE_HEADER + u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(body) = self.handshake.get(HANDSHAKE_HEADER..end) else { return After::Quiet(PATIENT) };
            after = match (kind, self.phase) {
                (SERVER_HELLO, Phase::Opening) => match ServerHello::parse(body) {
                    Some(ServerHello::Retry) => After::End,
                    Some(ServerHello::Tls13 { finished, resumed }) => {
                        let least = if resumed { SMALLEST_EXTENSIONS } else { SMALLEST_CERTIFICATE };
                        self.phase = Phase::Sealed(Sealed { finished, least, first: None, seen: 0 });
                        After::More
                    }
                    Some(ServerHello::Older) | None => {
                        self.phase = Phase::Clear;
                        After::Quiet(PATIENT)
                    }
                },
                (SERVER_HELLO_DONE, Phase::Clear) => After::End,
                _ => After::Quiet(PATIENT),
            };
            self.handshake.drain(..end);
        }
        after
    }

    fn on_sealed(&mut self, content: usize, Sealed { finished, least, first, seen }: Sealed) -> After {
        const FULL: usize = 16 * 1024;
        let first = first.unwrap_or(content);
        self.phase = Phase::Sealed(Sealed { finished, least, first: Some(first), seen: seen + content });
        if content == finished && seen >= least {
            self.phase = Phase::Left;
            After::End
        } else if content >= FULL {
            After::More
        } else if first >= least + finished {
            // More than the first message, EncryptedExtensions: this stack puts several into a record.
            After::Quiet(self.brisk)
        } else {
            After::Quiet(PATIENT)
        }
    }
}
