//! A relay that alters, reorders, replays, truncates or injects bytes gets neither a secret nor a false success, and
//! the device that it bothered is not lost.

use std::net::SocketAddr;

use amt_provision::fsm::firmware::ControlMode;
use amt_provision::fsm::record::Provenance;
use amt_provision::simulator::running::SimulatedDevice;
use amt_provision::store::Account;
use futures_util::StreamExt;

use crate::patience::in_time;

use super::canary;
use super::meddler::Meddler;
use super::records::{Spot, Way, What};
use super::script::{Saying, Seen, Trick};
use super::world::{World, report, uuid};

/// Runs at a time.
const ABREAST: usize = 4;

pub(crate) async fn meddle(server: SocketAddr, device: &SimulatedDevice, trick: Trick) -> Seen {
    let report = report(device).await;
    let dial = &|_| device.address();
    // One that never lets anything through leaves after a few connections.
    let connections = if matches!(trick, Trick::Ever(..)) { 8 } else { 40 };
    in_time(Meddler { server, report, dial, trick, connections }.run()).await
}

/// What must hold after whatever a relay did to a device.
pub(crate) async fn judge(world: &World, device: &SimulatedDevice, seen: &Seen, case: &str) {
    let truth = device.truth();
    for password in [canary::ADMIN, canary::MEBX] {
        let found = canary::found(&seen.bytes, password, &truth.realm);
        assert!(found.is_empty(), "G1, {case}: {found:?} of {password} went by");
    }
    let counters = truth.counters;
    assert!(counters.repeated == 0 && counters.setups <= 1 && counters.upgrades <= 1, "G6, {case}: {counters:?}");
    let Some(record) = world.record(truth.uuid).await else {
        assert!(!matches!(seen.last, Some(Ok(_))), "{case}: success, and nothing is stored");
        assert_eq!(truth.mode, ControlMode::PreProvisioning, "G2, {case}: nothing is stored");
        return;
    };
    assert!(record.rom_ca.is_none_or(|rom_ca| rom_ca == truth.rom_ca), "G5, {case}: another silicon is enrolled");
    if let Some(pin) = record.pins.confirmed {
        assert_eq!(pin.spki, truth.shown_key, "G3, {case}: a pin is confirmed that the device does not show");
        assert!(pin.provenance >= Provenance::OdcaInterim, "G4, {case}: {pin:?}");
    }
    if let Some(password) = record.admin.confirmed() {
        let text = world.password(truth.uuid, Account::Admin, password.id).await;
        assert!(truth.admin_password_is(&text), "G7, {case}: the confirmed password is not the device's");
    }
    match &seen.last {
        Some(Ok(said)) => {
            assert!(said.contains("ACM"), "{case}: {said}");
            assert_eq!(truth.mode, ControlMode::Admin, "{case}: success, and the device is in {:?}", truth.mode);
            assert!(record.pins.confirmed.is_some() && truth.admin_password_is(canary::ADMIN), "{case}");
            assert!(truth.mebx_password_is(canary::MEBX), "{case}");
        }
        Some(Err(said)) => assert!(!said.is_empty(), "{case}: no reason"),
        None => {}
    }
}

/// One device under one trick; then, if that did not end well, with an honest relay.
async fn bother(world: &World, server: SocketAddr, n: u8, major: u16, trick: Trick) -> Seen {
    let case = format!("AMT {major}, {trick:?}");
    let device = world.start(&world.config(major, uuid(n))).await;
    let seen = meddle(server, &device, trick).await;
    judge(world, &device, &seen, &case).await;
    if !matches!(seen.last, Some(Ok(_))) {
        let said = world.relay(server, &device, device.address()).await;
        let said = said.unwrap_or_else(|error| panic!("G7, {case}: {:?}, and then {error}", seen.last));
        judge(world, &device, &Seen { last: Some(Ok(said)), ..Seen::default() }, &case).await;
    }
    device.stop().await;
    seen
}

