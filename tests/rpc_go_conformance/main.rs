//! Our server with rpc-go on the other end: as it is emulated in [`amt_provision::relay::sequential`], its windows scaled
//! down, over real sockets and a simulated device; and frame by frame, where the frames themselves matter.

mod flows;
mod frames;
mod lms;
mod restarts;
mod world;
