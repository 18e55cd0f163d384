//! The line is cut, and no TLS session is lost.

use futures_util::future::join_all;

use crate::cutter::{Cut, Cutter};
use crate::world::{Flow, Rig, play, start};

/// A generator of test data (xorshift).
fn roll(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// The relay's greeting and the server's.
const GREETINGS: usize = 2;

/// Every line ends behind the next frame, so between one end of the run and the other each message is once the last that
/// got through.
fn at_every_boundary(flow: Flow, places: [u8; 2]) {
    play(async {
        let whole = Rig::new(flow, places[0]).await;
        let undisturbed = whole.run(false, |_| Cut::Never).await;
        whole.assert_acm(&undisturbed);

        let rig = Rig::new(flow, places[1]).await;
        let ran = rig.run(false, |_| Cut::BehindMessages(GREETINGS + 1)).await;
        rig.assert_acm(&ran);
        println!(
            "flow {flow:?}: {} messages, {} TLS sessions undisturbed; {} lines, {} TLS sessions cut",
            undisturbed.passed.messages, undisturbed.handshakes, ran.passed.connections, ran.handshakes
        );
        assert!(ran.passed.connections > 20, "{:?}", ran.passed);
        assert_eq!((ran.handshakes, ran.connections), (undisturbed.handshakes, undisturbed.connections));
        assert!(ran.seen.iter().any(|line| line.contains("is back, the run goes on")), "{:#?}", ran.seen);
    });
}

#[test]
fn flow_a_loses_no_tls_session_when_the_websocket_is_cut_at_every_message() {
    at_every_boundary(Flow::A, [1, 2]);
}

#[test]
fn flow_b_loses_no_tls_session_when_the_websocket_is_cut_at_every_message() {
    at_every_boundary(Flow::B, [3, 4]);
}

#[test]
fn no_tls_session_is_lost_when_the_connection_is_cut_at_any_byte() {
    play(async {
        let runs = (5..13).map(async |place| {
            let rig = Rig::new(Flow::A, place).await;
            // The first run is left alone.
            let ran = rig
                .run(false, move |number| {
                    let mut state = 0x9E37_79B9 * ((u64::from(place) << 16) | (number as u64 + 1));
                    let bytes = (0..4).map(|_| roll(&mut state)).last().expect("four") % 12_000;
                    if place == 5 { Cut::Never } else { Cut::BehindBytes(bytes as usize) }
                })
                .await;
            rig.assert_acm(&ran);
            assert!(place == 5 || ran.passed.connections > 2, "{:?}", ran.passed);
            (ran.handshakes, ran.connections)
        });
        let counted = join_all(runs).await;
        assert!(counted.iter().all(|count| *count == counted[0]), "{counted:?}");
    });
}

#[test]
fn a_relay_whose_server_was_started_anew_probes_again_and_ends_well() {
    play(async {
        let rig = Rig::new(Flow::A, 20).await;
        let (first, serving) = start(rig.deployment().await).await;
        let (second, _serving) = start(rig.deployment().await).await;
        let serving = std::sync::Mutex::new(Some(serving));
        let cutter =
            Cutter::start(first, |number| if number == 0 { Cut::BehindMessages(30) } else { Cut::Never }).await;
        let relaying = rig.ends(rig.relay(cutter.address), &cutter);
        let restart = async {
            while cutter.passed().messages < 30 {
                smol::Timer::after(std::time::Duration::from_millis(2)).await;
            }
            cutter.lead_to(second);
            drop(serving.lock().expect("no panic").take());
            smol::future::pending().await
        };
        let ran = smol::future::or(relaying, restart).await;
        rig.assert_acm(&ran);
        assert!(ran.seen.iter().any(|line| line.contains("has forgotten this run")), "{:#?}", ran.seen);
    });
}
