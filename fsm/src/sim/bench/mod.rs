//! Small worlds without time or bytes, one action at a time: for tests that say exactly what happens, and for
//! the model checker, which tries everything that can.
//!
//! * [`Bench`]: a server and a device, with nothing between them but two ordered queues.
//! * [`Pair`]: two servers on one store that meet one device.
//! * [`Hostile`]: a server and a device, and a relay between them that is somebody's.

mod hostile;
mod machine;
mod pair;

pub use hostile::{End, Hostile, Lie, Move};
pub use machine::{Action, Bench};
pub use pair::{Pair, Side};
