//! Both flows to ACM, over LMS and over LME, and what that takes.

use amt_provision::fsm::time::Millis;
use amt_provision::relay::sequential::Timing;
use amt_provision::simulator::config::{ConnectionHabit, DeviceConfig};
use amt_provision::simulator::firmware::Action;
use futures_util::future::join_all;

use crate::world::{Run, World, scaled};

/// A device, and the relay's way to it.
type Case = (u16, &'static str, Timing);

/// Takes all of them to ACM at once.
async fn to_acm(world: &World, first: u8, cases: &[Case], change: impl Fn(&mut DeviceConfig) + Copy) -> Vec<Run> {
    join_all((first..).zip(cases).map(|(number, &(major, persona, timing))| async move {
        let configure = |config: &mut DeviceConfig| {
            config.persona = persona.parse().expect("a persona of that name");
            change(config);
        };
        let device = world.device(number, major, configure).await;
        let run = world.to_acm(&device, device.address(), scaled(timing)).await;
        device.stop().await;
        run
    }))
    .await
}

#[test]
fn both_flows_come_to_acm_over_lms_and_over_lme_whatever_the_firmware_drops() {
    smol::block_on(async {
        let cases = [
            (19, "drops-listed", Timing::LMS),
            (19, "drops-odca", Timing::LMS),
            (19, "drops-unlisted", Timing::LMS),
            (20, "mebx-first", Timing::LMS),
            (16, "keeps-session", Timing::LMS),
            (19, "drops-listed", Timing::LME),
            (21, "keeps-session", Timing::LME),
            (18, "keeps-session", Timing::LME),
        ];
        to_acm(&World::new().await, 0, &cases, |_| {}).await;
    });
}

/// Each round behind a message costs 2.0 s with rpc-go's own windows, so these figures are its minutes.
#[test]
fn no_more_is_asked_than_the_way_to_acm_takes_and_a_tls_session_is_kept_while_it_lasts() {
    smol::block_on(async {
        let cases =
            [(19, "keeps-session", Timing::LMS), (19, "drops-listed", Timing::LMS), (18, "keeps-session", Timing::LMS)];
        let runs = to_acm(&World::new().await, 40, &cases, |_| {}).await;
        let taken: Vec<_> = runs.iter().map(|run| (run.requests, run.handshakes)).collect();
        // The profile takes keys that nobody vouches for, so in flow A as well the first password is replaced (G1).
        assert_eq!(taken, [(55, 3), (74, 7), (56, 2)], "requests and handshakes");
        for run in runs {
            // Each request is one message, and each handshake two (TLS 1.2) besides the first request; then there are
            // port switches, tries at a port that is away, empty messages and the last word.
            let said = run.requests + 2 * run.handshakes + 1;
            let tries = 2 * 15 * run.handshakes;
            assert!((said..said + tries).contains(&run.sent.messages), "{} messages for {said}", run.sent.messages);
        }
    });
}

#[test]
fn a_device_that_closes_behind_each_challenge_comes_to_acm() {
    smol::block_on(async {
        let cases = [(19, "keeps-session", Timing::LMS), (18, "keeps-session", Timing::LME)];
        let habit = |config: &mut DeviceConfig| config.connections = ConnectionHabit::AfterRefusals;
        to_acm(&World::new().await, 50, &cases, habit).await;
    });
}

#[test]
fn an_answer_behind_the_window_is_asked_for_and_comes() {
    smol::block_on(async {
        let cases = [(19, "keeps-session", Timing::LMS), (19, "keeps-session", Timing::LME)];
        let slow = |config: &mut DeviceConfig| {
            config.timings.slow.insert(Action::GENERATE_KEY_PAIR, Millis(1000));
        };
        for run in to_acm(&World::new().await, 60, &cases, slow).await {
            assert!(run.elapsed.as_millis() > 2500, "it was silent for longer than the relay read: {:?}", run.elapsed);
            // Half of what the request's own deadline would have taken.
            assert!(run.elapsed.as_secs() < 60, "{:?}", run.elapsed);
        }
    });
}
