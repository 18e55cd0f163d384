//! What every part of the target holds to.

use crate::protocol::compact::CompactError;

/// What an end keeps: enough for acknowledgements to come in time, and so little that it fills up.
pub(super) const KEPT: usize = 24 * 1024;
/// The longest frame.
pub(super) const MAX_FRAME: usize = 5000;
/// The longest refusal: some words, and an excerpt of what was sent.
const MAX_REFUSAL: usize = 640;

pub(super) fn refused(error: &CompactError) {
    let words = error.to_string();
    assert!(!words.is_empty() && words.len() <= MAX_REFUSAL, "{} bytes: {words}", words.len());
}

/// Bytes in which every place of every frame shows.
pub(super) fn recognisable(frame: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ frame.wrapping_mul(31)) as u8).collect()
}
