//! Key pairs made in advance: an RSA key takes longer to make than all the rest of a provisioning.

use std::collections::VecDeque;
use std::sync::Mutex;

use amt_provision_fsm::firmware::KeySuite;
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::PrivatePkcs8KeyDer;
use zeroize::Zeroizing;

use super::identity::{IdentityError, generate_p384_key, generate_rsa_key};

/// RSA key pairs for simulated devices, each given out once. Devices share a pool; one that is empty makes keys
/// when they are asked for.
#[derive(Default)]
pub struct KeyPool {
    rsa: Mutex<VecDeque<Zeroizing<Vec<u8>>>>,
}

impl KeyPool {
    /// A pool of these RSA keys.
    pub fn holding(keys: impl IntoIterator<Item = KeyPair>) -> Self {
        let keys = keys.into_iter().map(|key| Zeroizing::new(key.serialize_der())).collect();
        Self { rsa: Mutex::new(keys) }
    }

    /// Makes `count` more keys, about 0.1 s each.
    ///
    /// # Errors
    /// If the cryptography library fails.
    pub fn prepare(&self, count: usize) -> Result<(), IdentityError> {
        for _ in 0..count {
            let key = Zeroizing::new(generate_rsa_key()?.serialize_der());
            self.keys().push_back(key);
        }
        Ok(())
    }

    /// A key pair as a firmware of that suite generates one.
    ///
    /// # Errors
    /// If the cryptography library fails.
    pub fn take(&self, suite: KeySuite) -> Result<KeyPair, IdentityError> {
        let ready = match suite {
            KeySuite::Rsa2048Sha256 => self.keys().pop_front(),
            KeySuite::EcP384Sha384 => return generate_p384_key(),
        };
        match ready {
            Some(der) => {
                Ok(KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der.as_slice()), &PKCS_RSA_SHA256)?)
            }
            None => generate_rsa_key(),
        }
    }

    /// A thread that panicked while it held the lock left whole keys behind, as nothing is ever half pushed.
    fn keys(&self) -> std::sync::MutexGuard<'_, VecDeque<Zeroizing<Vec<u8>>>> {
        self.rsa.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::spki::KeyKind;
    use rcgen::PublicKeyData;

    #[test]
    fn a_key_is_given_out_once_and_of_the_suite_asked_for() {
        let pool = KeyPool::default();
        pool.prepare(1).unwrap();
        let kind = |key: &KeyPair| KeyKind::of(&key.subject_public_key_info().into());
        let first = pool.take(KeySuite::Rsa2048Sha256).unwrap();
        let second = pool.take(KeySuite::Rsa2048Sha256).unwrap();
        assert_eq!((kind(&first), kind(&second)), (KeyKind::Rsa { bits: 2048 }, KeyKind::Rsa { bits: 2048 }));
        assert_ne!(first.public_key_raw(), second.public_key_raw());
        assert_eq!(kind(&pool.take(KeySuite::EcP384Sha384).unwrap()), KeyKind::P384);
    }
}
