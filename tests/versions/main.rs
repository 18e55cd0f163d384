//! Every firmware generation on real sockets, from the factory to ACM: flow B up to AMT 18, flow A from 19 on.

mod adoption;
#[path = "../provisioning/mod.rs"]
mod provisioning;

use std::net::Ipv4Addr;

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::FirstUseTrust;
use amt_provision::fsm::record::Provenance;
use amt_provision::simulator::config::ConnectionHabit;
use amt_provision::simulator::firmware::Generation;
use amt_provision::simulator::persona::Persona;

use provisioning::World;
use provisioning::profile::open_flow_b;

/// The number of a generation in the table, which is also its address.
fn number(version: AmtVersion) -> u8 {
    let at = Generation::ALL.iter().position(|generation| generation.from == version);
    u8::try_from(at.expect("a row of the table") + 1).expect("a short table")
}

fn comes_to_acm(version: AmtVersion) {
    let number = number(version);
    smol::block_on(async {
        let world = World::new().await;
        // The device that keeps its connections, and the one that closes each with its reply.
        for (place, connections) in [(1, ConnectionHabit::Honors), (2, ConnectionHabit::Always)] {
            let uuid = Uuid::from_bytes([number << 4 | place; 16]).expect("no placeholder");
            let mut config = world.device(version, Persona::usual(version).name, uuid);
            config.connections = connections;
            let flow_a = version.must_have_local_tls();
            let provenance = if flow_a { Provenance::OdcaInterim } else { Provenance::FirstUse };
            let lms = Ipv4Addr::new(127, 20, number, place);
            let device = world
                .comes_to_acm(&config, lms, provenance, |profile| {
                    if !flow_a {
                        open_flow_b(profile);
                    }
                })
                .await;
            let (truth, traffic) = (device.truth(), device.traffic());
            assert_eq!(traffic.plain_requests == 0, flow_a);
            assert_eq!(truth.counters.admin_setups, 0, "ACM waits for the tunnel");
            if connections == ConnectionHabit::Always {
                assert!(traffic.connections >= traffic.requests, "{traffic:?}");
            }
            device.stop().await;
        }
    });
}

macro_rules! generations {
    ($($name:ident = $major:literal . $minor:literal;)*) => {
        $(#[test]
        fn $name() {
            comes_to_acm(AmtVersion::new($major, $minor));
        })*

        #[test]
        fn no_generation_is_left_out() {
            let tried = [$(AmtVersion::new($major, $minor)),*];
            assert_eq!(Generation::ALL.map(|generation| generation.from), tried);
        }
    };
}

generations! {
    amt_12_comes_to_acm_by_flow_b = 12 . 0;
    amt_14_comes_to_acm_by_flow_b = 14 . 0;
    amt_15_comes_to_acm_by_flow_b = 15 . 0;
    amt_16_0_comes_to_acm_by_flow_b_over_its_bound_default_certificate = 16 . 0;
    amt_16_1_comes_to_acm_by_flow_b_without_plain_ports_on_the_network = 16 . 1;
    amt_18_comes_to_acm_by_flow_b = 18 . 0;
    amt_19_comes_to_acm_by_flow_a = 19 . 0;
    amt_20_comes_to_acm_by_flow_a = 20 . 0;
    amt_21_comes_to_acm_by_flow_a = 21 . 0;
    amt_22_comes_to_acm_by_flow_a_with_p_384_and_sha_384 = 22 . 0;
}

#[test]
fn a_device_of_amt_16_1_whose_tls_is_on_already_is_taken_over_from_its_default_key() {
    smol::block_on(async {
        let world = World::new().await;
        for (place, version) in [(1, AmtVersion::new(16, 1)), (2, AmtVersion::new(18, 0))] {
            let uuid = Uuid::from_bytes([0xe0 | place; 16]).expect("no placeholder");
            let config = world.device(version, "tls-already-on", uuid);
            let lms = Ipv4Addr::new(127, 20, 100, place);
            let device = world
                .comes_to_acm(&config, lms, Provenance::Provisional, |profile| {
                    profile.first_use = FirstUseTrust::Trusted;
                })
                .await;
            assert_eq!(device.traffic().plain_requests, 0);
            device.stop().await;
        }
    });
}
