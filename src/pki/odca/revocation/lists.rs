//! The lists that a server has, at one moment.

use std::sync::Arc;

use super::RevocationList;

/// How many lists a server holds; Intel's whole set had some 100 (odca.md §1.6).
pub const MAX_LISTS: usize = 512;

/// A set of lists that does not change. Each of them bears the name of an authority, and none is believed before its
/// signature was found to be that authority's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationLists(Vec<Arc<RevocationList>>);

impl RevocationLists {
    /// The lists.
    pub fn iter(&self) -> impl Iterator<Item = &RevocationList> {
        self.0.iter().map(|list| &**list)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Those beyond [`MAX_LISTS`] are left out.
impl FromIterator<Arc<RevocationList>> for RevocationLists {
    fn from_iter<T: IntoIterator<Item = Arc<RevocationList>>>(lists: T) -> Self {
        Self(lists.into_iter().take(MAX_LISTS).collect())
    }
}
