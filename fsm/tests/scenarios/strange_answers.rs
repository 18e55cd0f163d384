//! Answers that no model device gives, and some firmware may.

use std::collections::BTreeMap;

use amt_provision_fsm::request::{Class, FirmwareNonce};
use amt_provision_fsm::sim::Counters;

use super::*;

const CONTEXT: &str = "AMT_TLSCredentialContext.Pull";
const CERTIFICATES: &str = "AMT_PublicKeyCertificate.Pull";
const KEY_PAIRS: &str = "AMT_PublicPrivateKeyPair.Pull";
const BIND: &str = "AMT_TLSCredentialContext.Create";

fn before_setup(bench: &Bench) -> bool {
    bench.device.truth().mode == ControlMode::PreProvisioning
}

/// Before `Setup` the local system account may not be let near the certificates: the default key is stored behind it.
#[test]
fn a_device_that_hides_its_certificates_before_setup_is_asked_again_behind_it() {
    for refusal in [Refusal::ReturnValue(16), Refusal::Fault(400)] {
        for name in [CONTEXT, CERTIFICATES] {
            let mut bench = bench("drops-listed", profile());
            assert_eq!(answered(&mut bench, name, &Reply::Refused(refusal), before_setup), 1, "{name}");
            let Outcome::Configured { mode, pin, .. } = run(&mut bench) else {
                panic!("{name}: {:?}", bench.outcome())
            };
            assert_eq!((mode, pin.provenance), (ControlMode::Admin, Provenance::OdcaInterim), "{name}");
        }
    }
}

/// What only failed is no word about the certificates: `Setup` waits until there is one.
#[test]
fn a_device_that_fails_to_list_its_certificates_before_setup_is_asked_until_it_does() {
    for name in [CONTEXT, CERTIFICATES] {
        let mut bench = bench("drops-listed", profile());
        bench.run_until(|bench| bench.asks(name));
        bench.answer_next(name, Reply::Refused(Refusal::Fault(500)));
        bench.act(Action::Deliver);
        bench.run_until(|bench| bench.asks(name) || bench.asks(Once::Setup.request_name()));
        assert!(bench.asks(name), "{name}");
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{name}");

        let mut bench = self::bench("drops-listed", profile());
        let failing = Reply::Refused(Refusal::Fault(500));
        assert_eq!(answered(&mut bench, name, &failing, before_setup), 3, "{name}");
        let refused = Fault::Peer(Peer::Refused { request: name, refusal: Refusal::Fault(500) });
        assert_eq!(run(&mut bench), Outcome::Failed(refused), "{name}");
        assert!(before_setup(&bench), "{name}: it is left as it was");
    }
}

#[test]
fn a_device_that_hides_its_certificates_from_its_administrator_is_told_as_that() {
    for name in [CONTEXT, CERTIFICATES] {
        let mut bench = bench("keeps-session", profile());
        let refusal = Refusal::ReturnValue(16);
        answered(&mut bench, name, &Reply::Refused(refusal), |bench| !before_setup(bench));
        assert_eq!(run(&mut bench), Outcome::Failed(Fault::Peer(Peer::Refused { request: name, refusal })), "{name}");
    }
}

/// G6, *creates*: somebody else may have made it since it was looked for. It is looked for again, and not for ever (G8).
#[test]
fn what_is_said_to_exist_already_is_looked_for_again_and_not_for_ever() {
    let exists = Reply::Refused(Refusal::AlreadyExists);
    let mut bench = bench("amt-12", profile());
    bench.run_until(|bench| bench.asks(BIND));
    bench.answer_next(BIND, exists.clone());
    let before = bench.device.counters().commits;
    bench.act(Action::Deliver);
    bench.run_until(|bench| bench.asks(BIND));
    assert_eq!(bench.device.counters().commits, before, "it is no reason for a commit");
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));

    let mut bench = self::bench("amt-12", profile());
    let asked = answered(&mut bench, BIND, &exists, |_| true);
    let refused = Peer::Refused { request: BIND, refusal: Refusal::AlreadyExists };
    assert_eq!(run(&mut bench), Outcome::Failed(Fault::Peer(refused)));
    assert!(asked <= 4, "{asked}");
}

/// Every change of a run, and how often one may be sent.
fn changes(persona: &str) -> BTreeMap<&'static str, Option<u8>> {
    let mut changes = BTreeMap::new();
    let mut bench = bench(persona, profile());
    each_step(&mut bench, |bench, next| {
        let change = bench.request().filter(|(_, request)| request.class() != Class::Read);
        changes.extend(change.map(|(_, request)| (request.name(), request.budget())));
        bench.act(next);
    });
    changes
}

/// Found by a mutant: each key pair, certificate and commit wears the flash, and such a device was asked until the half
/// hour of its run was over.
#[test]
fn g8_a_device_that_says_that_it_did_what_it_did_not_do_is_asked_so_often_and_no_more() {
    for persona in Persona::ALL {
        for (name, budget) in changes(persona.name) {
            let mut bench = bench(persona.name, profile());
            let asked = answered(&mut bench, name, &Reply::Done, |_| true);
            // What has no budget lives in the session, or is never looked at again.
            assert!(asked <= u32::from(budget.unwrap_or(3)), "{}, {name}: {asked}", persona.name);
            // Not by `run`: what is stored of the password of MEBx rests on the device's word.
            let told = Outcome::Failed(Fault::Peer(Peer::NeverApplied(name)));
            let up = bench.outcome() == Some(&told) || asked < u32::from(budget.unwrap_or(4));
            assert!(up, "{}, {name}: {:?}", persona.name, bench.outcome());
        }
    }
}

/// Whoever lets the local system account in says that it is in CCM: by somebody else's `Setup`.
#[test]
fn a_device_in_ccm_that_nobody_knows_is_foreign_whoever_it_lets_in() {
    let mut bench = bench("keeps-session", profile());
    let mode = Reply::ControlMode(ControlMode::Client, FirmwareNonce([7; 20]));
    assert!(answered(&mut bench, "IPS_HostBasedSetupService.Get", &mode, |_| true) > 0);
    assert_eq!(run(&mut bench), Outcome::Failed(Operator::ForeignDevice(ControlMode::Client).into()));
    assert_eq!(bench.device.counters(), Counters::default());
}

/// A key that was asked for over ODCA, and found over a session that anybody may have been in: it is no better than that.
#[test]
fn a_key_is_as_good_as_the_worst_session_on_its_way() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.asks(KEY_PAIR));
    bench.act(Action::Deliver);
    bench.act(Action::Cut);
    bench.device.fall_back();
    let Outcome::Configured { pin, .. } = run(&mut bench) else { panic!("{:?}", bench.outcome()) };
    assert_eq!(pin.provenance, Provenance::Provisional);
}

/// G6, *creates*: a key that is listed late is looked for over another connection before one more is made.
#[test]
fn a_key_pair_that_is_listed_late_is_not_made_twice() {
    let mut bench = bench("keeps-session", profile());
    bench.run_until(|bench| bench.asks(KEY_PAIR));
    bench.act(Action::Deliver);
    bench.run_until(|bench| bench.asks(KEY_PAIRS));
    bench.answer_next(KEY_PAIRS, Reply::KeyPairs(Vec::new()));
    bench.act(Action::Deliver);
    assert_eq!(answered(&mut bench, KEY_PAIR, &Reply::Done, |_| true), 0);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
}
