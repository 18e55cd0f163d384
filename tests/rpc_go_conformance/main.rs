//! Our server with rpc-go on the other end: as it is emulated in [`amt_provision::relay::sequential`], its windows scaled
//! down, over real sockets and a simulated device; and frame by frame, where the frames themselves matter.

mod flows;
mod frames;
mod lms;
#[path = "../common/patience.rs"]
mod patience;
#[path = "../common/profile.rs"]
mod profile;
#[path = "../common/relay.rs"]
mod relay;
mod restarts;
mod world;
