//! Twenty devices, two servers over one database, and nothing that holds: relays are cut and come back to either server,
//! or to both at once; one server is killed, one told to stop, and both start again.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::{Duration, Instant};

use amt_provision::fsm::identity::Uuid;
use amt_provision::sealing::{KeySource, KeySources};
use amt_provision::simulator::running::SimulatedDevice;
use amt_provision::store::{Audited, RunId, Store, StoreAddress, Tenant};
use fastrand::Rng;
use smol::LocalExecutor;
use smol::future::{FutureExt, zip};
use sqlx::{Connection, PgConnection};

use super::postgres::{self, Schema};
use super::world::{Server, World, assert_in_acm, relay};

const DEVICES: u8 = 20;

/// How often each relay is cut at most, before it is left in peace.
const CUTS: u32 = 4;

/// Writes down every beginning and end of a lease, and under which one a device's record is written, in the order in
/// which the database has it.
const WITNESS: &str = r"
    CREATE TABLE witness (
        sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        uuid TEXT NOT NULL, what TEXT NOT NULL, epoch BIGINT NOT NULL, server TEXT NOT NULL);
    CREATE FUNCTION sees_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO witness (uuid, what, epoch, server) VALUES (NEW.uuid, 'begins', NEW.epoch, NEW.server);
        ELSE
            INSERT INTO witness (uuid, what, epoch, server) VALUES (OLD.uuid, 'ends', OLD.epoch, OLD.server);
        END IF;
        RETURN NULL; END; $$;
    CREATE FUNCTION sees_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO witness (uuid, what, epoch, server) VALUES (NEW.uuid, 'writes', NEW.epoch, '');
        RETURN NULL; END; $$;
    CREATE TRIGGER sees_lease AFTER INSERT OR DELETE ON lease FOR EACH ROW EXECUTE FUNCTION sees_lease();
    CREATE TRIGGER sees_record AFTER INSERT OR UPDATE OF generation ON device FOR EACH ROW EXECUTE FUNCTION sees_record();";

/// Where the two servers are at the moment.
type Addresses = RefCell<[String; 2]>;

/// Takes a device to its end through whatever happens to its relay.
async fn drive(device: &SimulatedDevice, addresses: &Addresses, rng: &mut Rng) -> u32 {
    let (mut cuts, mut tries) = (rng.u32(0..=CUTS), 0);
    loop {
        tries += 1;
        let (server, starts_twice) = (rng.usize(0..2), rng.u32(0..4) == 0);
        let peace = Duration::from_millis(rng.u64(50..2500));
        let [here, there] = [server, 1 - server].map(|server| addresses.borrow()[server].clone());
        let relaying = async {
            if !starts_twice {
                return relay(device, &here).await.is_ok();
            }
            // Whichever is later has a report that is out of date, and does not have the last word.
            let _ = zip(relay(device, &here), relay(device, &there)).await;
            false
        };
        let cut = async {
            if cuts == 0 {
                return smol::future::pending().await;
            }
            smol::Timer::after(peace).await;
            cuts -= 1;
            false
        };
        if relaying.or(cut).await {
            return tries;
        }
        smol::Timer::after(Duration::from_millis(200)).await;
    }
}

/// Kills one server and tells the other one to stop, each once, and starts them again.
async fn disturb(world: &World, servers: &mut [Server; 2], addresses: &Addresses, store: &str, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let victim = rng.usize(0..2);
    smol::Timer::after(Duration::from_millis(rng.u64(2000..5000))).await;
    servers[victim].kill();
    start(world, servers, addresses, store, victim).await;
    smol::Timer::after(Duration::from_millis(rng.u64(1000..4000))).await;
    servers[1 - victim].terminate();
    assert!(servers[1 - victim].ends().await.success());
    start(world, servers, addresses, store, 1 - victim).await;
}

async fn start(world: &World, servers: &mut [Server; 2], addresses: &Addresses, store: &str, which: usize) {
    servers[which] = world.serve(NAMES[which], store, MORE).await;
    addresses.borrow_mut()[which].clone_from(&servers[which].address);
}

const NAMES: [&str; 2] = ["server-1", "server-2"];

const MORE: &str = "limits = { device_runs_per_minute = 600 }";

