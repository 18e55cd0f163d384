//! What a simulated device shows in a TLS handshake: keys, self-signed certificates, and ODCA-shaped chains
//! under a certificate authority of the simulator's own.
//!
//! ```
//! use amt_provision::simulator::identity::{ChainShape, Identity, SimulatorAuthority};
//!
//! let authority = SimulatorAuthority::generate()?;
//! let device = authority.device(&ChainShape::default())?;
//! assert_eq!(device.chain.len(), 6); // leaf, AMT, kernel, ROM, issuing and intermediate CA: no root
//!
//! // Tests make the wrong chains from the same parts: a shape is plain data, a chain is a plain list.
//! let mut audit_log = ChainShape::default();
//! audit_log.leaf.common_name = "AMT AuditL".into();
//! let wrong = authority.device(&audit_log)?;
//! # assert_eq!(wrong.chain.len(), 6);
//! # Ok::<(), amt_provision::simulator::identity::IdentityError>(())
//! ```

mod authority;
mod certificate;
mod error;
mod keys;
mod shape;
mod shown;
#[cfg(test)]
mod tests;

pub(super) use authority::Authority;
pub use authority::{Silicon, SimulatorAuthority};
pub use error::IdentityError;
pub use keys::{generate_p384_key, generate_rsa_key};
pub(super) use shape::end_of_2049;
pub use shape::{ChainShape, LeafPurpose, Subject};
pub use shown::{Identity, certified_key};
