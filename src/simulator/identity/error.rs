//! Why there is no identity.

/// Why an identity could not be minted. Only a caller who asks for a nonsensical shape or hands over a
/// broken PEM file sees one.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A key or certificate could not be made.
    #[error("the simulated identity could not be made: {0}")]
    Mint(#[from] rcgen::Error),
    /// A structure could not be written or read as DER.
    #[error("the simulated identity could not be encoded: {0}")]
    Der(#[from] x509_cert::der::Error),
    /// The TLS library does not take the key.
    #[error("the simulated identity's key cannot be used in TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The file of a simulator authority is not two PKCS#8 private keys in PEM.
    #[error("not a simulator authority: expected two PEM private keys (root, then intermediate), found {found}")]
    NotAnAuthority {
        /// How many private keys there were.
        found: usize,
    },
}
