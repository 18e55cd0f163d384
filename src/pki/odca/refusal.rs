//! Why a chain is not that of a genuine AMT device.

use amt_provision_fsm::identity::SpkiHash;

use super::revocation::{Revoked, Uncovered};
use super::{MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES};

/// Why a chain is refused. All of them are the peer's doing but the two about dates, which may be the server's clock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OdcaRefusal {
    /// One certificate, as a device shows after it left pre-provisioning (odca.md §1.2).
    #[error("expected an ODCA chain of 6 certificates, got a single one: has the device been provisioned already?")]
    SingleCertificate,
    /// None, or more than anybody needs.
    #[error("expected an ODCA chain of 6 certificates (at most {MAX_CERTIFICATES}), got {presented}")]
    CertificateCount {
        /// How many were presented.
        presented: usize,
    },
    /// A certificate beyond the limit.
    #[error("certificate {slot} has {bytes} bytes: expected at most {MAX_CERTIFICATE_BYTES}")]
    Oversized {
        /// Its place on the wire, the leaf being 0.
        slot: usize,
        /// Its length.
        bytes: usize,
    },
    /// A certificate of the path that cannot be read.
    #[error("certificate {level} of the path, counted from the leaf, cannot be read")]
    Unreadable {
        /// Its place in the path, the leaf being 0.
        level: usize,
    },
    /// No path from the leaf to a trusted root: another root, or a gap.
    #[error("no path to a trusted root: the chain is of another authority, or a certificate of it is missing")]
    UnknownIssuer,
    /// A certificate was not signed by the key of the authority that it names, as below a debug CA under a
    /// production name.
    #[error("a certificate bears the name of a trusted authority and not its signature")]
    FalseSignature,
    /// A key or signature that is not ECDSA on P-384 with SHA-384.
    #[error("the chain is not ECDSA on P-384 with SHA-384 throughout")]
    Algorithm,
    /// A certificate of the chain has run out.
    #[error("a certificate ended at {not_after} and it is {now} (seconds of the Unix epoch): check the server's clock")]
    Expired {
        /// When it is now.
        now: u64,
        /// When it ended.
        not_after: u64,
    },
    /// A certificate of the chain is not valid yet.
    #[error(
        "a certificate starts at {not_before} and it is {now} (seconds of the Unix epoch): check the server's clock"
    )]
    NotYetValid {
        /// When it is now.
        now: u64,
        /// When it starts.
        not_before: u64,
    },
    /// The leaf does not say that it is a TLS server's, or an authority is restricted to another purpose.
    #[error("expected a leaf with the extended key usage serverAuth")]
    Purpose,
    /// Another rule of path validation is broken.
    #[error("the path is not valid: {0}")]
    Path(webpki::Error),
    /// A verified path that is not leaf, AMT, kernel, ROM, issuing and intermediate CA.
    #[error("expected 5 CAs between leaf and root, got {found}")]
    PathLength {
        /// How many CAs there are between leaf and root.
        found: usize,
    },
    /// The last CA under the root is not one that makes CSME platforms.
    #[error("the intermediate's key {found} is not that of a CSME intermediate")]
    Intermediate {
        /// The key's hash.
        found: SpkiHash,
    },
    /// The platform is not of an allowed branch, such as engineering silicon.
    #[error("expected the issuing CA of a production platform, got `{found}`")]
    Branch {
        /// The unit of the issuing CA.
        found: String,
    },
    /// The place of the ROM CA is taken by something else.
    #[error("expected a ROM CA above the kernel CA, got `{found}`")]
    RomCa {
        /// Its common name.
        found: String,
    },
    /// The leaf was issued by another part of the firmware.
    #[error("expected a leaf issued by the AMT CA, got one issued by `{found}`")]
    AmtCa {
        /// The issuer's common name.
        found: String,
    },
    /// A leaf that AMT has for another use.
    #[error("expected the leaf `AMT RCFG`, got `{found}`")]
    Leaf {
        /// Its common name.
        found: String,
    },
    /// A certificate of the path is revoked.
    #[error("{0}")]
    Revoked(Box<Revoked>),
    /// Whether a certificate of the path is revoked is not known, and has to be.
    #[error("{0}")]
    RevocationUnknown(Box<Uncovered>),
}

impl OdcaRefusal {
    /// Whether the chain is a genuine device's, and revocation alone speaks against it.
    pub fn is_about_revocation(&self) -> bool {
        matches!(self, Self::Revoked(_) | Self::RevocationUnknown(_))
    }
}

impl From<webpki::Error> for OdcaRefusal {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::UnknownIssuer => Self::UnknownIssuer,
            E::InvalidSignatureForPublicKey => Self::FalseSignature,
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | E::SignatureAlgorithmMismatch => Self::Algorithm,
            E::CertExpired { time, not_after } => Self::Expired { now: time.as_secs(), not_after: not_after.as_secs() },
            E::CertNotValidYet { time, not_before } => {
                Self::NotYetValid { now: time.as_secs(), not_before: not_before.as_secs() }
            }
            E::RequiredEkuNotFoundContext(_) => Self::Purpose,
            other => Self::Path(other),
        }
    }
}
