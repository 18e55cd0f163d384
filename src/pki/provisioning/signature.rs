//! How a certificate is signed, and which firmware takes that.

use std::fmt;

use amt_provision_fsm::firmware::AmtVersion;
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;

/// The algorithm of a certificate's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// RSA (PKCS#1 v1.5) with SHA-1.
    RsaSha1,
    /// RSA (PKCS#1 v1.5) with SHA-256.
    RsaSha256,
    /// RSA (PKCS#1 v1.5) with SHA-384.
    RsaSha384,
    /// Another one.
    Other(ObjectIdentifier),
}

impl SignatureKind {
    /// That of `certificate`.
    pub fn of(certificate: &Certificate) -> Self {
        const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5");
        const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
        const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
        match certificate.signature_algorithm().oid {
            SHA1 => Self::RsaSha1,
            SHA256 => Self::RsaSha256,
            SHA384 => Self::RsaSha384,
            other => Self::Other(other),
        }
    }

    /// Whether a firmware takes it in a chain (wsman.md §2.1); without one, whether any firmware does.
    pub fn is_taken_by(self, firmware: Option<AmtVersion>) -> bool {
        match self {
            Self::RsaSha256 => firmware.is_none_or(|version| version.major < 22),
            Self::RsaSha384 => firmware.is_none_or(|version| version.major >= 21),
            Self::RsaSha1 | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for SignatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RsaSha1 => f.write_str("RSA with SHA-1"),
            Self::RsaSha256 => f.write_str("RSA with SHA-256"),
            Self::RsaSha384 => f.write_str("RSA with SHA-384"),
            Self::Other(oid) => write!(f, "the algorithm {oid}"),
        }
    }
}
