//! What a server takes of its relays: how many at a time, how often, for how long (G8, G10).
//!
//! Values and arithmetic only: the configuration writes them, the server's listener acts by them.

mod buckets;
mod deadlines;
mod neighbourhood;
mod numbers;

pub(crate) use buckets::Buckets;
pub use deadlines::Deadlines;
pub(crate) use neighbourhood::Neighbourhood;
pub use numbers::{Limits, PerMinute};
