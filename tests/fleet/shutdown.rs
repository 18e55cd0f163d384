//! A server that is told to stop.

use std::time::{Duration, Instant};

use amt_provision::fsm::time::Millis;
use amt_provision::relay::RelayError;
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::store::StoreAddress;
use smol::future::{poll_once, zip};

use super::world::{World, assert_in_acm, relay};

const STORE: &str = "path = \"fleet.db\"";

/// What a run says while it goes on, from the first word to the last stage.
const MOMENTS: [&str; 7] =
    ["a relay has come", "-> Tunneling", "-> Activated", "-> CertStaged", "-> CertReplaced", "-> Acm", " ended"];

fn kept(config: &mut DeviceConfig) {
    config.persona = "keeps-session".parse().expect("a persona of that name");
}

/// A device whose `Setup` takes that long.
fn slow(config: &mut DeviceConfig, setup: Millis) {
    kept(config);
    let action = "IPS_HostBasedSetupService.Setup".parse().expect("an action");
    config.timings.slow.insert(action, setup);
}

#[test]
fn g7_a_server_that_is_told_to_stop_at_any_moment_leaves_a_device_that_the_next_server_finishes() {
    smol::block_on(async {
        let world = World::new();
        for (number, moment) in (1..).zip(MOMENTS) {
            let device = world.device(number, kept).await;
            let mut first = world.serve("server-1", STORE, "").await;
            let address = first.address.clone();
            let stop = async {
                first.says(moment).await;
                first.terminate();
                let said = first.says(" turned away, ").await;
                assert!(
                    said.contains("stopped: 1 served, 0 turned away") && !said.contains("without"),
                    "{moment}: {said}"
                );
            };
            let (told, ()) = zip(relay(&device, &address), stop).await;
            assert_eq!(first.ends().await.code(), Some(0), "{moment}");
            match told {
                Ok(said) => assert!(said.contains("ACM") && moment == " ended", "{moment}: {said}"),
                Err(RelayError::Stopping(said)) => {
                    assert!(said.contains("start again"), "{moment}: {said}")
                }
                Err(other) => panic!("{moment}: {other}"),
            }
            // Nobody waits for the first one's lease.
            let second = world.serve("server-2", STORE, "").await;
            let said = relay(&device, &second.address).await;
            assert!(said.as_ref().is_ok_and(|said| said.contains("ACM")), "{moment}: {said:?}");
            let address = StoreAddress::Sqlite(world.folder.path().join("fleet.db"));
            let store = address.open(address.own_keys()).await.expect("a store");
            assert_in_acm(&device, &*store, moment).await;
        }
    });
}

#[test]
fn g8_a_device_that_hangs_does_not_hold_up_a_server_that_is_told_to_stop() {
    smol::block_on(async {
        let world = World::new();
        let device = world.device(1, |config| slow(config, Millis::from_secs(8))).await;
        let mut first = world.serve("server-1", STORE, "deadlines = { shutdown_seconds = 1 }").await;
        let address = first.address.clone();
        let stop = async {
            while device.truth().counters.setups == 0 {
                smol::Timer::after(Duration::from_millis(20)).await;
            }
            let told = Instant::now();
            first.terminate();
            let said = first.says(" turned away, ").await;
            assert!(said.contains("1 of them without the answer"), "{said}");
            told
        };
        let (relayed, told) = zip(relay(&device, &address), stop).await;
        assert!(matches!(relayed, Err(RelayError::Stopping(_))), "{relayed:?}");
        assert_eq!(first.ends().await.code(), Some(0));
        assert!(told.elapsed() < Duration::from_secs(6), "{:?}", told.elapsed());

        // What went unheard is looked for, and not asked again.
        let second = world.serve("server-2", STORE, "").await;
        let said = relay(&device, &second.address).await;
        assert!(said.as_ref().is_ok_and(|said| said.contains("ACM")), "{said:?}");
        let address = StoreAddress::Sqlite(world.folder.path().join("fleet.db"));
        let store = address.open(address.own_keys()).await.expect("a store");
        assert_in_acm(&device, &*store, "hung").await;
    });
}

#[test]
fn a_server_that_is_told_twice_to_stop_ends_at_once() {
    smol::block_on(async {
        let world = World::new();
        let device = world.device(1, |config| slow(config, Millis::from_secs(30))).await;
        let mut server = world.serve("server-1", STORE, "").await;
        let address = server.address.clone();
        let mut relaying = std::pin::pin!(relay(&device, &address));
        while device.truth().counters.setups == 0 {
            assert!(poll_once(relaying.as_mut()).await.is_none());
            smol::Timer::after(Duration::from_millis(20)).await;
        }
        server.terminate();
        server.says("stopping: ").await;
        let told = Instant::now();
        server.terminate();
        assert_eq!(server.ends().await.code(), Some(5));
        assert!(told.elapsed() < Duration::from_secs(5), "{:?}", told.elapsed());
        let lost = relaying.await;
        assert!(matches!(lost, Err(RelayError::LineLost(_))), "{lost:?}");
    });
}
