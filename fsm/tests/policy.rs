//! Which ways are open to a device, and what it may show there, as a table: what no run comes by because another layer
//! refuses it first is looked at here, line by line (G5).

use amt_provision_fsm::fault::{Fault, Operator, Peer};
use amt_provision_fsm::firmware::{AmtVersion, ControlMode, Port};
use amt_provision_fsm::identity::{RomCaHash, SpkiHash, Uuid};
use amt_provision_fsm::peer::{OdcaExpectation, Unvouched};
use amt_provision_fsm::policy::{
    Adopt, DeviceReport, FlowB, Goal, LocalTls, Order, Profile, Route, expectation, route,
};
use amt_provision_fsm::record::{Hold, Pin, Pins, Provenance, Record};
use amt_provision_fsm::request::Once;
use amt_provision_fsm::sim::daring;

const KEY: SpkiHash = SpkiHash::from_bytes([1; 32]);
const NEXT_KEY: SpkiHash = SpkiHash::from_bytes([2; 32]);
const DEFAULT_KEY: SpkiHash = SpkiHash::from_bytes([3; 32]);
const SILICON: RomCaHash = RomCaHash::from_bytes([4; 32]);

fn uuid() -> Uuid {
    Uuid::from_bytes(*b"amt-policy-tests").expect("no placeholder")
}

/// Every way that a profile can open.
fn open() -> Profile {
    Profile { goal: Goal::Client, ..daring() }
}

fn unknown() -> Record {
    Record::new(uuid())
}

fn known(provenance: Provenance) -> Record {
    let confirmed = Some(Pin { spki: KEY, provenance });
    Record { pins: Pins { confirmed, ..Pins::NONE }, ..unknown() }
}

fn without_tls(version: AmtVersion, mode: ControlMode) -> DeviceReport {
    DeviceReport { uuid: uuid(), version, mode, local_tls: LocalTls::Off }
}

fn of(version: (u16, u16), mode: ControlMode, record: &Record, order: Order) -> Result<Route, Fault> {
    route(&without_tls(AmtVersion::new(version.0, version.1), mode), record, &open(), order)
}

const FACTORY: ControlMode = ControlMode::PreProvisioning;

#[test]
fn a_device_without_tls_takes_flow_b_by_the_profiles_word_and_only_up_to_18() {
    assert_eq!(of((18, 0), FACTORY, &unknown(), Order::Provision), Ok(Route::Plain));
    let version = AmtVersion::new(19, 0);
    assert_eq!(of((19, 0), FACTORY, &unknown(), Order::Provision), Err(Peer::TlsMissing(version).into()));
    let report = without_tls(AmtVersion::new(18, 0), FACTORY);
    let refused = Profile { flow_b: FlowB::Refused, ..open() };
    let off = Operator::FlowBOff(report.version).into();
    assert_eq!(route(&report, &unknown(), &refused, Order::Provision), Err(off));
    let permitted = Record { flow_b: FlowB::Allowed, ..unknown() };
    assert_eq!(route(&report, &permitted, &refused, Order::Provision), Ok(Route::Plain), "an operator permitted it");
    let minimum = Provenance::Adopted;
    let weak = Operator::ProvenanceTooWeak { minimum, offered: Provenance::FirstUse }.into();
    assert_eq!(route(&report, &unknown(), &Profile { minimum, ..open() }, Order::Provision), Err(weak));
}

#[test]
fn a_commit_in_doubt_opens_both_ports_the_plain_one_first() {
    let staged = Pins { intended: Some(Pin { spki: NEXT_KEY, provenance: Provenance::FirstUse }), ..Pins::NONE };
    let record = Record { pins: staged, ..unknown() };
    assert_eq!(of((18, 0), ControlMode::Client, &record, Order::Provision), Ok(Route::PlainElseTls));
    let ports = |route: Route| [0, 1, 2, 3].map(|attempt| route.port(attempt));
    assert_eq!(ports(Route::PlainElseTls), [Port::Plain, Port::Tls, Port::Plain, Port::Tls]);
    assert_eq!(ports(Route::Either), [Port::Tls, Port::Plain, Port::Tls, Port::Plain]);
    assert_eq!((ports(Route::Tls), ports(Route::Plain)), ([Port::Tls; 4], [Port::Plain; 4]));
    let two = [Route::Tls, Route::Plain, Route::PlainElseTls, Route::Either].map(Route::has_two_ports);
    assert_eq!(two, [false, false, true, true]);
}

#[test]
fn g5_a_device_with_a_pin_or_proven_silicon_has_no_way_in_plain_text() {
    let downgrade = Err(Peer::Downgrade.into());
    let silicon = Record { rom_ca: Some(SILICON), ..unknown() };
    for record in [known(Provenance::FirstUse), known(Provenance::Odca), silicon] {
        assert_eq!(of((18, 0), FACTORY, &record, Order::Provision), downgrade);
        assert_eq!(of((18, 0), ControlMode::Admin, &record, Order::Provision), downgrade);
    }
    let mut released = known(Provenance::FirstUse);
    released.pins.hold = Hold::Released;
    assert_eq!(of((18, 0), FACTORY, &released, Order::Provision), Ok(Route::PlainElseTls), "an operator permitted it");
}

