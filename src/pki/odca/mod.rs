//! On-die certificate authority: does a chain prove genuine Intel firmware, and of which machine?
//!
//! AMT from 19 on shows a chain of six certificates before it is provisioned (odca.md §1.1). It ends under
//! Intel's root, but so do chains of engineering silicon, of other firmware and of other uses of the same die, and
//! anybody who owns a machine can relay its genuine chain. So [`OdcaTrust::verify`] asks for more than a path:
//!
//! | question | answered by |
//! |---|---|
//! | is it signed, all the way, in P-384 with SHA-384? | webpki, over the chain that TLS itself authenticated |
//! | is it the branch that makes AMT's firmware? | the intermediate's key, by hash: names are reused (odca.md §1.4) |
//! | is it production silicon? | the unit of the platform's issuing CA |
//! | is it AMT's TLS server? | common name and purpose of the leaf, and the AMT CA over it |
//! | **which machine is it?** | the hash of the ROM CA's certificate in the *verified* path: [`OdcaIdentity::rom_ca`] |
//! | has any of it been taken back? | the [revocation lists](revocation) that the operator has, by its policy |
//!
//! ```
//! use amt_provision::pki::odca::{OdcaTrust, TrustSet};
//! use amt_provision::simulator::identity::{ChainShape, SimulatorAuthority};
//! use rustls::pki_types::UnixTime;
//!
//! let authority = SimulatorAuthority::generate()?;
//! let device = authority.device(&ChainShape::default())?;
//! let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
//!
//! // Production trust knows Intel's root and nothing else; further sets are added whole.
//! let mut trust = OdcaTrust::production();
//! assert!(trust.verify(&device.chain, now).is_err());
//! trust.add(TrustSet::from_certificates("simulator", authority.root(), &[authority.intermediate().clone()])?)?;
//! let identity = trust.verify(&device.chain, now)?;
//! assert_eq!(identity.platform, "SIM SOC 00000001");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod names;
mod production;
mod refusal;
pub mod revocation;
#[cfg(test)]
mod tests;
mod trust;
mod verify;

pub use authority::CaName;
pub use production::{CSME_INTERMEDIATES, ROOT_CERTIFICATE, ROOT_SPKI};
pub use refusal::OdcaRefusal;
pub use trust::{OdcaTrust, TrustSet, TrustSetError};
pub use verify::{EARLIEST_CLOCK, MAX_CERTIFICATE_BYTES, MAX_CERTIFICATES, OdcaIdentity};
