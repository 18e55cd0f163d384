//! Commits, and devices that stay half way in between (odca.md §2.4).

use amt_provision_fsm::policy::ActivationCommit;
use amt_provision_fsm::sim::Drops;

use super::*;

fn always() -> Profile {
    Profile { activation_commit: ActivationCommit::Always, ..profile() }
}

#[test]
fn each_setup_is_followed_by_one_commit_where_the_profile_says_so() {
    for persona in Persona::ALL.into_iter().filter(|persona| persona.found_in.is_none()) {
        let mut bench = Bench::new(persona, always(), Order::Provision, uuid());
        bench.run_until(|bench| stands_at(bench, StageName::Activated));
        assert_eq!(bench.device.counters().commits, 1, "{}", persona.name);
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{}", persona.name);
    }
}

/// Found by a mutant: a commit that was refused in passing counted as one whose reply was lost.
#[test]
fn a_commit_that_is_refused_in_passing_is_sent_again() {
    for (stage, commits) in [(StageName::Tunneling, 1), (StageName::Acm, 3)] {
        let mut bench = bench("keeps-session", always());
        bench.run_until(|bench| stands_at(bench, stage) && bench.asks(COMMIT));
        assert_eq!(bench.device.counters().commits, commits - 1, "{stage:?}");
        bench.refuse_next_change(1);
        bench.act(Action::Deliver);
        bench.run_until(|bench| bench.device.counters().commits == commits);
        assert!(stands_at(&bench, stage), "{stage:?}: {:?} {:?}", bench.place(), bench.outcome());
        assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }), "{stage:?}");
    }
}

/// A commit that was answered and did not help is the last: each one wears the flash.
#[test]
fn g8_a_device_that_stays_half_way_gets_one_commit_a_run_where_it_is_answered() {
    let stuck = Outcome::Failed(Operator::HalfProvisioned.into());
    let mut bench = bench("drops-listed", profile());
    bench.device.persona.drops = Drops::Nothing;
    bench.run_until(|bench| bench.asks(COMMIT));
    bench.device.get_stuck();
    assert_eq!(run(&mut bench), stuck);
    assert_eq!(bench.device.counters().commits, 1);

    for persona in ["drops-listed", "amt-14"] {
        let mut bench = self::bench(persona, profile());
        bench.device.persona.drops = Drops::Nothing;
        run(&mut bench);
        let (before, record) = (bench.device.counters().commits, stored(&bench));
        bench.device.get_stuck();
        bench.order(Order::Provision);
        assert_eq!(run(&mut bench), stuck, "{persona}");
        assert_eq!(bench.device.counters().commits, before + 1, "{persona}");
        let now = stored(&bench);
        assert_eq!((now.admin, now.pins), (record.admin, record.pins), "{persona}: nothing is lost");
    }
}

/// Whether one that was not answered was carried out cannot be told: so many, and no more.
#[test]
fn g8_a_device_that_stays_half_way_and_answers_no_commit_gets_so_many() {
    let mut bench = bench("drops-listed", profile());
    bench.run_until(|bench| bench.asks(COMMIT));
    bench.device.get_stuck();
    assert_eq!(run(&mut bench), Outcome::Failed(Operator::HalfProvisioned.into()));
    assert_eq!(bench.device.counters().commits, 8);
}

/// Found by a person at the machine who starts anew while the server is at it.
#[test]
fn a_commit_of_before_the_last_setup_says_nothing_of_the_device_now() {
    let mut bench = bench("drops-listed", profile());
    bench.device.persona.drops = Drops::Nothing;
    bench.run_until(|bench| stands_at(bench, StageName::Activated));
    bench.act(Action::Unprovision);
    assert!(matches!(run(&mut bench), Outcome::Configured { mode: ControlMode::Admin, .. }));
    assert_eq!(bench.device.counters().setup, 1, "since it was unprovisioned");
}

/// The commit that puts TLS in force was answered: whatever listens in plain text from then on is not the firmware (G5).
#[test]
fn g5_behind_an_answered_commit_of_tls_no_plain_port_is_dialled_however_long_the_other_one_is_away() {
    let mut bench = bench("amt-14", profile());
    bench.run_until(|bench| stands_at(bench, StageName::CertStaged) && bench.asks(COMMIT));
    bench.act(Action::Deliver);
    bench.act(Action::Hear);
    let dialled = dialled_in_vain(&mut bench);
    assert!(dialled.len() > 3 && !dialled.contains(&Port::Plain), "{dialled:?}");
}
