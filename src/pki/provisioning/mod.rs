//! The provisioning certificate before it goes anywhere: who may take a device into ACM (wsman.md §2.1).
//!
//! ```text
//!   PFX ─▶ open ─┐
//!                ├─▶ order (leaf … root) ─▶ lint ─▶ findings
//!   PEM ─────────┘                          ▲
//!               firmware, DNS suffix, time ─┘
//! ```
//!
//! [`lint`] is judged by twice: by what every firmware wants when a configuration is read, and by what one firmware and
//! one network want before a device is touched. A [`Finding`] with a [flaw](Finding::flaw) is an error. Whether a device
//! trusts the root, the device alone decides: what a relay lists is a claim, and a root that is not among it a warning.

mod finding;
mod leaf;
mod lint;
mod order;
mod pkcs12;
mod signature;
#[cfg(test)]
mod tests;

pub use finding::{Finding, Place};
pub use leaf::{covers, is_for_provisioning, names};
pub use lint::{Terms, lint};
pub use order::{OrderError, Ordered, order};
pub use pkcs12::{Opened, Pkcs12Error, open};
pub use signature::SignatureKind;
