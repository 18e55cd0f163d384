//! Certificates and keys: reading them, judging a device's ODCA chain, issuing a device's own certificate.
//!
//! Nothing here does I/O or reads a clock, and only the deployment's authority draws random numbers, for its key and
//! in its signatures. Certificates come from peers, so every reader is total and says what it expected.
//!
//! - [`certificate`] takes a certificate apart without judging it, also the X.509 v1 ones that webpki refuses;
//! - [`spki`] is about public keys: what a pin is, and whether a key is good enough;
//! - [`odca`] decides whether a chain proves genuine Intel firmware, and which machine's;
//! - [`provisioning`] decides whether a provisioning certificate can take a device into ACM, and opens PFX files;
//! - [`authority`] is the deployment's own CA, which certifies the keys that devices generate.

pub mod algorithms;
pub mod authority;
pub mod certificate;
pub mod odca;
pub mod provisioning;
mod signed;
pub mod spki;
