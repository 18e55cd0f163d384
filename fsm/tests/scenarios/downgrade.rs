//! G5: who a device may still be, and over what it may be spoken to.

use super::*;

#[test]
fn g5_a_device_with_a_confirmed_pin_that_claims_no_tls_is_quarantined_until_permitted() {
    let mut bench = bench("amt-16", profile());
    run(&mut bench);
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::Downgrade))), "{outcome:?}");

    bench.server.disk.permit(Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None });
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(stored(&bench).permit, None, "a permit is used once");
    assert_eq!(stored(&bench).flow_b, FlowB::Refused);
}

/// Found by the crash matrix with AMT 16.0: the second session of each such device was quarantined.
#[test]
fn g7_a_device_whose_firmware_cannot_tell_of_its_tls_is_met_again_at_its_pinned_key_and_nowhere_else() {
    let mut bench = bench("amt-12", profile());
    run(&mut bench);
    let report = bench.device.report();
    assert_eq!((report.local_tls, report.mode), (LocalTls::Off, ControlMode::Admin), "it cannot tell");
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));

    bench.claim(DeviceReport { mode: ControlMode::PreProvisioning, ..report });
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::Downgrade))), "{outcome:?}");
    let newer = DeviceReport { version: AmtVersion::new(16, 1), ..report };
    bench.claim(newer);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::Downgrade))), "{outcome:?}");
}

#[test]
fn g5_firmware_that_must_have_tls_is_refused_without() {
    let persona = Persona { local_tls: LocalTls::Off, ..Persona::named("keeps-session").expect("a persona") };
    let outcome = run(&mut Bench::new(persona, profile(), Order::Provision, uuid()));
    assert!(matches!(outcome, Outcome::Failed(Fault::Peer(Peer::TlsMissing(_)))), "{outcome:?}");
}

#[test]
fn g5_an_unprovisioned_flow_a_device_comes_home_over_its_enrolled_silicon() {
    let mut bench = bench("drops-listed", profile());
    run(&mut bench);
    let first = stored(&bench).pins.confirmed;
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { .. }));
    assert_ne!(stored(&bench).pins.confirmed, first, "a new key for the new configuration");
}

#[test]
fn g5_another_silicon_under_a_known_uuid_is_quarantined() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    bench.act(Action::Unprovision);
    bench.server.disk.permit(Permit {
        expect_rom_ca: Some(RomCaHash::from_bytes([9; 32])),
        flow_b: FlowB::Refused,
        expires: None,
    });
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeRomCa { .. }))), "{outcome:?}");
}

/// Found by the world: a permit used to throw the stored pin away, and with it a device that still had
/// that key.
#[test]
fn a_permit_does_not_forget_a_key_that_the_device_still_shows() {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    bench.server.disk.permit(Permit { expect_rom_ca: None, flow_b: FlowB::Allowed, expires: None });
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { .. }));
    assert_eq!(stored(&bench).pins.hold, Hold::Firm, "it showed its key, and is held to it again");
}

/// Found by the world: the way that was open when the run began stayed open after the pin was confirmed.
#[test]
fn a_pin_confirmed_within_a_run_closes_the_plain_port_within_that_run() {
    let mut bench = bench("amt-18", profile());
    bench.run_until(|bench| stands_at(bench, StageName::CertReplaced));
    bench.act(Action::Unprovision);
    run(&mut bench);
    let plain = bench.place().is_some_and(|place| place.channel == ChannelName::Plain);
    assert!(!plain);
}

/// Found by the model checker with a hostile relay: between the commit and the first session over the new key, a
/// relay that showed a key of its own and played a device in pre-provisioning had the stored hash forgotten, and with
/// it the device, where the profile lets unvouched keys pass.
#[test]
fn g5_a_key_made_over_proven_sessions_is_not_forgotten_for_one_that_nobody_vouches_for() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.server.disk.record().is_some_and(|record| record.pins.intended.is_some()));
    let record = stored(&bench);
    assert_eq!(record.pins.intended.map(|pin| pin.provenance), Some(Provenance::Odca));
    let expected = expectation(&record, &profile(), Order::Provision);
    assert_eq!(expected.unvouched, Unvouched::Refused);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

#[test]
fn g5_silicon_that_has_proven_itself_cannot_be_talked_into_plain_text() {
    let mut bench = bench("drops-listed", profile());
    bench.run_until(|bench| bench.server.disk.record().is_some_and(|record| record.rom_ca.is_some()));
    bench.device.persona.version = AmtVersion::new(16, 1);
    let record = stored(&bench);
    let report = DeviceReport { local_tls: LocalTls::Off, ..bench.device.report() };
    let ledger = Ledger::stored(record, bench.server.disk.ledger().generation());
    let run = Provisioner::new(Instant::ZERO, ledger, profile(), Order::Provision, report);
    assert_eq!(run.outcome(), Some(&Outcome::Quarantined(Fault::Peer(Peer::Downgrade))));
}

#[test]
fn g5_a_relay_that_lies_about_the_mode_is_quarantined_and_an_honest_one_goes_on() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    let claim = DeviceReport { mode: ControlMode::PreProvisioning, ..bench.device.report() };
    bench.claim(claim);
    let outcome = run(&mut bench);
    let expected = Peer::ModeMismatch { claimed: ControlMode::PreProvisioning, answered: ControlMode::Admin };
    assert_eq!(outcome, Outcome::Quarantined(Fault::Peer(expected)));
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

/// Found between two servers: a relay had looked at the device while another session was still at work on it.
#[test]
fn a_report_that_is_older_than_another_sessions_work_is_no_lie() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    bench.claim(DeviceReport { mode: ControlMode::Client, ..bench.device.report() });
    bench.disregard_claimed_mode();
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}

/// Three reasons for a permit: a factory reset and a firmware update are the operator's to vouch for, another
/// board as well, where he knows its silicon.
#[test]
fn g5_a_permit_brings_a_device_home_after_a_change_of_board() {
    let mut bench = bench("drops-listed", profile());
    run(&mut bench);
    bench.device.replace_board();
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeRomCa { .. }))), "{outcome:?}");
    let expect_rom_ca = Some(bench.device.rom_ca());
    bench.server.disk.permit(Permit { expect_rom_ca, flow_b: FlowB::Refused, expires: None });
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(stored(&bench).rom_ca, expect_rom_ca);
}

/// From 18 to 19: the device has TLS from now on, and on-die silicon that nobody has seen; its configuration
/// is gone with the update.
#[test]
fn g5_a_firmware_update_that_loses_the_configuration_comes_home_with_a_permit() {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    bench.device.persona = Persona::named("drops-listed").expect("a persona");
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    let outcome = run(&mut bench);
    assert!(matches!(outcome, Outcome::Quarantined(Fault::Peer(Peer::StrangeKey(_)))), "{outcome:?}");
    bench.server.disk.permit(Permit { expect_rom_ca: None, flow_b: FlowB::Refused, expires: None });
    bench.order(Order::Provision);
    let Outcome::Configured { mode, pin, .. } = run(&mut bench) else { panic!("{:?}", bench.outcome()) };
    assert_eq!((mode, pin.provenance), (ControlMode::Admin, Provenance::OdcaInterim));
}

/// From 18 to 19 with everything kept: the key is the same, and nothing has to be permitted.
#[test]
fn a_firmware_update_that_keeps_the_configuration_needs_no_permit() {
    let mut bench = bench("amt-18", profile());
    run(&mut bench);
    bench.device.persona = Persona::named("drops-listed").expect("a persona");
    bench.order(Order::Provision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}
