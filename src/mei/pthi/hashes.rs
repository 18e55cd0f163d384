//! The trusted root hashes: which provisioning certificates the firmware will take.

use std::fmt;

use super::fields::{Fields, put_length};
use super::{Answer, AnswerError, Text};

/// The handle of one trusted root hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashHandle(pub u32);

/// The handles of all trusted root hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashHandles(Vec<HashHandle>);

impl HashHandles {
    /// The most hashes that a firmware holds.
    pub const LIMIT: usize = 33;

    /// An answer with these handles; `None` if they are more than [`LIMIT`](Self::LIMIT).
    pub fn new(handles: Vec<HashHandle>) -> Option<Self> {
        (handles.len() <= Self::LIMIT).then_some(Self(handles))
    }

    /// The handles, in the firmware's order.
    pub fn as_slice(&self) -> &[HashHandle] {
        &self.0
    }
}

impl Answer for HashHandles {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let count = fields.count("hash handles count", Self::LIMIT)?;
        (0..count).map(|_| fields.u32("hash handle").map(HashHandle)).collect::<Result<_, _>>().map(Self)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(u32::try_from(self.0.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(self.0.iter().flat_map(|handle| handle.0.to_le_bytes()));
    }
}

/// The hash of a root certificate, with its algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateHash {
    /// Algorithm 0.
    Md5([u8; 16]),
    /// Algorithm 1.
    Sha1([u8; 20]),
    /// Algorithm 2.
    Sha256([u8; 32]),
    /// Algorithm 3.
    Sha384([u8; 48]),
    /// Algorithm 4.
    Sha224([u8; 28]),
    /// Algorithm 5.
    Sha512([u8; 64]),
}

impl CertificateHash {
    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Md5(bytes) => bytes,
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
            Self::Sha384(bytes) => bytes,
            Self::Sha224(bytes) => bytes,
            Self::Sha512(bytes) => bytes,
        }
    }

    const fn algorithm(&self) -> u8 {
        match self {
            Self::Md5(_) => 0,
            Self::Sha1(_) => 1,
            Self::Sha256(_) => 2,
            Self::Sha384(_) => 3,
            Self::Sha224(_) => 4,
            Self::Sha512(_) => 5,
        }
    }

    /// Reads the hash from the front of its 64-byte field.
    fn read(algorithm: u8, field: &[u8; FIELD]) -> Result<Self, AnswerError> {
        const fn front<const N: usize>(field: &[u8; FIELD]) -> [u8; N] {
            let mut bytes = [0; N];
            bytes.copy_from_slice(field.split_at(N).0);
            bytes
        }
        Ok(match algorithm {
            0 => Self::Md5(front(field)),
            1 => Self::Sha1(front(field)),
            2 => Self::Sha256(front(field)),
            3 => Self::Sha384(front(field)),
            4 => Self::Sha224(front(field)),
            5 => Self::Sha512(*field),
            other => return Err(AnswerError::Unknown { field: "hash algorithm", got: u32::from(other) }),
        })
    }
}

const FIELD: usize = 64;

impl fmt::Display for CertificateHash {
    /// Lower-case hexadecimal, as the activation message carries it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One trusted root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHashEntry {
    /// The hash of the root certificate.
    pub hash: CertificateHash,
    /// Whether the firmware came with it.
    pub is_default: bool,
    /// Whether the firmware trusts it now.
    pub is_active: bool,
    /// What a person calls it.
    pub name: Text<1000>,
}

impl Answer for CertificateHashEntry {
    fn read(fields: &mut Fields<'_>) -> Result<Self, AnswerError> {
        let is_default = fields.flag("hash is default")?;
        let is_active = fields.flag("hash is active")?;
        let field = fields.array("hash")?;
        let hash = CertificateHash::read(fields.u8("hash algorithm")?, &field)?;
        let name = Text::lenient(fields.counted("hash name", 1000)?);
        Ok(Self { hash, is_default, is_active, name })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(u32::from(self.is_default).to_le_bytes());
        out.extend(u32::from(self.is_active).to_le_bytes());
        let end = out.len() + FIELD;
        out.extend(self.hash.as_bytes());
        out.resize(end, 0);
        out.push(self.hash.algorithm());
        put_length(out, self.name.len());
        out.extend(self.name.bytes());
    }
}