/// Plays `tricks` on devices of that version.
async fn play(major: u16, tricks: impl FnOnce(&Seen) -> Vec<Trick>) {
    let world = World::new().await;
    let deployment = world.deployment(world.profile()).await;
    let test = async |server| {
        let honest = bother(&world, server, 1, major, Trick::Honest).await;
        assert!(matches!(honest.last, Some(Ok(_))), "{:?}", honest.last);
        let tricks = tricks(&honest);
        let count = tricks.len();
        let runs = (2..).zip(tricks).map(|(n, trick)| {
            let world = &world;
            async move { (trick, bother(world, server, n, major, trick).await) }
        });
        let seen: Vec<_> = futures_util::stream::iter(runs).buffer_unordered(ABREAST).collect().await;
        let unplayed: Vec<_> = seen.iter().filter(|(_, seen)| !seen.played).map(|(trick, _)| trick).collect();
        assert!(unplayed.len() * 10 <= count, "tricks that were not played: {unplayed:?}");
    };
    world.beside(deployment, test).await;
}

/// Places in the run: every record of the first handshakes, and then some up to its end.
fn places(honest: &Seen, way: Way, step: usize) -> impl Iterator<Item = usize> {
    let count = honest.records[way as usize];
    (0..4).chain((4..count).step_by(step))
}

const NEWS: [What; 5] = [
    What::Inject(b"\x15\x03\x03\x00\x02\x01\x00"),
    What::Inject(b"\x15\x03\x03\x00\x02\x02\x28"),
    What::Inject(b"\x17\x03\x03\x00\x20 0123456789abcdef0123456789abcde"),
    What::Inject(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    What::Reflect,
];

const ORDER: [What; 6] = [What::Swap, What::Twice, What::Again(1), What::Again(3), What::Cut, What::Drop];

const FLIPS: [Spot; 6] = [Spot::Type, Spot::Version, Spot::Length, Spot::First, Spot::Middle, Spot::Last];

/// Each of `whats` somewhere along the run, and all along the run one of `whats`.
fn along(honest: &Seen, step: usize, whats: &[What]) -> Vec<Trick> {
    let ways = [Way::ToDevice, Way::ToServer].into_iter();
    let places = ways.flat_map(|way| places(honest, way, step).map(move |at| (way, at)));
    places.zip(whats.iter().cycle()).map(|((way, at), what)| Trick::Record(way, at, *what)).collect()
}

#[test]
fn g1_g4_a_relay_that_alters_bytes_gets_no_secret_and_no_success_that_is_none() {
    smol::block_on(async {
        for major in [19, 21] {
            play(major, |honest| along(honest, 9, &FLIPS.map(What::Flip))).await;
        }
    });
}

#[test]
fn g1_g4_a_relay_that_reorders_replays_drops_or_truncates_gets_no_secret_and_no_success_that_is_none() {
    smol::block_on(async {
        for major in [19, 21] {
            play(major, |honest| along(honest, 9, &ORDER)).await;
        }
    });
}

#[test]
fn g1_g4_a_relay_that_injects_or_reflects_bytes_gets_no_secret_and_no_success_that_is_none() {
    smol::block_on(async {
        for major in [19, 21] {
            play(major, |honest| along(honest, 12, &NEWS)).await;
        }
    });
}

#[test]
fn g4_a_relay_that_alters_everything_from_somewhere_on_gets_nowhere_and_the_next_honest_one_goes_on() {
    smol::block_on(async {
        let world = World::new().await;
        let deployment = world.deployment(world.profile()).await;
        let test = async |server| {
            let whats = [What::Flip(Spot::Last), What::Flip(Spot::First), What::Drop, What::Twice, What::Reflect];
            let ways = [Way::ToDevice, Way::ToServer].into_iter().cycle();
            for (n, (what, way)) in (1..).zip(whats.into_iter().cycle().zip(ways)).take(10) {
                let trick = Trick::Ever(way, usize::from(n - 1) * 6, what);
                let seen = bother(&world, server, n, 19, trick).await;
                assert!(seen.played && !matches!(seen.last, Some(Ok(_))), "{trick:?}: {:?}", seen.last);
            }
        };
        world.beside(deployment, test).await;
    });
}

#[test]
fn g1_g4_a_relay_that_lies_at_a_port_switch_gets_no_secret_and_no_success_that_is_none() {
    use Saying::{AckTwice, EarlyBytes, HelloAgain, OldBytes, ResetTwice};
    smol::block_on(play(19, |honest| {
        let sayings = [AckTwice, EarlyBytes, HelloAgain, OldBytes, ResetTwice].into_iter();
        let switches = honest.switches.min(3);
        sayings.flat_map(|saying| (0..switches).map(move |at| Trick::Switch(at, saying))).collect()
    }));
}
