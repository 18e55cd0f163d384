//! Where each device comes to, by its persona and by the profile's word.

use super::*;

#[test]
fn every_persona_comes_to_acm_with_the_provenance_that_its_sessions_had() {
    let expected = [
        ("keeps-session", Provenance::Odca),
        ("drops-odca", Provenance::Odca),
        ("drops-listed", Provenance::OdcaInterim),
        ("mebx-first", Provenance::OdcaInterim),
        ("drops-unlisted", Provenance::Provisional),
        ("amt-12", Provenance::FirstUse),
        ("amt-14", Provenance::FirstUse),
        ("amt-16", Provenance::FirstUse),
        ("amt-18", Provenance::FirstUse),
        ("found-in-ccm", Provenance::FirstUse),
        ("found-in-acm", Provenance::FirstUse),
        ("found-with-tls", Provenance::Adopted),
    ];
    for (persona, provenance) in expected {
        let mut bench = bench(persona, profile());
        let Outcome::Configured { mode, pin, short_of: None } = run(&mut bench) else {
            panic!("{persona}: {:?}", bench.outcome())
        };
        assert_eq!((mode, pin.provenance), (ControlMode::Admin, provenance), "{persona}");
    }
    assert_eq!(expected.len(), Persona::ALL.len(), "a persona without an expectation");
}

#[test]
fn a_first_use_pin_stays_in_ccm_unless_the_profile_trusts_it() {
    let cautious = Profile { first_use: FirstUseTrust::NotTrusted, ..profile() };
    let outcome = run(&mut bench("amt-16", cautious));
    let Outcome::Configured { mode, short_of, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((mode, short_of), (ControlMode::Client, Some(ShortOf::FirstUseNotTrusted)));
}

#[test]
fn a_profile_that_demands_more_refuses_an_unvouched_key_and_keeps_the_device() {
    let strict = Profile { minimum: Provenance::OdcaInterim, ..profile() };
    let mut bench = bench("drops-unlisted", strict);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeKey(_)))), "{outcome:?}");
    assert_eq!(stored(&bench).admin.current().map(|password| password.id), bench.device.truth().admin);
}

#[test]
fn flow_b_is_off_for_unknown_devices_unless_the_profile_allows_it() {
    let outcome = run(&mut bench("amt-16", Profile { flow_b: FlowB::Refused, ..profile() }));
    assert!(matches!(outcome, Outcome::Failed(Fault::Operator(Operator::FlowBOff(_)))), "{outcome:?}");
}

#[test]
fn g1_a_password_that_was_given_away_does_not_stay() {
    for persona in ["amt-16", "drops-unlisted"] {
        let mut bench = bench(persona, profile());
        run(&mut bench);
        let confirmed = *stored(&bench).admin.confirmed().expect("a confirmed password");
        assert!(!confirmed.exposed, "{persona}: {confirmed:?}");
        assert_ne!(confirmed.id.0, 0, "{persona}: the one-off was replaced");
    }
}

/// Found by the byte world: after our own `Unprovision` the plain port was asked with the password that stays, and what
/// `Setup` had set over ODCA was used over a key that nobody vouches for. A profile may have fixed both for the fleet.
#[test]
fn g1_a_password_that_is_kept_is_never_used_where_it_would_be_given_away() {
    let mut bench = bench("amt-16", profile());
    run(&mut bench);
    let kept = *stored(&bench).admin.confirmed().expect("a confirmed password");
    bench.order(Order::Deactivate);
    assert_eq!(run(&mut bench), Outcome::Unprovisioned);
    assert_eq!(stored(&bench).admin.get(kept.id).map(|password| password.exposed), Some(false));

    let minimum = |minimum| Profile { adopt: Adopt::Refused, minimum, ..profile() };
    for (minimum, one_off) in [(minimum(Provenance::Provisional), true), (minimum(Provenance::OdcaInterim), false)] {
        let mut bench = self::bench("drops-unlisted", minimum);
        run(&mut bench);
        let first = *stored(&bench).admin.iter().next().expect("the password of Setup");
        assert_eq!(first.exposed, one_off);
    }
}

#[test]
fn a_device_in_ccm_is_taken_to_acm_by_another_profile_later() {
    for persona in ["drops-listed", "amt-16"] {
        let mut bench = bench(persona, Profile { goal: Goal::Client, ..profile() });
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Client, .. }), "{persona}");
        let pin = stored(&bench).pins.confirmed;
        bench.wanted(profile());
        bench.order(Order::Provision);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{persona}");
        assert_eq!(stored(&bench).pins.confirmed, pin, "the same key");
    }
}
