//! Devices that do not come to ACM: refused, worn, barred.

use super::*;

/// Found in the byte world: a limit that hit `Setup` or the step to ACM was told as the device's refusal, and a profile
/// that gives such devices back would have given this one back.
#[test]
fn flash_that_is_protected_against_wear_is_told_as_that_at_any_change_and_no_device_is_given_back_for_it() {
    let wear = Outcome::Failed(Fault::Operator(Operator::FlashWear));
    let mut bench = bench("drops-listed", Profile { without_acm: WithoutAcm::Unprovision, ..profile() });
    for stage in [StageName::Tunneling, StageName::Activated, StageName::CertReplaced, StageName::Acm] {
        bench.run_until(|bench| stands_at(bench, stage));
        bench.refuse_next_change(38);
        assert_eq!(run(&mut bench), wear, "{stage:?}");
        bench.order(Order::Provision);
    }
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(bench.device.counters().setup, 1, "it was never given back");
}

/// Firmware that takes nobody's chain: a firm no to the upgrade.
fn never_to_acm(bench: &mut Bench) {
    bench.device.persona.takes_no_chain = true;
}

#[test]
fn a_device_that_refuses_acm_stays_in_ccm_known_and_pinned_and_the_next_run_goes_on() {
    for persona in ["drops-listed", "amt-18"] {
        let mut bench = bench(persona, profile());
        never_to_acm(&mut bench);
        let outcome = run(&mut bench);
        assert!(matches!(outcome, Outcome::Failed(Fault::Peer(Peer::Refused { .. }))), "{persona}: {outcome:?}");
        assert_eq!(bench.device.truth().mode, ControlMode::Client, "{persona}");
        let pin = stored(&bench).pins.confirmed;
        assert!(pin.is_some(), "{persona}");
        bench.device.persona.takes_no_chain = false;
        bench.order(Order::Provision);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
        assert_eq!((stored(&bench).pins.confirmed, bench.device.counters().setup), (pin, 1), "{persona}");
    }
}

#[test]
fn a_device_that_refuses_acm_is_given_back_where_the_profile_says_so() {
    for persona in ["drops-listed", "amt-18", "keeps-session"] {
        let mut bench = bench(persona, Profile { without_acm: WithoutAcm::Unprovision, ..profile() });
        never_to_acm(&mut bench);
        let outcome = run(&mut bench);
        assert!(matches!(outcome, Outcome::Failed(Fault::Peer(Peer::Refused { .. }))), "{persona}: {outcome:?}");
        assert_eq!(bench.device.truth().mode, ControlMode::PreProvisioning, "{persona}");
        let record = stored(&bench);
        assert!(record.pins.confirmed.is_none() && !record.admin.is_empty(), "{persona}: its passwords are kept");
    }
}

fn barred() -> Profile {
    Profile { goal: Goal::Barred(ChainFlaw::Dates), ..profile() }
}

/// The device and the store of `before`, and a server whose chain the device does not take.
fn with_barred_chain(before: &Bench, persona: &str) -> Bench {
    let mut again = bench(persona, barred());
    again.device = before.device.clone();
    again.server.disk = before.server.disk.clone();
    again.order(Order::Provision);
    again
}

#[test]
fn a_chain_that_a_firmware_does_not_take_ends_the_run_before_the_device_is_touched() {
    let expected = Outcome::Failed(Operator::ProvisioningChain(ChainFlaw::Dates).into());
    for persona in ["keeps-session", "drops-listed", "amt-16"] {
        let untouched = bench(persona, profile()).device;
        let mut new = bench(persona, barred());
        assert_eq!(run(&mut new), expected, "{persona}");
        assert_eq!(new.device, untouched, "{persona}");
        assert_eq!(new.server.disk.record(), None, "{persona}");

        let mut in_ccm = bench(persona, Profile { goal: Goal::Client, ..profile() });
        run(&mut in_ccm);
        let mut again = with_barred_chain(&in_ccm, persona);
        assert_eq!(run(&mut again), expected, "{persona}");
        assert_eq!(again.device, in_ccm.device, "{persona}");
    }
}

#[test]
fn a_device_in_acm_needs_no_chain_and_can_be_taken_out_of_service_without_one() {
    let mut before = bench("keeps-session", profile());
    run(&mut before);
    let mut again = with_barred_chain(&before, "keeps-session");
    assert!(matches!(run(&mut again), Outcome::Configured { mode: ControlMode::Admin, .. }));
    again.order(Order::Deactivate);
    assert_eq!(run(&mut again), Outcome::Unprovisioned);
}

