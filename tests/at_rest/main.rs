//! Where secrets could be met afterwards: both flows on real sockets with recognisable passwords, the log at its finest
//! level, and then a search of the log, the store's files, a dump of the database, snapshots and a panic's output (G1).
//!
//! A target of its own, with one run: only a subscriber of the whole process hears the database's threads.

#![allow(clippy::unwrap_used)] // also its helpers are tests

#[path = "../hostile_relay/canary.rs"]
mod canary;
#[path = "../common/log.rs"]
mod log;
#[path = "../common/postgres.rs"]
mod postgres;
#[allow(dead_code, reason = "this target compares nothing else")]
#[path = "../provisioning/mod.rs"]
mod provisioning;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::record::Snapshot;
use amt_provision::sealing::{Key, KeySource, KeySources};
use amt_provision::server::{Deployment, ServedProfile};
use amt_provision::simulator::firmware::Truth;
use amt_provision::store::{Account, Holder, PostgresStore, SqliteStore, Store, Tenant};
use memchr::memmem;
use rustls::pki_types::UnixTime;

use canary::{ADMIN, MEBX};
use log::Log;
use provisioning::profile::{fixed_passwords, open_flow_b, trust};
use provisioning::{World, provision};

/// Set for the process that is to panic: the file of its store.
const PANICKING: &str = "AMT_PROVISION_TEST_PANICKING";

/// What would be a secret in `place`, in any form, with the name of the form.
fn search(place: &str, seen: &[u8], truths: &[Truth]) -> Vec<String> {
    let mut found = Vec::new();
    for password in [ADMIN, MEBX] {
        for truth in truths {
            found
                .extend(canary::found(seen, password, &truth.realm).into_iter().map(|form| format!("{place}: {form}")));
        }
        // As databases dump bytes, and as Rust prints them.
        let hex: String = password.bytes().map(|byte| format!("{byte:02x}")).collect();
        let list = password.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
        for (form, text) in [("hexadecimal digits", &hex), ("list of bytes", &list)] {
            if memmem::find(seen, text.as_bytes()).is_some() {
                found.push(format!("{place}: {form}"));
            }
        }
    }
    if memmem::find(seen, b"PRIVATE KEY").is_some() {
        found.push(format!("{place}: a private key"));
    }
    found
}

/// To ACM with the canaries as passwords.
fn profile(version: AmtVersion) -> ServedProfile {
    let profile = World::profile(version, |profile| {
        if !version.must_have_local_tls() {
            open_flow_b(profile);
        }
    });
    ServedProfile { passwords: fixed_passwords(ADMIN, MEBX), ..profile }
}

/// A server with this store; everything else is the world's.
async fn deployment(world: &World, store: Arc<dyn Store>, version: AmtVersion) -> Arc<Deployment> {
    let trust = trust(&world.authority);
    let authority = store.authority(UnixTime::now()).await.unwrap();
    let profiles = BTreeMap::from([("office".to_owned(), profile(version))]);
    Arc::new(Deployment::new("test".parse().unwrap(), store, authority, trust, profiles))
}

/// Both flows to ACM; what the devices are then. Their passwords are the canaries, or this shows nothing.
async fn both_flows(world: &World, store: &Arc<dyn Store>, network: u8) -> Vec<Truth> {
    let mut truths = Vec::new();
    for (place, version, persona) in
        [(1, AmtVersion::new(19, 0), "keeps-session"), (2, AmtVersion::new(16, 0), "keeps-session")]
    {
        let uuid = Uuid::from_bytes([network << 4 | place; 16]).unwrap();
        let lms = Ipv4Addr::new(127, 23, network, place);
        let device = world.start(&world.device(version, persona, uuid), lms).await;
        let said = provision(deployment(world, Arc::clone(store), version).await, &device).await;
        let said = said.unwrap_or_else(|error| panic!("AMT {version}: {error}")).to_string();
        assert!(said.contains("ACM"), "{said}");
        let truth = device.truth();
        assert!(truth.admin_password_is(ADMIN) && truth.mebx_password_is(MEBX), "AMT {version}");
        let record = store.load(&Tenant::default(), uuid).await.unwrap().unwrap();
        let id = record.record().admin.confirmed().unwrap().id;
        let password = store.password(&Tenant::default(), uuid, Account::Admin, id).await.unwrap();
        assert_eq!(password.expose(), ADMIN);
        let snapshot = Snapshot::encode(record.record()).unwrap();
        assert_eq!(search("snapshot", &snapshot, std::slice::from_ref(&truth)), [""; 0]);
        truths.push(truth);
        device.stop().await;
    }
    truths
}

