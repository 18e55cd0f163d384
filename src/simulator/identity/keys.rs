//! Key pairs of the two kinds that firmware has.

use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize};

use super::error::IdentityError;

/// A new RSA-2048 key pair; its `public_key_raw()` is what AMT answers as `DERKey` up to AMT 21 (wsman.md §2.6).
///
/// # Errors
/// If the cryptography library fails.
pub fn generate_rsa_key() -> Result<KeyPair, IdentityError> {
    Ok(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?)
}

/// A new P-384 key pair; its `subject_public_key_info()` is what AMT answers as `DERKey` from AMT 22 on.
///
/// # Errors
/// If the cryptography library fails.
pub fn generate_p384_key() -> Result<KeyPair, IdentityError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?)
}