/// AMT 12 to 16.0 cannot tell its host that the local ports speak TLS (rpc-go.md §2).
#[test]
fn g5_firmware_that_cannot_tell_of_tls_is_met_at_the_port_that_shows_its_pin() {
    let pinned = known(Provenance::FirstUse);
    for version in [(12, 0), (15, 9), (16, 0)] {
        assert_eq!(of(version, ControlMode::Admin, &pinned, Order::Provision), Ok(Route::Tls), "{version:?}");
        assert_eq!(of(version, FACTORY, &pinned, Order::Provision), Err(Peer::Downgrade.into()), "{version:?}");
        assert_eq!(of(version, ControlMode::Client, &unknown(), Order::Provision), Ok(Route::Plain), "{version:?}");
    }
    for version in [(16, 1), (17, 0), (18, 2)] {
        assert_eq!(of(version, ControlMode::Admin, &pinned, Order::Provision), Err(Peer::Downgrade.into()));
    }
}

#[test]
fn whether_our_own_unprovision_was_applied_may_be_asked_in_plain_text_and_nothing_else() {
    let doubting = |once| Record { doubt: Some(once), ..known(Provenance::FirstUse) };
    let downgrade = Err(Peer::Downgrade.into());
    assert_eq!(of((18, 0), FACTORY, &doubting(Once::Unprovision), Order::Deactivate), Ok(Route::Plain));
    assert_eq!(of((18, 0), FACTORY, &doubting(Once::Unprovision), Order::Provision), downgrade);
    assert_eq!(of((18, 0), FACTORY, &doubting(Once::Upgrade), Order::Deactivate), downgrade);
    assert_eq!(of((18, 0), FACTORY, &known(Provenance::FirstUse), Order::Deactivate), downgrade);
}

#[test]
fn g5_a_known_device_may_show_its_pin_and_its_silicon_and_nothing_else() {
    let enrolled = Record { rom_ca: Some(SILICON), ..known(Provenance::Odca) };
    let expected = expectation(&enrolled, &open(), Order::Provision);
    assert_eq!((expected.pins, expected.odca), (vec![KEY], OdcaExpectation::Enrolled(SILICON)));
    assert_eq!(expected.unvouched, Unvouched::Refused);

    let adopted = known(Provenance::Adopted);
    let leaving = Record { doubt: Some(Once::Unprovision), ..adopted.clone() };
    let odca = |record, order| expectation(record, &open(), order).odca;
    assert_eq!(odca(&leaving, Order::Deactivate), OdcaExpectation::AnyDevice, "its silicon, which nobody has seen yet");
    assert_eq!(odca(&leaving, Order::Provision), OdcaExpectation::Refused);
    assert_eq!(odca(&adopted, Order::Deactivate), OdcaExpectation::Refused);
}

#[test]
fn g5_a_device_between_two_keys_may_show_either() {
    let mut rotating = known(Provenance::Odca);
    rotating.pins.intended = Some(Pin { spki: NEXT_KEY, provenance: Provenance::Odca });
    assert_eq!(expectation(&rotating, &open(), Order::Rotate).pins, [KEY, NEXT_KEY]);
}

#[test]
fn the_listed_key_may_be_shown_where_the_profile_takes_what_it_proves() {
    let listed = Record { pins: Pins { interim: Some(DEFAULT_KEY), ..Pins::NONE }, ..unknown() };
    let pins = |minimum| expectation(&listed, &Profile { minimum, ..open() }, Order::Provision).pins;
    assert_eq!(pins(Provenance::OdcaInterim), [DEFAULT_KEY]);
    assert_eq!(pins(Provenance::Odca), []);
}

#[test]
fn a_key_that_nobody_vouches_for_may_be_shown_by_the_profiles_word() {
    let unvouched = |record: &Record, profile: Profile| expectation(record, &profile, Order::Provision).unvouched;
    let at_least = |minimum| Profile { minimum, ..open() };
    // Whatever the last owner had issued, once; then only what firmware itself makes.
    assert_eq!(unvouched(&unknown(), at_least(Provenance::Adopted)), Unvouched::Any);
    assert_eq!(unvouched(&unknown(), at_least(Provenance::Provisional)), Unvouched::SelfSigned);
    assert_eq!(unvouched(&unknown(), at_least(Provenance::OdcaInterim)), Unvouched::Refused);
    assert_eq!(unvouched(&unknown(), Profile { adopt: Adopt::Refused, ..open() }), Unvouched::SelfSigned);
    let listed = Record { pins: Pins { interim: Some(DEFAULT_KEY), ..Pins::NONE }, ..unknown() };
    assert_eq!(unvouched(&listed, open()), Unvouched::SelfSigned);
    // About to show a key that was made over proven sessions.
    let intended = |provenance| {
        let pins = Pins { intended: Some(Pin { spki: NEXT_KEY, provenance }), ..Pins::NONE };
        Record { pins, ..unknown() }
    };
    assert_eq!(unvouched(&intended(Provenance::Odca), open()), Unvouched::Refused);
    assert_eq!(unvouched(&intended(Provenance::Provisional), open()), Unvouched::SelfSigned);
}
