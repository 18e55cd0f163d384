//! Where bytes do go by in clear: flow B before its port switch. What is seen there is the one-off password, which also
//! shows that the search for secrets finds what is there.

use amt_provision::fsm::policy::FlowB;
use amt_provision::fsm::record::{PasswordId, Provenance};
use amt_provision::store::Account;

use super::canary;
use super::script::Trick;
use super::tricks::meddle;
use super::world::{World, uuid};

#[test]
fn g1_in_flow_b_a_relay_sees_the_one_off_password_and_never_the_profiles_own() {
    smol::block_on(async {
        let world = World::new().await;
        let mut profile = world.profile();
        (profile.profile.flow_b, profile.profile.minimum) = (FlowB::Allowed, Provenance::FirstUse);
        let deployment = world.deployment(profile).await;
        let test = async |server| {
            let device = world.start(&world.config(18, uuid(1))).await;
            let seen = meddle(server, &device, Trick::Honest).await;
            let (truth, record) = (device.truth(), world.record(uuid(1)).await.expect("stored"));
            let once = record.admin.iter().find(|password| password.exposed).map_or(PasswordId(0), |it| it.id);
            let given_away = world.password(uuid(1), Account::Admin, once).await;
            let found = canary::found(&seen.bytes, &given_away, &truth.realm);
            assert!(found.contains(&"HA1 in hex"), "Setup goes by in clear: {found:?}, {:?}", seen.last);
            for password in [canary::ADMIN, canary::MEBX] {
                assert!(canary::found(&seen.bytes, password, &truth.realm).is_empty(), "{password} went by");
            }
            let admin = record.admin.confirmed().expect("a confirmed password");
            assert!(!admin.exposed && truth.admin_password_is(canary::ADMIN), "what was given away is replaced");
            assert!(!truth.mebx_password_is(canary::MEBX), "G1: nobody vouched for this key");
        };
        world.beside(deployment, test).await;
    });
}
