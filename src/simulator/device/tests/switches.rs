//! What one can switch on a device: time, ends of connections, restarts.

use amt_provision_fsm::firmware::AmtVersion;
use amt_provision_fsm::time::Millis;

use super::provisioning::{ccm_line, in_ccm};
use super::rig::*;
use crate::simulator::config::{ConnectionHabit, DeviceConfig, RestartDelay};
use crate::simulator::firmware::{Action, Class};
use crate::wsman::Operation;
use crate::wsman::{Call, EnumerationContext};

#[test]
fn what_is_slow_takes_its_time_and_the_rest_does_not() {
    let mut slow = amt_19();
    slow.timings.slow.insert("AMT_GeneralSettings.Get".parse().unwrap(), Millis(5000));
    let mut rig = in_ccm(&slow);
    let mut line = ccm_line(&mut rig);
    line.list(Class::TlsSettingData);
    let took = |line: &mut Line<'_>, class: Class| {
        let before = line.rig.now;
        line.get(class);
        line.rig.now.since(before)
    };
    assert_eq!(took(&mut line, Class::GeneralSettings), Millis(5000));
    assert_eq!(took(&mut line, Class::HostBasedSetupService), slow.timings.request);
}

#[test]
fn every_action_that_has_a_name_can_be_asked() {
    for action in Action::all() {
        let mut rig = in_ccm(&amt_19());
        let mut line = ccm_line(&mut rig);
        let (class, name) =
            action.to_string().split_once('.').map(|(class, name)| (class.to_owned(), name.to_owned())).unwrap();
        let uri = Class::all().find(|known| known.name() == class).unwrap().uri();
        let operation = match &*name {
            "Get" => Operation::Get,
            "Enumerate" => Operation::Enumerate,
            "Pull" => Operation::Pull(EnumerationContext("none".into())),
            "Put" => Operation::Put(uri.instance()),
            "Create" => Operation::Create(uri.instance()),
            "Delete" => Operation::Delete,
            _ => Operation::Invoke { input: uri.element(format!("{name}_INPUT")), method: name.into() },
        };
        let call = Call::new(uri, operation);
        assert_eq!(Action::of(&call), Some(action));
        if let Err(Failure::Fault(fault)) = line.try_call(&call) {
            assert_ne!(fault.kind, crate::wsman::envelope::FaultKind::ActionNotSupported, "{action}");
        }
    }
}

#[test]
fn a_device_that_never_closes_does_not_do_so_when_it_is_asked_to() {
    let closes = |connections| {
        let mut rig = Rig::new(&DeviceConfig { connections, ..config(AmtVersion::new(18, 0)) });
        let mut client = rig.dial(amt_provision_fsm::firmware::Port::Plain, Default::default()).unwrap();
        let request = b"POST /wsman HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        rig.send(&mut client, request).unwrap();
        rig.is_closed(&client)
    };
    assert_eq!([ConnectionHabit::Honors, ConnectionHabit::Never].map(closes), [true, false]);
}

#[test]
fn a_connection_on_which_nothing_is_said_is_closed_in_due_form() {
    let mut slow = DeviceConfig { idle_close: Some(Millis(1000)), ..amt_19() };
    slow.timings.slow.insert("AMT_GeneralSettings.Get".parse().unwrap(), Millis(3000));
    let mut rig = in_ccm(&slow);
    let mut line = ccm_line(&mut rig);
    line.get(Class::GeneralSettings);
    assert!(!line.rig.is_closed(&line.client), "a request that takes longer is not nothing");
    line.rig.pass(Millis(999));
    assert!(!line.rig.is_closed(&line.client));
    line.rig.pass(Millis(1));
    assert!(line.rig.is_closed(&line.client));
    let get = Call::new(Class::GeneralSettings.uri(), Operation::Get);
    assert!(matches!(line.try_call(&get), Err(Failure::Lost)));
    assert!(line.client.tls.as_ref().unwrap().is_closed_by_peer());
}

#[test]
fn a_restart_that_waits_lets_the_reply_out_whole_and_then_takes_every_connection() {
    let restart_delay = RestartDelay::After(Millis(20));
    let mut rig = in_ccm(&DeviceConfig { restart_delay, persona: "drops-odca".parse().unwrap(), ..amt_19() });
    let mut line = ccm_line(&mut rig);
    let (code, _) = line.invoke(Class::SetupAndConfigurationService, "CommitChanges", []);
    assert_eq!(code, 0, "a persona that cuts its reply in half otherwise");
    line.get(Class::GeneralSettings);
    line.rig.pass(Millis(20));
    assert!(line.rig.is_closed(&line.client));
    assert!(line.rig.dial(amt_provision_fsm::firmware::Port::Tls, any_odca()).is_err());
}
