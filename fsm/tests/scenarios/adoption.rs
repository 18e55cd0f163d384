//! Devices that somebody else provisioned.

use super::*;

#[test]
fn a_foreign_device_is_left_alone() {
    let mut bench = bench("keeps-session", Profile { adopt: Adopt::Refused, ..profile() });
    run(&mut bench);
    // Another deployment, with an empty disk, meets the same device.
    bench.server.disk = amt_provision_fsm::sim::Disk::new(uuid());
    let before = bench.device.counters();
    bench.order(Order::Provision);
    let outcome = bench.run();
    assert!(matches!(outcome, Some(Outcome::Failed(_))), "{outcome:?}");
    assert_eq!(bench.device.counters(), before);

    // Found in the byte world: where no unvouched key is accepted, its owner's was told as somebody in between.
    bench.wanted(Profile { adopt: Adopt::Refused, minimum: Provenance::OdcaInterim, ..profile() });
    bench.order(Order::Provision);
    let expected = Outcome::Failed(Fault::Operator(Operator::ForeignDevice(ControlMode::Admin)));
    assert_eq!(bench.run(), Some(&expected));
    assert_eq!(bench.device.counters(), before);
}

fn found() -> impl Iterator<Item = Persona> {
    Persona::ALL.into_iter().filter(|persona| persona.found_in.is_some())
}

#[test]
fn a_device_that_somebody_else_provisioned_is_adopted_only_by_the_profiles_word() {
    for persona in found() {
        let refused = Profile { adopt: Adopt::Refused, ..profile() };
        let mut bench = Bench::new(persona, refused, Order::Provision, uuid());
        let outcome = run(&mut bench);
        assert!(matches!(outcome, Outcome::Failed(Fault::Operator(Operator::ForeignDevice(_)))), "{outcome:?}");
        assert!(bench.device.truth().foreign, "{}: left alone", persona.name);
    }
}

#[test]
fn an_adopted_device_gets_another_password_before_anything_else() {
    for persona in found() {
        let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
        bench.run_until(|bench| !bench.device.truth().foreign);
        let record = stored(&bench);
        assert_eq!(
            (record.origin, record.pins, record.keying),
            (Origin::Adopted, Pins::NONE, None),
            "{}",
            persona.name
        );
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{}", persona.name);
    }
}

#[test]
fn a_given_password_that_is_wrong_is_told_from_a_foreign_device() {
    let mut bench = bench("found-in-ccm", profile());
    bench.run_until(|bench| !bench.device.truth().foreign);
    // Another deployment, with an empty disk: the password that it was given is not the device's any more.
    bench.server.disk = amt_provision_fsm::sim::Disk::new(uuid());
    bench.order(Order::Provision);
    let outcome = bench.run();
    assert_eq!(outcome, Some(&Outcome::Failed(Fault::Operator(Operator::WrongGivenPassword))));
}

#[test]
fn a_profile_that_demands_more_never_uses_the_given_password() {
    let strict = Profile { minimum: Provenance::Provisional, ..profile() };
    let mut bench = bench("found-with-tls", strict);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Failed(Fault::Operator(Operator::ProvenanceTooWeak { .. }))), "{outcome:?}");
    assert!(bench.device.truth().foreign);
}
