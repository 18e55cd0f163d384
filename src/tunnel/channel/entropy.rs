//! Where nonces and message numbers come from.

use rustls::crypto::{GetRandomFailed, SecureRandom, aws_lc_rs};

/// A source of random bytes. The channel draws from nothing else, so a test that scripts it knows every byte that
/// goes out.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`, which anybody may see and nobody may foresee.
    ///
    /// # Errors
    /// If the source failed; then nothing is sent.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed>;
}

/// The cryptography library's random source: the one for production.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        let random: &dyn SecureRandom = aws_lc_rs::default_provider().secure_random;
        random.fill(bytes)
    }
}

/// `N` bytes of `entropy`.
pub(super) fn draw<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], GetRandomFailed> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}
