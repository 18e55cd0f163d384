//! A typed session: a stage over a channel.
//!
//! [`Session<S, C>`](Session) is what writes the protocol straight down. It moves from stage to stage by
//! `advance` alone, which exists only where [`Next`](crate::edges::Next) does; a request leaves it only
//! by [`Session::request`], which takes only what the channel [`Carries`](crate::channel::Carries).
//! What a session knows of its device it knows from this one channel ([`Facts`]): when the channel goes,
//! the facts go with it.
//!
//! [`AnySession`] is the same with the types erased, for whoever has to keep one in a field.

mod any;
mod context;
mod evidence;
mod facts;
mod sent;
mod typed;
mod want;

pub use any::AnySession;
pub(crate) use context::{Context, Link};
pub use evidence::{AcmSeen, CcmSeen, Look, ModeSeen};
pub use facts::Facts;
pub(crate) use sent::Sent;
pub use typed::Session;
pub(crate) use want::{Step, Want};