#[test]
fn g7_g13_twenty_devices_end_well_between_two_servers_that_are_cut_off_stopped_and_killed() {
    let Some(database) = postgres::server() else { return };
    let seed = std::env::var("FLEET_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number"));
    let mut stderr = std::io::stderr();
    // Past the test harness: what was at random is to be had again.
    writeln!(stderr, "fleet: FLEET_SEED={seed}").expect("a standard error stream");
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(async {
        let schema = database.schema().await;
        let store = format!("url = \"{}\"\nkey = {{ file = \"fleet.key\" }}", schema.url());
        let world = World::new();
        let mut servers = [world.serve(NAMES[0], &store, MORE).await, world.serve(NAMES[1], &store, MORE).await];
        postgres::run(&schema.url(), WITNESS.to_owned()).await;
        let addresses = RefCell::new([servers[0].address.clone(), servers[1].address.clone()]);
        let mut devices = Vec::new();
        for number in 1..=DEVICES {
            devices.push(world.device(number, |_| {}).await);
        }

        let begun = Instant::now();
        let all = async {
            let runs: Vec<_> = devices
                .iter()
                .zip(1..)
                .map(|(device, number)| {
                    let addresses = &addresses;
                    async move { drive(device, addresses, &mut Rng::with_seed(seed.wrapping_add(number))).await }
                })
                .collect();
            futures_util::future::join_all(runs).await
        };
        let late = async {
            smol::Timer::after(Duration::from_secs(120)).await;
            panic!("two minutes, FLEET_SEED={seed}")
        };
        let disturbed = disturb(&world, &mut servers, &addresses, &store, seed);
        let (tries, ()) = zip(all, disturbed).or(late).await;
        let took = begun.elapsed();

        let seen = format!("FLEET_SEED={seed}");
        let keys = KeySources::new(KeySource::File(world.folder.path().join("fleet.key")));
        let store = schema.url().parse::<StoreAddress>().expect("an address").open(keys).await.expect("a store");
        for device in &devices {
            assert_in_acm(device, &*store, &seen).await;
        }
        let driven = witnessed(&schema, &seen).await;
        let audited = audited(&*store, &devices, &seen).await;
        let tries: u32 = tries.iter().sum();
        writeln!(
            stderr,
            "fleet: {DEVICES} devices in ACM after {took:.1?}: {tries} tries, {driven} leases, {audited} runs in the log"
        )
        .expect("a standard error stream");
    }));
}

/// No lease of a device begins before the one before it has ended, its record is written under the one that lasts, and
/// both servers have had some. How many there were.
async fn witnessed(schema: &Schema, seen: &str) -> usize {
    let mut connection = PgConnection::connect(&schema.url()).await.expect("the tests' database answers");
    let rows: Vec<(String, String, i64, String)> =
        sqlx::query_as("SELECT uuid, what, epoch, server FROM witness ORDER BY sequence")
            .fetch_all(&mut connection)
            .await
            .expect("a statement of the test");
    let (mut lasting, mut last) = (BTreeMap::new(), BTreeMap::new());
    let (mut servers, mut begun) = (BTreeSet::new(), 0);
    for (uuid, what, epoch, server) in &rows {
        match what.as_str() {
            "begins" => {
                assert_eq!(lasting.insert(uuid, epoch), None, "{seen}: {uuid} has two drivers");
                assert!(last.insert(uuid, epoch) < Some(epoch), "{seen}: {uuid}: {epoch} is not new");
                servers.insert(server);
                begun += 1;
            }
            "ends" => assert_eq!(lasting.remove(uuid), Some(epoch), "{seen}: {uuid}"),
            _ => assert_eq!(lasting.get(uuid), Some(&epoch), "{seen}: {uuid} is written without a lease"),
        }
    }
    assert!(begun > DEVICES.into(), "{seen}: nothing was cut");
    assert_eq!(servers.len(), 2, "{seen}: {servers:?}");
    connection.close().await.expect("an orderly end");
    begun
}

/// No run of a device takes an edge after the next one has begun, each is one server's, and both have had some. How many
/// there were.
async fn audited(store: &dyn Store, devices: &[SimulatedDevice], seen: &str) -> usize {
    let (mut servers, mut count) = (BTreeSet::new(), 0);
    for uuid in devices.iter().map(|device| device.truth().uuid) {
        let runs = runs(store, uuid).await;
        assert!(!runs.is_empty(), "{seen}: {uuid}");
        for run in &runs {
            let of: BTreeSet<&str> = run.iter().map(|line| line.stamp.server.as_str()).collect();
            assert_eq!(of.len(), 1, "{seen}: {uuid}: {run:?}");
            servers.extend(of.into_iter().map(str::to_owned));
        }
        for (before, after) in runs.iter().zip(runs.iter().skip(1)) {
            let (ends, begins) = (before.last().map(|line| line.stamp.at), after.first().map(|line| line.stamp.at));
            assert!(ends <= begins, "{seen}: {uuid}: {before:?} {after:?}");
        }
        count += runs.len();
    }
    assert_eq!(servers.len(), 2, "{seen}: {servers:?}");
    count
}

/// A device's runs in the order in which they were written, each as its lines; a run that comes in two pieces fails.
async fn runs(store: &dyn Store, uuid: Uuid) -> Vec<Vec<Audited>> {
    let log = store.audit(&Tenant::default(), uuid, None, 10_000).await.expect("readable");
    let (mut runs, mut known): (Vec<Vec<Audited>>, BTreeSet<u128>) = Default::default();
    for line in log {
        let RunId(id) = line.stamp.run.expect("no operator was here");
        match runs.last_mut() {
            Some(run) if run.first().and_then(|first| first.stamp.run) == line.stamp.run => run.push(line),
            _ => {
                assert!(known.insert(id), "{uuid}: another run is in the middle of {id:032x}");
                runs.push(vec![line]);
            }
        }
    }
    runs
}
