//! Where nobody but a person can help, the run ends with an operator's fault whose words say what to do, nothing is
//! lost, and once it is done the next run goes on.

use amt_provision::fsm::fault::{Fault as RunFault, Operator};
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::policy::{Goal, Profile};
use amt_provision::fsm::provisioner::Outcome;
use amt_provision::fsm::request::ChainLength;
use amt_provision::relay::line::End;
use amt_provision::world::{Attempt, Fault, Injection, Moment, Site, World};

fn world(site: &Site, persona: &str) -> World {
    let goal = Goal::Admin(ChainLength::new(site.chain_length()).unwrap());
    let device = site.device(AmtVersion::new(19, 0), persona.parse().unwrap());
    World::new(site, &device, site.profile(Profile::cautious(goal)), 7).unwrap()
}

/// The operator's fault that ended it, and the words that the relay's terminal shows.
#[track_caller]
fn ended_for_the_operator(world: &World, attempt: &Attempt) -> (Operator, String) {
    let Some(End::Failure(said)) = &attempt.told else { panic!("{}\n{:?}", world.trace(), attempt.told) };
    match &attempt.outcome {
        Some(Outcome::Failed(RunFault::Operator(operator))) => (operator.clone(), said.to_string()),
        other => panic!("{}\n{other:?}", world.trace()),
    }
}

#[track_caller]
fn goes_on(world: &mut World) {
    let attempt = world.attempt([]).unwrap();
    assert!(attempt.is_configured(), "{}\n{:?}", world.trace(), attempt.outcome);
    assert_eq!(world.check().unwrap(), ControlMode::Admin);
}

#[test]
fn a_device_that_is_stuck_half_way_is_left_as_it_is_and_the_operator_told_to_unprovision_it() {
    let site = Site::new().unwrap();
    let mut world = world(&site, "drops-listed");
    goes_on(&mut world);
    let before = world.disk().record().unwrap().unwrap().1;
    world.device().get_stuck();
    let attempt = world.attempt([]).unwrap();
    let (operator, said) = ended_for_the_operator(&world, &attempt);
    assert_eq!(operator, Operator::HalfProvisioned);
    assert!(said.contains("unprovision it locally, then start again"), "{said}");
    let after = world.disk().record().unwrap().unwrap().1;
    assert_eq!((after.admin, after.pins), (before.admin, before.pins), "nothing is lost");

    world.unprovision_locally().unwrap();
    goes_on(&mut world);
}

#[test]
fn a_device_of_somebody_else_is_not_touched_and_the_operator_told_whose_word_it_takes() {
    let site = Site::new().unwrap();
    let mut world = world(&site, "keeps-session");
    goes_on(&mut world);
    let (owner, before) = (world.disk().record().unwrap().unwrap().1, world.truth());
    let id = owner.admin.confirmed().unwrap().id;
    let account = amt_provision::store::Account::Admin;
    let password = world.disk().password(account, id).unwrap().clone();
    world.forget();
    let attempt = world.attempt([]).unwrap();
    let (operator, said) = ended_for_the_operator(&world, &attempt);
    assert_eq!(operator, Operator::ForeignDevice(ControlMode::Admin));
    assert!(said.contains("deactivate it where it was, or let the profile adopt it"), "{said}");
    assert_eq!(world.truth().counters, before.counters, "nothing was changed");
    assert!(world.truth().admin_password_is(password.expose()), "it is still its owner's");

    world.unprovision_locally().unwrap();
    goes_on(&mut world);
}

#[test]
fn a_device_that_protects_its_flash_ends_the_run_at_any_change_and_the_next_one_goes_on() {
    let site = Site::new().unwrap();
    let undisturbed = world(&site, "drops-listed").attempt([]).unwrap();
    let changes = undisturbed.seen.iter().filter(|seen| matches!(seen.moment, Moment::Change(_)));
    let mut refused = 0;
    for seen in changes {
        let mut world = world(&site, "drops-listed");
        let attempt = world.attempt([Injection { at: seen.moment, fault: Fault::Refuse(38) }]).unwrap();
        if attempt.is_configured() {
            // Only methods have a ReturnValue, and behind that change there was none.
            continue;
        }
        refused += 1;
        let (operator, said) = ended_for_the_operator(&world, &attempt);
        assert_eq!(operator, Operator::FlashWear, "{}", seen.what);
        assert!(said.contains("try again tomorrow"), "{said}");
        goes_on(&mut world);
    }
    assert!(refused > 10, "{refused}");
}
