//! Flow A on real sockets: a simulated device behind LMS and MEI, our relay, our server, SQLite.

mod certificate;
#[path = "../provisioning/mod.rs"]
mod provisioning;

use std::net::Ipv4Addr;
use std::sync::Arc;

use amt_provision::config::CrlSource;
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::FirstUseTrust;
use amt_provision::fsm::record::Provenance;
use amt_provision::pki::odca::revocation::RevocationPolicy;
use amt_provision::server::CrlDirectory;
use amt_provision::simulator::revocation::{INDIRECT_LIST, ListShape, ROOT_LIST};
use amt_provision::store::{Store, Tenant};

use provisioning::{World, provision};

#[test]
fn every_persona_of_amt_19_to_21_comes_to_acm_and_the_store_agrees_with_the_device() {
    let cases = [
        ("keeps-session", 19, Provenance::Odca, FirstUseTrust::NotTrusted),
        ("drops-listed", 20, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("drops-odca", 21, Provenance::Odca, FirstUseTrust::NotTrusted),
        ("drops-unlisted", 19, Provenance::Provisional, FirstUseTrust::Trusted),
        ("drops-v1", 19, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("mebx-first", 21, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("delivers-listed", 20, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("tls-already-on", 19, Provenance::Provisional, FirstUseTrust::Trusted),
    ];
    smol::block_on(async {
        let world = World::new().await;
        for (n, (persona, major, provenance, first_use)) in cases.into_iter().enumerate() {
            let n = u8::try_from(n).expect("few cases");
            let uuid = Uuid::from_bytes([n + 1; 16]).expect("no placeholder");
            let config = world.device(AmtVersion::new(major, 0), persona, uuid);
            let lms = Ipv4Addr::new(127, 19, 0, n + 1);
            let device = world.comes_to_acm(&config, lms, provenance, |profile| profile.first_use = first_use).await;
            assert_eq!(device.traffic().plain_requests, 0, "{persona}");
            device.stop().await;
        }
    });
}

#[test]
fn a_device_that_revocation_speaks_against_is_refused_untouched_and_let_in_once_the_lists_are_refreshed() {
    smol::block_on(async {
        let world = World::new().await;
        let uuid = Uuid::from_bytes([0x77; 16]).expect("no placeholder");
        let lms = Ipv4Addr::new(127, 19, 0, 77);
        let version = AmtVersion::new(19, 0);
        let device = world.start(&world.device(version, "keeps-session", uuid), lms).await;
        let crls = world.folder.path().join("crls");
        std::fs::create_dir(&crls).expect("a folder");
        let served = async |policy| {
            let deployment = world.deployment(World::profile(version, |_| {})).await;
            let deployment = Arc::into_inner(deployment).expect("nobody else has it");
            let source = CrlSource { policy, directory: crls.clone() };
            let directory = CrlDirectory::open(source, Arc::clone(&deployment.trust));
            Arc::new(deployment.with_revocation(directory))
        };
        let put = |name, shape: &ListShape| {
            let list =
                if name == ROOT_LIST { world.authority.root_list(shape) } else { world.authority.indirect_list(shape) };
            std::fs::write(crls.join(name), list.expect("a list")).expect("a file");
        };

        let required = served(RevocationPolicy::Required).await;
        let obeyed = served(RevocationPolicy::IfPresent).await;
        let revoking = ListShape::revoking([world.authority.intermediate().clone()]);
        for (deployment, list) in [(&required, None), (&obeyed, Some(&revoking))] {
            if let Some(list) = list {
                put(ROOT_LIST, list);
            }
            let said = provision(Arc::clone(deployment), &device).await.expect_err("a refusal").to_string();
            assert!(said.contains("the device is genuine, and revocation lists speak against it"), "{said}");
            assert_eq!(device.truth().mode, ControlMode::PreProvisioning);
            assert_eq!(device.truth().requests.values().sum::<u64>(), 0, "nothing was asked of it");
            assert!(world.store.load(&Tenant::default(), uuid).await.expect("readable").is_none(), "nothing is stored");
        }

        // The operator refreshes the folder: no restart.
        put(ROOT_LIST, &ListShape::default());
        put(INDIRECT_LIST, &ListShape { next_update: Some(rcgen::date_time_ymd(2020, 7, 1)), ..ListShape::default() });
        let said = provision(obeyed, &device).await.expect("success").to_string();
        assert!(said.contains("ACM"), "{said}");
        device.stop().await;
    });
}
