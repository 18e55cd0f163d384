//! Compact frames: their bytes, a session that is cut, and one end that is lied to.

mod bounds;
mod listener;
mod packet;
mod session;

pub use packet::compact_frames;
