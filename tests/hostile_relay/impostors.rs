//! A relay that plays the device itself, puts another one in its place, or lies about what it is.

use std::net::Ipv4Addr;

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::protocol::DeviceReport;
use amt_provision::simulator::identity::{
    ChainShape, Identity, SimulatorAuthority, Subject, generate_p384_key, generate_rsa_key,
};

use crate::patience::in_time;

use super::canary;
use super::impostor::{Conduct, Impostor};
use super::meddler::Meddler;
use super::script::{Seen, Trick};
use super::tricks::judge;
use super::world::{World, report, uuid};

/// Connections after which a relay that fails with all of them leaves.
const ENOUGH: usize = 5;

#[test]
fn g4_a_relay_that_plays_the_device_with_a_key_of_its_own_gets_no_request() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let own = generate_rsa_key().expect("a key");
        let elsewhere = SimulatorAuthority::generate().expect("another authority");
        let shape = ChainShape::default();
        let genuine = world.authority.device(&shape).expect("a chain");
        let audit_log = ChainShape { leaf: Subject::named("AMT AuditL"), ..shape.clone() };
        let self_signed = Identity::self_signed(own).expect("a certificate");
        let cases = [
            ("self-signed", self_signed),
            ("under another authority", elsewhere.device(&shape).expect("a chain")),
            ("a genuine chain and a key of its own", Identity::new(generate_p384_key().expect("a key"), genuine.chain)),
            ("genuine, but not AMT's", world.authority.device(&audit_log).expect("a chain")),
        ];
        let test = async |server| {
            let device = world.start(&world.config(19, uuid(1))).await;
            let claim = report(&device).await;
            for (case, identity) in cases {
                let address = world.address();
                let identity = identity.certified_key().expect("a key that signs");
                let answer = |_: usize, _: &str| b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
                let impostor = Impostor::start(address, &identity, Conduct::Answers(answer)).await;
                let (report, dial) = (claim.clone(), &|_| address);
                let meddler = Meddler { server, report, dial, trick: Trick::Honest, connections: ENOUGH };
                let seen = in_time(meddler.run()).await;
                assert!(impostor.heard().is_empty(), "{case}: it was asked something");
                match &seen.last {
                    Some(Err(told)) => assert!(told.contains("somebody may be in between"), "{case}: {told}"),
                    // A broken signature is a broken handshake, and is tried until the relay leaves.
                    other => assert!(other.is_none() && case.contains("a key of its own"), "{case}: {other:?}"),
                }
                assert!(world.record(uuid(1)).await.is_none(), "{case}: something is stored");
            }
            let said = world.relay(server, &device, device.address()).await.expect("an honest relay succeeds");
            judge(&world, &device, &Seen { last: Some(Ok(said)), ..Seen::default() }, "afterwards").await;
        };
        world.beside(deployment, test).await;
    });
}

/// The connections from the `n`th on go to another device.
#[test]
fn g5_a_relay_that_puts_another_genuine_device_in_its_place_takes_nothing_from_one_to_the_other() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let test = async |server| {
            for n in 0..4_u8 {
                let [mine, other] = [uuid(10 + n), uuid(20 + n)];
                let device = world.start(&world.config(19, mine)).await;
                let second = world.start(&world.config(19, other)).await;
                let addresses = [device.address(), second.address()];
                let dial = &|number: usize| addresses[usize::from(number >= usize::from(n))];
                let report = report(&device).await;
                let meddler = Meddler { server, report, dial, trick: Trick::Honest, connections: 40 };
                let seen = in_time(meddler.run()).await;
                let case = format!("another device from connection {n} on");
                let told = seen.last.clone().expect("an end").expect_err("no success");
                let blamed = told.contains("announced")
                    || told.contains("another device")
                    || told.contains("silicon")
                    || told.contains("in between");
                assert!(blamed, "{case}: {told}");
                judge(&world, &device, &seen, &case).await;
                let truth = second.truth();
                assert_eq!(truth.mode, ControlMode::PreProvisioning, "{case}: the second one was provisioned");
                assert!(!truth.admin_password_is(canary::ADMIN), "{case}");
                assert!(world.record(other).await.is_none(), "{case}: the second one is stored");
                for device in [device, second] {
                    let said = world.relay(server, &device, device.address()).await;
                    let said = said.unwrap_or_else(|error| panic!("G7, {case}: {error}"));
                    judge(&world, &device, &Seen { last: Some(Ok(said)), ..Seen::default() }, &case).await;
                }
            }
        };
        world.beside(deployment, test).await;
    });
}

#[test]
fn g5_a_relay_that_lies_about_version_tls_or_mode_gains_nothing() {
    type Lie = fn(&mut DeviceReport);
    let refused: [(&str, Lie, &str); 4] = [
        ("no TLS", |it| it.tls_enforced = false, "claims to have none"),
        ("old and no TLS", |it| (it.version, it.tls_enforced) = (AmtVersion::new(16, 1), false), "flow_b"),
        ("another UUID", |it| it.uuid = uuid(99), "answered"),
        ("the UUID of nobody", |it| it.uuid = uuid(98), "answered"),
    ];
    let harmless: [(&str, Lie); 4] = [
        ("in ACM", |it| it.control_mode = ControlMode::Admin),
        ("in CCM", |it| it.control_mode = ControlMode::Client),
        ("another account", |it| it.username = "admin".into()),
        ("older", |it| it.version = AmtVersion::new(12, 0)),
    ];
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let test = async |server| {
            let device = world.start(&world.config(19, uuid(1))).await;
            let address: Ipv4Addr = device.address();
            let honest = report(&device).await;
            let claim = async |lie: Lie| {
                let mut report = honest.clone();
                lie(&mut report);
                let dial = &|_| address;
                in_time(Meddler { server, report, dial, trick: Trick::Honest, connections: 40 }.run()).await
            };
            for (case, lie, reason) in refused {
                let seen = claim(lie).await;
                let told = seen.last.clone().expect("an end").expect_err("no success");
                assert!(told.contains(reason), "{case}: {told}");
                for stored in [1, 98, 99] {
                    assert!(world.record(uuid(stored)).await.is_none(), "{case}: something is stored");
                }
                judge(&world, &device, &seen, case).await;
            }
            for (case, lie) in harmless {
                judge(&world, &device, &claim(lie).await, case).await;
            }
            let said = world.relay(server, &device, address).await.expect("an honest relay succeeds");
            judge(&world, &device, &Seen { last: Some(Ok(said)), ..Seen::default() }, "afterwards").await;
        };
        world.beside(deployment, test).await;
    });
}
