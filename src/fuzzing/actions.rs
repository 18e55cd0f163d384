//! Choices out of bytes.

use amt_provision_fsm::identity::Uuid;
use arbitrary::{Result, Unstructured};

/// One of these.
pub(super) fn pick<T: Copy>(bytes: &mut Unstructured<'_>, choices: &[T]) -> Result<T> {
    bytes.choose(choices).copied()
}

/// A number up to `most`.
pub(super) fn up_to(bytes: &mut Unstructured<'_>, most: usize) -> Result<usize> {
    bytes.int_in_range(0..=most)
}

/// Repeats a step until the bytes run out or it wants no more.
pub(super) fn until_spent(data: &[u8], run: impl FnOnce(&mut Unstructured<'_>) -> Result<()>) {
    // The only error is that the bytes have run out, which is how every input ends.
    let _spent = run(&mut Unstructured::new(data));
}

/// The device of all targets.
pub(super) fn device() -> Uuid {
    Uuid::from_bytes(*b"amt-fuzzed-board").unwrap_or_else(|_| unreachable!("it is no placeholder"))
}