/// Where an upgrade is in doubt, a claim of ACM may be true and is not held against the relay.
#[test]
fn a_device_that_turns_out_to_be_in_ccm_does_not_get_a_chain_that_is_barred() {
    let mut before = bench("keeps-session", profile());
    before.run_until(|bench| bench.server.disk.record().is_some_and(|record| record.doubt == Some(Once::Upgrade)));
    let mut again = with_barred_chain(&before, "keeps-session");
    let claim = DeviceReport { mode: ControlMode::Admin, ..again.device.report() };
    again.server.begin(Instant::ZERO, barred(), Order::Provision, claim);
    // Not by `run`: the bench follows the edges of the runs that it began itself.
    let expected = Outcome::Failed(Operator::ProvisioningChain(ChainFlaw::Dates).into());
    assert_eq!(again.run(), Some(&expected));
    assert_eq!((again.device.truth().mode, again.device.counters().upgrade), (ControlMode::Client, 0));
}

/// The device never gets what is asked for by that name, as often as it is asked.
fn never_hears(bench: &mut Bench, name: &str) -> Outcome {
    each_step(bench, |bench, _| {
        bench.run_until(|bench| bench.asks(name));
        if bench.outcome().is_none() {
            bench.act(Action::Cut);
        }
    });
    run(bench)
}

#[test]
fn a_device_that_never_carries_the_upgrade_out_is_given_back_as_one_that_refuses_it() {
    let given_back = Profile { without_acm: WithoutAcm::Unprovision, ..profile() };
    for (profile, left_in) in [(given_back, ControlMode::PreProvisioning), (profile(), ControlMode::Client)] {
        let mut bench = bench("keeps-session", profile);
        let outcome = never_hears(&mut bench, Once::Upgrade.request_name());
        assert_eq!(outcome, Outcome::Failed(Fault::Peer(Peer::NeverApplied(Once::Upgrade.request_name()))));
        assert_eq!(bench.device.truth().mode, left_in);
    }
}

#[test]
fn a_device_that_refuses_something_else_in_ccm_is_not_given_back() {
    for persona in ["keeps-session", "amt-16"] {
        let mut bench = bench(persona, Profile { without_acm: WithoutAcm::Unprovision, ..profile() });
        bench.run_until(|bench| stands_at(bench, StageName::CertReplaced));
        each_step(&mut bench, |bench, next| {
            bench.refuse_next_change(1);
            bench.act(next);
        });
        let Outcome::Failed(Fault::Peer(Peer::Refused { request, .. })) = run(&mut bench) else {
            panic!("{persona}: {:?}", bench.outcome())
        };
        assert_ne!(request, Once::Upgrade.request_name(), "{persona}: the first refusal was of something else");
        assert_eq!(bench.device.truth().mode, ControlMode::Client, "{persona}: it keeps what it has");
    }
}

/// It may have been lost each time, or the relay keeps it from the device: what must not be repeated is not tried for ever.
#[test]
fn g6_what_a_device_never_carries_out_is_given_up_with_its_name() {
    for persona in ["keeps-session", "amt-16"] {
        let mut bench = bench(persona, profile());
        let outcome = never_hears(&mut bench, Once::Setup.request_name());
        assert_eq!(outcome, Outcome::Failed(Fault::Peer(Peer::NeverApplied(Once::Setup.request_name()))), "{persona}");

        bench.order(Order::Provision);
        run(&mut bench);
        let pins = stored(&bench).pins;
        bench.order(Order::Deactivate);
        let outcome = never_hears(&mut bench, Once::Unprovision.request_name());
        assert_eq!(
            outcome,
            Outcome::Failed(Fault::Peer(Peer::NeverApplied(Once::Unprovision.request_name()))),
            "{persona}"
        );
        assert_eq!(bench.device.truth().mode, ControlMode::Admin, "{persona}");
        assert_eq!(stored(&bench).pins, pins, "{persona}: it is what it was, and is held to what it showed");
    }
}

#[test]
fn a_firm_no_to_the_upgrade_is_none_to_being_given_back() {
    let mut bench = bench("keeps-session", Profile { without_acm: WithoutAcm::Unprovision, ..profile() });
    bench.run_until(|bench| bench.asks(Once::Upgrade.request_name()));
    bench.refuse_next_change(36);
    let Outcome::Failed(Fault::Peer(Peer::Refused { request, .. })) = run(&mut bench) else {
        panic!("{:?}", bench.outcome())
    };
    assert_eq!(request, Once::Upgrade.request_name());
    assert_eq!(bench.device.truth().mode, ControlMode::PreProvisioning);
}
