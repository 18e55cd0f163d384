//! What the byte layers cost: `cargo bench --bench bytes`. The largest is a whole provisioning without a socket or a
//! wait: two TLS stacks, HTTP, WS-Management, JSON and the simulated device.

use std::time::Duration;

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::policy::{FlowB, Goal, Profile};
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::request::ChainLength;
use amt_provision::pki::odca::{OdcaTrust, TrustSet};
use amt_provision::simulator::identity::{ChainShape, SimulatorAuthority};
use amt_provision::world::{Site, World};
use amt_provision::wsman::xml::{self, Limits};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rustls::pki_types::UnixTime;

/// A device from the factory to its goal, without a socket and in virtual time.
fn provisionings(criterion: &mut Criterion) {
    let site = Site::new().expect("this machine's cryptography works");
    let goal = Goal::Admin(ChainLength::new(site.chain_length()).expect("a chain"));
    let profile = Profile { flow_b: FlowB::Allowed, minimum: Provenance::FirstUse, ..Profile::cautious(goal) };
    let mut group = criterion.benchmark_group("provisioning");
    group.sample_size(20);
    for (name, version) in [("flow A", AmtVersion::new(19, 0)), ("flow B", AmtVersion::new(16, 1))] {
        let device = site.device(version, "keeps-session".parse().expect("a persona of that name"));
        let world = || World::new(&site, &device, site.profile(profile.clone()), 1).expect("a world");
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(
                world,
                |world| assert!(world.attempt([]).is_ok_and(|attempt| attempt.is_configured())),
                BatchSize::PerIteration,
            );
        });
    }
}

/// The chain of a device: five certificates, five signatures, and what odca.md §7 demands of each.
fn chains(criterion: &mut Criterion) {
    let authority = SimulatorAuthority::generate().expect("this machine's cryptography works");
    let mut trust = OdcaTrust::production();
    let set = TrustSet::from_certificates("bench", authority.root(), std::slice::from_ref(authority.intermediate()));
    trust.add(set.expect("a set of its own")).expect("a set of another name");
    let chain = authority.device(&ChainShape::default()).expect("a device").chain;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    criterion.bench_function("ODCA chain", |bencher| bencher.iter(|| trust.verify(&chain, now).expect("genuine")));
}

/// Replies of the kind that a device sends, as the fuzzer's corpus has them from whole runs.
fn replies(criterion: &mut Criterion) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/wsman_reply");
    let files = std::fs::read_dir(folder).expect("the corpus").map(|file| file.expect("a file").path());
    let limits = Limits { bytes: 64 * 1024, depth: 64, nodes: 4096 };
    // The first byte names the question.
    let bodies = files.map(|path| std::fs::read(path).expect("a readable file")).map(|bytes| bytes[1..].to_vec());
    let bodies: Vec<Vec<u8>> = bodies.filter(|body| xml::read(body, limits).is_ok()).collect();
    assert!(bodies.len() > 10, "{} replies", bodies.len());
    let mut group = criterion.benchmark_group("WS-Management");
    group.throughput(Throughput::Bytes(bodies.iter().map(|body| body.len() as u64).sum()));
    group.bench_function("replies read", |bencher| {
        bencher.iter(|| bodies.iter().for_each(|body| drop(xml::read(body, limits))));
    });
}

criterion_group!(benches, provisionings, chains, replies);
criterion_main!(benches);
