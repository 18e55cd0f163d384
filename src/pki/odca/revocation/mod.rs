//! Revocation lists: which certificates of a verified path their authorities have taken back (odca.md §1.6).
//!
//! Intel revokes at every level, and in two ways. The root, the intermediates and the platforms' issuing CAs publish
//! **direct** lists, about what they issued themselves. The kernel CA, the AMT CA and the leaf are issued on the die,
//! where nobody can publish anything: they name the intermediate as `cRLIssuer`, and its **indirect** list says of each
//! entry whose certificate it is about (RFC 5280 §5.3.3). webpki refuses indirect lists, so both are read here.
//!
//! | question | answered by |
//! |---|---|
//! | what does a list say? | [`RevocationList::read`]: bounded, version 2, no delta, no critical extension that is not understood |
//! | who says so? | the signature, with a key of the *verified path*, or of the trust set: names are reused (odca.md §1.4) |
//! | is a certificate revoked? | an entry in any list of a CA above it, however old the list is |
//! | is a certificate covered? | a list of the kind that its distribution point names, by that CA, and not stale |
//! | and if not? | [`RevocationPolicy`] |
//!
//! Lists come as bytes and the time comes as a value: where the files are, and when they are read again, is for
//! [`crate::server::CrlDirectory`].

mod check;
mod entries;
mod finding;
mod list;
mod lists;
mod policy;
mod refusal;
#[cfg(test)]
mod tests;

pub use finding::{Finding, Flaw};
pub use list::{Kind, ListError, MAX_LIST_BYTES, RevocationList};
pub use lists::{MAX_LISTS, RevocationLists};
pub use policy::{Revocation, RevocationPolicy};
pub use refusal::{Gap, Level, Revoked, Uncovered};
