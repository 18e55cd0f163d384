//! A device that comes back, is rotated or is taken out of service.

use super::*;

#[test]
fn a_rotation_ends_with_another_key_and_the_same_device() {
    for persona in ["drops-listed", "amt-16"] {
        let mut bench = bench(persona, profile());
        run(&mut bench);
        let before = stored(&bench).pins.confirmed.expect("a pin");
        bench.order(Order::Rotate);
        let Outcome::Configured { mode, pin, .. } = run(&mut bench) else { panic!("{:?}", bench.outcome()) };
        assert_ne!(pin.spki, before.spki, "{persona}");
        assert_eq!((mode, pin.provenance), (ControlMode::Admin, before.provenance), "{persona}");
    }
}

#[test]
fn a_device_that_comes_back_gets_another_mebx_password() {
    let mut bench = bench("keeps-session", profile());
    run(&mut bench);
    let before = bench.device.truth().mebx;
    bench.act(Action::Unprovision);
    bench.order(Order::Provision);
    run(&mut bench);
    assert_ne!(bench.device.truth().mebx, before);
}

#[test]
fn a_deactivated_device_is_seen_in_pre_provisioning_and_its_passwords_are_kept() {
    for persona in Persona::ALL {
        let mut bench = Bench::new(persona, profile(), Order::Provision, uuid());
        run(&mut bench);
        bench.order(Order::Deactivate);
        assert_eq!(run(&mut bench), Outcome::Unprovisioned, "{}", persona.name);
        assert_eq!(bench.device.truth().mode, ControlMode::PreProvisioning);
        let record = stored(&bench);
        assert!(record.pins.confirmed.is_none() && !record.admin.is_empty(), "{record:?}");
    }
}
