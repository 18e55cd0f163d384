//! G6 and G7: replies that are lost, servers that die, refusals that are none.

use amt_provision_fsm::time::Millis;

use super::*;

/// Found by the model checker's bench: every commit's reply was lost, and each was sent again until the
/// budget was gone.
#[test]
fn a_device_that_drops_every_reply_to_a_commit_is_provisioned_with_one_commit_a_step() {
    let mut bench = bench("drops-listed", profile());
    run(&mut bench);
    let commits = bench.device.counters().commits;
    assert_eq!(commits, 3, "after Setup, for the certificate, after the upgrade");
}

/// Found by the world: in ACM some firmware refuses every commit before it has a MEBx password, that of a
/// rotation too.
#[test]
fn a_rotation_in_acm_comes_after_what_its_commit_needs() {
    let mut bench = bench("mebx-first", profile());
    bench.run_until(|bench| stands_at(bench, StageName::Acm));
    bench.order(Order::Rotate);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert!(bench.device.truth().mebx.is_some());
}

#[test]
fn g6_setup_that_was_applied_unheard_is_seen_and_not_sent_again() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.device.truth().mode == ControlMode::Client);
    bench.act(Action::Cut);
    assert!(matches!(run(&mut bench), Outcome::Configured { .. }));
    assert_eq!(bench.device.counters().setup, 1);
}

#[test]
fn g7_a_server_that_dies_at_any_step_leaves_a_device_that_the_next_run_finishes() {
    for persona in Persona::ALL {
        let mut undisturbed = Bench::new(persona, profile(), Order::Provision, uuid());
        let mut steps = 0;
        each_step(&mut undisturbed, |bench, action| {
            bench.act(action);
            steps += 1;
        });
        for crash_after in 0..steps {
            let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
            for _ in 0..crash_after {
                let action = bench.next().next().expect("as undisturbed");
                bench.act(action);
            }
            bench.act(Action::Crash);
            let outcome = run(&mut bench);
            assert!(
                matches!(outcome, Outcome::Configured { mode: ControlMode::Admin, .. }),
                "{}, dead after {crash_after} of {steps} steps: {outcome:?}",
                persona.name
            );
        }
    }
}

/// Found in the byte world: the commit that was tried instead was taken for the one that brings 16993 up, and the run
/// waited for that port until its end.
#[test]
fn a_refusal_in_plain_text_that_a_commit_mends_does_not_close_the_plain_port() {
    for persona in ["amt-12", "amt-16", "amt-18"] {
        let mut bench = bench(persona, profile());
        bench.run_until(|bench| stands_at(bench, StageName::CertStaged));
        bench.refuse_next_change(1);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
    }
}

/// How long the port is waited for when what is asked by that name is lost and the device never answers again.
fn patience_behind(bench: &mut Bench, name: &str) -> Millis {
    bench.run_until(|bench| bench.asks(name));
    bench.act(Action::Cut);
    each_step(bench, |bench, next| match next {
        Action::Deliver if stands_at(bench, StageName::TcpOpen) => bench.act(Action::Cut),
        next => bench.act(next),
    });
    match run(bench) {
        Outcome::Failed(Fault::Link(Link::Deadline { after, .. })) => after,
        other => panic!("{name}: {other:?}"),
    }
}

/// The ME restarts behind each of them, and the port is away meanwhile (odca.md §2.4).
#[test]
fn g8_a_port_is_waited_for_longer_behind_what_restarts_the_firmware() {
    let asked = |name: &str| patience_behind(&mut bench("keeps-session", profile()), name);
    for name in
        [Once::Setup.request_name(), Once::Upgrade.request_name(), "AMT_SetupAndConfigurationService.CommitChanges"]
    {
        assert_eq!(asked(name), deadline::PORT_BACK, "{name}");
    }
    assert_eq!(asked("AMT_GeneralSettings.Get"), deadline::OPEN, "nothing was changed");

    // The first change of a pinned session in flow B is another password; of an order to leave, Unprovision.
    let mut bench = bench("amt-16", profile());
    bench.run_until(|bench| stands_at(bench, StageName::CertReplaced));
    bench.act(Action::Crash);
    let password = "AMT_AuthorizationService.SetAdminAclEntryEx";
    assert_eq!(patience_behind(&mut bench, password), deadline::PORT_BACK);
    bench.order(Order::Provision);
    run(&mut bench);
    bench.order(Order::Deactivate);
    assert_eq!(patience_behind(&mut bench, Once::Unprovision.request_name()), deadline::PORT_BACK);
}

/// "Not applied" counts only where the request was not sent: the device is looked at over another channel first.
#[test]
fn g6_what_was_refused_once_is_asked_again_over_another_channel_only() {
    let channel = |bench: &Bench| bench.server.run.as_ref().and_then(|run| run.channel());
    let setup = Once::Setup.request_name();
    for persona in ["keeps-session", "amt-16"] {
        let mut bench = bench(persona, profile());
        bench.run_until(|bench| bench.asks(setup));
        let first = channel(&bench);
        bench.refuse_next_change(1);
        bench.act(Action::Deliver);
        bench.run_until(|bench| bench.asks(setup));
        assert_ne!(channel(&bench), first, "{persona}");
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
    }
}

/// Found by the world: between two changes a loss would leave a pin without the doubt that explains why the device no
/// longer shows it.
#[test]
fn g7_that_a_device_has_left_is_written_down_together_with_the_end_of_its_pin() {
    for persona in ["keeps-session", "amt-16"] {
        let mut bench = bench(persona, profile());
        run(&mut bench);
        bench.order(Order::Deactivate);
        let mut before = stored(&bench);
        each_step(&mut bench, |bench, next| {
            bench.act(next);
            let now = stored(bench);
            if before.doubt == Some(Once::Unprovision) && now.doubt.is_none() {
                assert_eq!(now.pins.confirmed, None, "{persona}");
            }
            before = now;
        });
        assert_eq!((run(&mut bench), before.doubt), (Outcome::Unprovisioned, None), "{persona}");
    }
}
