//! What a decision costs: whole runs of the core, with nothing but the model device at the other end.
//!
//! `cargo bench --bench core`. A run is everything from the relay's report to ACM: some hundred inputs, each with all
//! that follows from it, and every guarantee looked at after each.

use amt_provision_fsm::identity::Uuid;
use amt_provision_fsm::policy::Order;
use amt_provision_fsm::provisioner::Outcome;
use amt_provision_fsm::record::Snapshot;
use amt_provision_fsm::sim::{Bench, Case, FaultPlan, Persona, Rng, World, daring};
use criterion::{Criterion, criterion_group, criterion_main};

fn bench(persona: Persona) -> Bench {
    let uuid = Uuid::from_bytes(*b"amt-bench-device").expect("no placeholder");
    Bench::new(persona, daring(), Order::Provision, uuid)
}

/// A device from the factory to ACM.
fn runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("run to ACM");
    for name in ["keeps-session", "drops-listed", "amt-16"] {
        let persona = Persona::named(name).expect("a persona of that name");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut bench = bench(persona);
                assert!(matches!(bench.run(), Some(Outcome::Configured { .. })));
            });
        });
    }
}

/// A world with a relay, a clock, pipes and eight faults.
fn worlds(criterion: &mut Criterion) {
    let mut seed = 0;
    criterion.bench_function("world with faults", |bencher| {
        bencher.iter(|| {
            seed += 1;
            let mut rng = Rng::new(seed);
            let persona = *rng.pick(&Persona::ALL);
            let faults = FaultPlan::random(&mut rng, 8, 600);
            let orders = vec![(Order::Provision, None)];
            let report = World::new(Case { seed, persona, profile: daring(), orders, faults }, false).run();
            assert_eq!(report.violation, None);
        });
    });
}

/// What a store gets to keep, and gives back.
fn snapshots(criterion: &mut Criterion) {
    let mut bench = bench(Persona::named("drops-listed").expect("a persona of that name"));
    bench.run();
    let record = bench.server.disk.record().expect("a device that was set up is stored");
    let bytes = Snapshot::encode(&record).expect("memory for a record");
    criterion.bench_function("snapshot written", |bencher| bencher.iter(|| Snapshot::encode(&record)));
    criterion.bench_function("snapshot read", |bencher| bencher.iter(|| Snapshot::decode(&bytes)));
}

criterion_group!(benches, runs, worlds, snapshots);
criterion_main!(benches);
