//! Pipes and time: ordered, cut anywhere, each byte at its moment.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::machine::World;
use super::parts::Event;
use super::trace::{Entry, Party};
use crate::sim::wire::Message;
use crate::time::Millis;

/// The pipes, by their number in `World::last`.
pub(super) const DOWN: usize = 0;
pub(super) const UP: usize = 1;
pub(super) const TO_DEVICE: usize = 2;
pub(super) const FROM_DEVICE: usize = 3;

impl World {
    pub(super) fn encode(&mut self, message: Message) -> Vec<u8> {
        let padding = u16::try_from(self.rng.below(40)).unwrap_or(0);
        self.arena.encode(message, padding)
    }

    /// Mostly whole, else in two or three pieces that may be a single byte.
    pub(super) fn cut_up(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        for _ in 0..self.rng.below(4).saturating_sub(1) {
            let at = usize::try_from(self.rng.below(rest.len() as u64)).unwrap_or(0);
            let (piece, left) = rest.split_at(at);
            pieces.push(Vec::from(piece));
            rest = left;
        }
        pieces.push(Vec::from(rest));
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }

    pub(super) fn schedule(&mut self, after: Millis, event: Event) {
        self.events += 1;
        self.queue.insert((self.now + after, self.events), event);
    }

    /// A pipe keeps the order of what is put into it.
    pub(super) fn schedule_in_order(&mut self, pipe: usize, after: Millis, event: Event) {
        let at = self.last[pipe].max(self.now + after);
        self.last[pipe] = at;
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    pub(super) fn log(&mut self, party: Party, text: impl FnOnce() -> String) {
        if self.logged {
            self.report.trace.entries.push(Entry { at: self.now, party, text: text() });
        }
    }
}

/// The Debug form of a value, cut at a length that a terminal shows on one line.
pub(super) fn shorten(value: &impl core::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    if let Some((at, _)) = text.char_indices().nth(200) {
        text.truncate(at);
        text.push('…');
    }
    text
}