/// A store that was backed up while a server had it, in the place of one that is gone: a device goes on.
async fn goes_on_after_a_restore(world: &World) {
    let version = AmtVersion::new(20, 0);
    let uuid = Uuid::from_bytes([0x51; 16]).unwrap();
    let lms = Ipv4Addr::new(127, 23, 5, 1);
    let device = world.start(&world.device(version, "keeps-session", uuid), lms).await;
    let served = deployment(world, Arc::clone(&world.store) as Arc<dyn Store>, version).await;
    provision(Arc::clone(&served), &device).await.unwrap();
    // The listener was dropped with its session: the lease is taken over when its time is over, by the file's clock.
    let (other, later) = (Holder { server: "other".parse().unwrap(), process: 2 }, UnixTime::now().as_secs() + 3600);
    let later = UnixTime::since_unix_epoch(Duration::from_secs(later));
    let lease = served.store.acquire(&Tenant::default(), uuid, &other, Duration::ZERO, later).await.unwrap();
    served.store.release(&lease).await.unwrap();
    let backup = world.folder.path().join("backup.db");
    served.store.back_up(&backup).await.unwrap();
    let restored = tempfile::tempdir().unwrap();
    let path = restored.path().join("fleet.db");
    std::fs::rename(&backup, &path).unwrap();
    std::fs::copy(SqliteStore::key_file(&world.folder.path().join("fleet.db")), SqliteStore::key_file(&path)).unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).await.unwrap());
    store.unlock(UnixTime::now()).await.unwrap();
    let before = device.truth().counters;
    let said = provision(deployment(world, store, version).await, &device).await.unwrap().to_string();
    assert!(said.contains("ACM"), "{said}");
    let after = device.truth().counters;
    assert_eq!((after.setups, after.upgrades, after.repeated), (1, 1, 0));
    assert_eq!(after.passwords, before.passwords, "its password was known");
    device.stop().await;
}

/// The store's files as they are while it is open, but for the key, which is the one thing that is to be there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.is_file() && path.extension().is_none_or(|extension| extension != "key")).collect()
}

/// A file that this process has open as a database: to open and close it here once more would drop SQLite's locks.
fn read_beside(path: &Path) -> Vec<u8> {
    let output = Command::new("cat").arg(path).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Everything that prints of what a server has in its hands, in a panic.
fn panic_with_everything(path: &Path) {
    smol::block_on(async {
        let store = SqliteStore::open(path).await.unwrap();
        let authority = store.authority(UnixTime::now()).await.unwrap().to_pem();
        let devices = store.devices(&Tenant::default(), None, 9).await.unwrap();
        let mut passwords = Vec::new();
        for device in &devices {
            let record = device.record.as_ref().unwrap();
            let id = record.admin.confirmed().unwrap().id;
            passwords.push(store.password(&Tenant::default(), device.uuid, Account::Admin, id).await.unwrap());
        }
        assert!(passwords.iter().any(|password| password.expose() == ADMIN));
        let served = profile(AmtVersion::new(19, 0));
        let source = KeySource::File(SqliteStore::key_file(path));
        panic!("{store:?} {authority:?} {devices:?} {passwords:?} {:?} {source:?}", served.passwords);
    });
}

#[test]
fn the_search_finds_what_a_dump_and_what_rust_prints_of_bytes() {
    let hex: String = ADMIN.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(search("dump", format!("\\\\x00{hex}").as_bytes(), &[]), ["dump: hexadecimal digits"]);
    assert_eq!(search("debug", format!("{:?}", MEBX.as_bytes()).as_bytes(), &[]), ["debug: list of bytes"]);
    assert_eq!(search("pem", b"-----BEGIN PRIVATE KEY-----", &[]), ["pem: a private key"]);
}

#[test]
fn g1_no_secret_is_in_logs_files_dumps_snapshots_or_a_panic_after_both_flows() {
    if let Some(path) = std::env::var_os(PANICKING) {
        return panic_with_everything(Path::new(&path));
    }
    // Before the log begins: the tests' own statements tell the database its password.
    let cluster = postgres::cluster();
    let log = Log::begin();

    smol::block_on(async {
        let world = World::new().await;
        let store = Arc::clone(&world.store) as Arc<dyn Store>;
        let mut truths = both_flows(&world, &store, 1).await;
        let mut found = Vec::new();
        let files = files(world.folder.path());
        for name in ["fleet.db", "fleet.db-wal", "fleet.db-shm"] {
            let path = world.folder.path().join(name);
            assert!(files.contains(&path), "{name} is there to be searched");
            found.extend(search(name, &read_beside(&path), &truths));
        }
        let mut panicking = Command::new(std::env::current_exe().unwrap());
        panicking.args(["--exact", "--nocapture", std::thread::current().name().unwrap()]);
        panicking.env(PANICKING, world.folder.path().join("fleet.db")).env("RUST_BACKTRACE", "full");
        let output = panicking.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(!output.status.success() && String::from_utf8_lossy(&said).contains("Secret(…)"));
        found.extend(search("panic", &said, &truths));

        if let Some(cluster) = cluster {
            let keys = KeySources::new(KeySource::Given(Key::generate().unwrap()));
            let shared = PostgresStore::open(&cluster.url().parse().unwrap()).await.unwrap().with_keys(keys);
            let shared: Arc<dyn Store> = Arc::new(shared);
            truths.extend(both_flows(&world, &shared, 2).await);
            let dump = cluster.dump();
            let text = String::from_utf8_lossy(&dump);
            let uuid = Uuid::from_bytes([0x21; 16]).unwrap().to_string();
            assert!(text.contains(&uuid) && text.contains("COPY public.password"), "the dump is of this fleet");
            found.extend(search("dump", &dump, &truths));
        }
        goes_on_after_a_restore(&world).await;

        let log = log.so_far();
        let text = String::from_utf8_lossy(&log);
        for source in ["amt_provision", "sqlx", "TRACE"] {
            assert!(text.contains(source), "the log has what it is searched for: {source}");
        }
        found.extend(search("log", &log, &truths));
        assert_eq!(found, [""; 0]);
    });
}
