//! Authenticated encryption of one secret.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::Label;
use crate::secret::Secret;

/// The first byte of whatever is sealed: how it is.
const FORM: u8 = 1;

const TAG: usize = 16;

/// The cryptography library, or its random source, failed: ours to look after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cryptography library failed")]
pub struct SealError;

/// Why something that is sealed does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was not sealed by this program, or by a newer one.
    #[error("it is not sealed in a form that this version knows")]
    Form,
    /// It is changed, of another place, or sealed under another key.
    #[error("it has been changed, or belongs to another place or key")]
    Refused,
}

/// A key, ready for use. It does not print.
pub struct Cipher(RandomizedNonceKey);

impl Cipher {
    /// # Errors
    /// [`SealError`].
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        RandomizedNonceKey::new(&AES_256_GCM_SIV, key).map(Self).map_err(|_| SealError)
    }

    /// Form, nonce, ciphertext and tag.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, label: &Label, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        // Whole from the start: a buffer that grows would leave copies of the secret behind.
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + secret.len() + TAG);
        sealed.push(FORM);
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(secret);
        let Some((head, text)) = sealed.split_at_mut_checked(1 + NONCE_LEN) else { return Err(SealError) };
        let aad = Aad::from(label.as_bytes());
        let (nonce, tag) = self.0.seal_in_place_separate_tag(aad, text).map_err(|_| SealError)?;
        for (place, byte) in head.iter_mut().skip(1).zip(nonce.as_ref()) {
            *place = *byte;
        }
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// The secret that [`seal`](Self::seal) sealed under the same label.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, label: &Label, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        let Some((&FORM, rest)) = sealed.split_first() else { return Err(OpenError::Form) };
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(OpenError::Form)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Form)?;
        let mut text = Zeroizing::new(text.to_vec());
        let aad = Aad::from(label.as_bytes());
        let opened = self.0.open_in_place(nonce, aad, &mut text).map_err(|_| OpenError::Refused)?;
        Ok(Secret::from(opened.to_vec()))
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(…)")
    }
}
