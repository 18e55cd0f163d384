//! Devices that somebody else provisioned, taken over on real sockets: another deployment's, with its certificates and its
//! password.

use std::net::Ipv4Addr;
use std::sync::Arc;

use amt_provision::config::Config;
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::{Adopt, Goal, Profile};
use amt_provision::fsm::record::{Origin, Provenance};
use amt_provision::server::ServedProfile;
use amt_provision::simulator::running::SimulatedDevice;
use amt_provision::store::{Account, Store, Tenant};

use crate::provisioning::profile::{fixed_passwords, open_flow_b};
use crate::provisioning::{World, provision};

/// What is changed of a profile.
type Change = fn(&mut Profile);

const THEIRS: &str = "Th3ir-Passw0rd!";

/// What the former owner's profile says: the password is the same for every device.
fn theirs(version: AmtVersion, goal: Change) -> ServedProfile {
    ServedProfile { passwords: fixed_passwords(THEIRS, "Their-M3Bx!"), ..World::profile(version, open(goal)) }
}

/// What ours says, and the password that its operator gave.
fn ours(version: AmtVersion, given: &str) -> ServedProfile {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("adopt.toml"), format!("default = '{given}'\n")).expect("a writable folder");
    let config = "[server]\nlisten = \"127.0.0.1:0\"\n[store]\npath = \"x.db\"\n[[profiles]]\nname = \"office\"\n\
                  goal = \"ccm\"\nminimum_provenance = \"first-use\"\nadopt = { passwords = \"adopt.toml\" }\n";
    let config = Config::parse(&folder.path().join("amt.toml"), config).expect("no mistakes");
    let adoption = config.profiles[0].adoption.clone();
    ServedProfile { adoption, ..World::profile(version, open(|profile| profile.adopt = Adopt::Allowed)) }
}

fn open(change: Change) -> impl FnOnce(&mut Profile) {
    move |profile| {
        open_flow_b(profile);
        change(profile);
    }
}

/// A device that its former owner has taken to `mode`, and its version.
async fn found(world: &World, version: AmtVersion, mode: Change, lms: Ipv4Addr) -> SimulatedDevice {
    let uuid = Uuid::from_bytes([lms.octets()[3]; 16]).expect("no placeholder");
    let device = world.start(&world.device(version, "keeps-session", uuid), lms).await;
    let deployment = world.deployment(theirs(version, mode)).await;
    provision(deployment, &device).await.expect("the former owner succeeds");
    assert!(device.truth().admin_password_is(THEIRS));
    device
}

#[test]
fn a_device_in_ccm_or_acm_is_adopted_with_the_operators_password_and_gets_everything_anew() {
    let cases: [(AmtVersion, Change); 3] = [
        (AmtVersion::new(16, 1), |profile| profile.goal = Goal::Client),
        (AmtVersion::new(18, 0), |_| {}),
        (AmtVersion::new(19, 0), |_| {}),
    ];
    smol::block_on(async {
        for (n, (version, mode)) in (1..).zip(cases) {
            let lms = Ipv4Addr::new(127, 21, 0, n);
            let former = World::new().await;
            let device = found(&former, version, mode, lms).await;
            let before = device.truth();

            // The deployment that adopts it knows nothing: another store, another authority.
            let fresh = World::new().await;
            let new = World { store: Arc::clone(&fresh.store), ..former };
            let said = provision(new.deployment(ours(version, THEIRS)).await, &device).await;
            let said = said.unwrap_or_else(|error| panic!("AMT {version}: {error}")).to_string();
            assert!(said.contains("ACM") && said.contains("adopted"), "AMT {version}: {said}");

            let truth = device.truth();
            assert_eq!(truth.mode, ControlMode::Admin, "AMT {version}");
            assert!(!truth.admin_password_is(THEIRS), "AMT {version}: the old password is gone");
            assert_ne!(truth.shown_key, before.shown_key, "AMT {version}: another key");
            assert_eq!(truth.counters.setups, before.counters.setups, "AMT {version}: it was not set up again");
            let known = new.store.load(&Tenant::default(), truth.uuid).await.expect("readable").expect("stored");
            let record = known.record();
            let pin = record.pins.confirmed.expect("a confirmed pin");
            assert_eq!((pin.spki, pin.provenance), (truth.shown_key, Provenance::Adopted), "AMT {version}");
            assert_eq!(record.origin, Origin::Adopted, "AMT {version}");
            let admin = record.admin.confirmed().expect("a confirmed password");
            let password = new.store.password(&Tenant::default(), truth.uuid, Account::Admin, admin.id).await;
            assert!(truth.admin_password_is(password.expect("stored").expose()), "AMT {version}");
            assert!(!admin.exposed, "AMT {version}: what was used on an unproven channel does not stay");
            device.stop().await;
        }
    });
}

#[test]
fn a_wrong_password_of_the_operators_changes_nothing_and_the_default_refuses() {
    smol::block_on(async {
        let version = AmtVersion::new(18, 0);
        let lms = Ipv4Addr::new(127, 21, 1, 1);
        let former = World::new().await;
        let device = found(&former, version, |_| {}, lms).await;
        let before = device.truth();
        let fresh = World::new().await;
        let new = World { store: Arc::clone(&fresh.store), ..former };
        for (profile, words) in [
            (ours(version, "N0t-the-0ne!"), "the server has no password that it takes"),
            (World::profile(version, open(|_| {})), "was not provisioned from here"),
        ] {
            let said = provision(new.deployment(profile).await, &device).await.expect_err("a refusal").to_string();
            assert!(said.contains(words), "{said}");
            let truth = device.truth();
            assert_eq!((truth.mode, truth.shown_key), (before.mode, before.shown_key));
            assert!(truth.admin_password_is(THEIRS));
            let known = new.store.load(&Tenant::default(), truth.uuid).await.expect("readable");
            assert!(known.is_none(), "nothing is stored");
        }
        device.stop().await;
    });
}
