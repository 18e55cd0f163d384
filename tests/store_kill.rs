//! A server that is killed at any moment leaves a store in which everything acknowledged is there, and no record
//! without its passwords (G2, G7).

#![allow(clippy::unwrap_used)] // also its helpers are tests

#[path = "common/keys.rs"]
mod keys;
#[path = "common/postgres.rs"]
mod postgres;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::record::{Generation, Intent, PasswordId, Record};
use amt_provision::store::{
    Account, Holder, Lease, PasswordChoice, PasswordSource, Store, StoreAddress, StoreError, Tenant,
};
use rustls::pki_types::UnixTime;

/// Set for the process that is going to be killed: the store that it writes to.
const STORE: &str = "AMT_PROVISION_TEST_STORE";

/// Set for the process that is going to be killed: what time it is.
const NOW: &str = "AMT_PROVISION_TEST_NOW";

const KILLS: u64 = 8;

fn uuid() -> Uuid {
    "4c4c4544-0051-3610-8053-b7c04f4e3033".parse().unwrap()
}

/// The record as generation `generation` has it: each generation orders one password more.
fn record(generation: u64) -> Record {
    let mut record = Record::new(uuid());
    (0..generation).for_each(|_| record.apply(Intent::ChangePassword));
    record
}

fn at(second: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(second))
}

async fn open(store: &str) -> std::sync::Arc<dyn Store> {
    store.parse::<StoreAddress>().unwrap().open(keys::keys()).await.unwrap()
}

/// The lease, as soon as that of the killed one has run out.
async fn lease(store: &dyn Store, now: UnixTime) -> Lease {
    loop {
        let server = Holder { server: "server-1".parse().unwrap(), process: std::process::id().into() };
        match store.acquire(&Tenant::default(), uuid(), &server, Duration::ZERO, now).await {
            Ok(lease) => return lease,
            Err(StoreError::Busy { left, .. }) => _ = smol::Timer::after(left).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Writes generation after generation and says so after each, until it is killed.
async fn write_for_ever(store: &str, now: UnixTime) {
    let store = open(store).await;
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let passwords = PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random);
    let lease = lease(&*store, now).await;
    let ledger = store.load(&Tenant::default(), uuid()).await.unwrap();
    let mut generation = ledger.map_or(Generation(0), |ledger| ledger.generation());
    let mut parent = std::io::stdout();
    loop {
        generation = generation.next();
        store.persist(&lease, generation, &record(generation.0), &passwords, now).await.unwrap();
        writeln!(parent, "acknowledged {}", generation.0).unwrap();
    }
}

/// Kills one server after the other, each at another moment of a write; `test` is the test that this process runs.
fn kill_and_look(test: &str, store: &str) {
    let mut before = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", test])
            .env(STORE, store)
            .env(NOW, (kill * 100).to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut acknowledged =
            lines.by_ref().filter_map(|line| line.strip_prefix("acknowledged ")?.parse::<u64>().ok());
        // A few generations more each time, so that the kills hit different moments of a write.
        let enough = acknowledged.nth(usize::try_from(3 * kill).unwrap()).unwrap();
        child.kill().unwrap();
        // What it acknowledged before it died is still in the pipe.
        let last = acknowledged.last().unwrap_or(enough);
        child.wait().unwrap();

        smol::block_on(async {
            let store = open(store).await;
            // What the killed one had asked for and not been told of is done or undone by now.
            let lease = lease(&*store, at(kill * 100 + 50)).await;
            store.release(&lease).await.unwrap();
            let ledger = store.load(&Tenant::default(), uuid()).await.unwrap().unwrap();
            let generation = ledger.generation().0;
            assert!(generation == last || generation == last + 1, "acknowledged {last}, found {generation}");
            assert!(generation > before);
            assert_eq!(*ledger.durable(), record(generation));
            let admin = async |id: u64| {
                let id = PasswordId(u16::try_from(id).unwrap());
                store.password(&Tenant::default(), uuid(), Account::Admin, id).await
            };
            for id in 0..generation {
                admin(id).await.unwrap();
            }
            let unborn = admin(generation).await;
            assert!(matches!(unborn, Err(StoreError::UnknownPassword { .. })), "{unborn:?}");
            before = generation;
        });
    }
}

/// Whether this process is one that is going to be killed; then it never comes back.
fn is_killed() -> bool {
    let Some(store) = std::env::var_os(STORE) else { return false };
    let now = std::env::var(NOW).unwrap().parse().unwrap();
    smol::block_on(write_for_ever(store.to_str().unwrap(), at(now)));
    true
}

#[test]
fn g2_a_server_killed_over_a_file_leaves_every_acknowledged_record_and_none_without_its_passwords() {
    if is_killed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    kill_and_look(
        "g2_a_server_killed_over_a_file_leaves_every_acknowledged_record_and_none_without_its_passwords",
        path.to_str().unwrap(),
    );
}

#[test]
fn g2_a_server_killed_over_postgres_leaves_every_acknowledged_record_and_none_without_its_passwords() {
    if is_killed() {
        return;
    }
    let Some(server) = postgres::server() else { return };
    let schema = smol::block_on(server.schema());
    kill_and_look(
        "g2_a_server_killed_over_postgres_leaves_every_acknowledged_record_and_none_without_its_passwords",
        &schema.url(),
    );
}
