//! A server that is killed at any moment leaves a store in which everything acknowledged is there, and no record
//! without its passwords (G2, G7).

#![allow(clippy::unwrap_used)] // also its helpers are tests

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::record::{Generation, Intent, PasswordId, Record};
use amt_provision::store::{Account, PasswordChoice, PasswordSource, SqliteStore, Store, StoreError, Tenant};
use rustls::pki_types::UnixTime;

/// Set for the process that is going to be killed: the file that it writes to.
const FILE: &str = "AMT_PROVISION_TEST_STORE";

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

/// Writes generation after generation and says so after each, until it is killed.
async fn write_for_ever(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    let passwords = PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random);
    let ledger = store.load(&Tenant::default(), uuid()).await.unwrap();
    let mut generation = ledger.map_or(Generation(0), |ledger| ledger.generation());
    let mut parent = std::io::stdout();
    loop {
        generation = generation.next();
        let (tenant, now) = (Tenant::default(), UnixTime::since_unix_epoch(Duration::from_secs(1)));
        store.persist(&tenant, generation, &record(generation.0), &passwords, now).await.unwrap();
        writeln!(parent, "acknowledged {}", generation.0).unwrap();
    }
}

#[test]
fn g2_a_killed_server_leaves_every_acknowledged_record_and_no_record_without_its_passwords() {
    if let Some(path) = std::env::var_os(FILE) {
        return smol::block_on(write_for_ever(Path::new(&path)));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fleet.db");
    let mut before = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("g2_a_killed_server_leaves_every_acknowledged_record_and_no_record_without_its_passwords")
            .env(FILE, &path)
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
            let store = SqliteStore::open(&path).await.unwrap();
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
