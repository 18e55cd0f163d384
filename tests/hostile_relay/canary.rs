//! The secrets that nobody in between may ever see, in whatever form (G1).

pub(crate) use amt_provision::world::canary::found;

/// The admin password that the profile fixes. Its characters are other ones in XML.
pub(crate) const ADMIN: &str = "C4nary<admin>&'x";
/// The MEBx password that the profile fixes.
pub(crate) const MEBX: &str = "C4nary<mebx>&'y";
