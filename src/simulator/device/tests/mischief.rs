//! What can be done to a device, and what it can be made to do wrong.

use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::identity::Uuid;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::provisioning::{ccm_line, in_ccm};
use super::rig::*;
use crate::simulator::firmware::{Class, Shown};
use crate::wsman::{Call, Operation};

fn settings() -> Call {
    Call::new(Class::GeneralSettings.uri(), Operation::Get)
}

#[test]
fn a_device_that_is_unprovisioned_quietly_keeps_its_connections_and_knows_the_admin_no_more() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    line.call(&settings());
    let now = line.rig.now;
    line.rig.device.unprovision_quietly(now).unwrap();
    assert!(matches!(line.try_call(&settings()), Err(Failure::Unauthorized)), "an answer all the same");
    assert_eq!(line.rig.truth().mode, ControlMode::PreProvisioning);
}

#[test]
fn a_device_that_forgets_its_nonces_asks_once_more() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    line.call(&settings());
    let before = line.rig.device.traffic().unauthorized;
    line.rig.device.forget_nonces();
    line.call(&settings());
    assert_eq!(line.rig.device.traffic().unauthorized, before + 1);
}

#[test]
fn a_device_hangs_up_behind_one_reply_and_claims_another_uuid_once() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    let another = Uuid::from_bytes([7; 16]).unwrap();
    let uuid = |line: &mut Line<'_>| {
        let (code, output) = line.invoke(Class::SetupAndConfigurationService, "GetUuid", []);
        (code, text(&output, "UUID"))
    };
    line.rig.device.claim_uuid_once(another);
    assert_eq!(uuid(&mut line), (0, STANDARD.encode(another.to_guid())));
    assert_ne!(uuid(&mut line), (0, STANDARD.encode(another.to_guid())));
    line.rig.device.hang_up_behind_next_reply();
    uuid(&mut line);
    assert!(line.rig.is_closed(&line.client));
}

#[test]
fn who_plays_a_device_reads_what_it_is_asked_out_of_tls() {
    let mut rig = in_ccm(&amt_19());
    let mut line = ccm_line(&mut rig);
    line.call(&settings());
    line.rig.device.overhear();
    line.call(&settings());
    let heard = String::from_utf8(line.rig.device.take_overheard()).unwrap();
    assert!(heard.starts_with("Authorization: Digest ") && heard.contains("AMT_GeneralSettings"), "{heard}");
    assert!(line.rig.device.take_overheard().is_empty());
}

#[test]
fn a_device_is_found_as_somebody_has_left_it() {
    for (version, port) in [(AmtVersion::new(16, 1), Port::Plain), (AmtVersion::new(19, 0), Port::Tls)] {
        let mut device = config(version);
        device.persona = "drops-listed".parse().unwrap();
        let mut rig = Rig::new(&device);
        rig.device.be_found_in(ControlMode::Admin, &"Th3ir-Passw0rd!".parse().unwrap()).unwrap();
        let truth = rig.truth();
        assert_eq!((truth.mode, truth.port, truth.shown), (ControlMode::Admin, port, Shown::Default));
        assert!(truth.admin_password_is("Th3ir-Passw0rd!"));
    }
}
