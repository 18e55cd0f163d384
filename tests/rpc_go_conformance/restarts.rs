//! What comes of a port that refuses while the firmware restarts.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use amt_provision::fsm::time::Millis;
use amt_provision::relay::sequential::Timing;
use smol::future::FutureExt;

use crate::lms;
use crate::world::{World, scaled};

#[test]
fn a_port_that_refuses_in_a_restart_is_met_by_port_switch_alone() {
    smol::block_on(async {
        let world = World::new().await;
        // The device is back before its LMS is, so whoever dials outside of a port switch meets a refusal.
        let device = world.device(70, 19, |config| config.timings.away = Millis(20)).await;
        let (at, accepted) = (Ipv4Addr::new(127, 18, 1, 1), Arc::new(AtomicU32::new(0)));
        let refusing = async {
            lms::refusing(at, device.address(), Duration::from_millis(250), Arc::clone(&accepted)).await;
            unreachable!("it never ends")
        };
        // Five tests of the port, a quarter of a second apart.
        let run = world.to_acm(&device, at, scaled(Timing::LMS)).or(refusing).await;
        assert!(run.handshakes > 3, "{} handshakes: there was a restart to survive", run.handshakes);
        assert!(u64::from(accepted.load(Ordering::Relaxed)) > run.handshakes, "a test comes before each");
    });
}
