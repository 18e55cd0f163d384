//! A sample of the crash matrix on real sockets and processes: `serve` and `activate` are killed with SIGKILL at chosen
//! edges of a run, started again, and the simulated device then says whether it is what the store says.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // also its helpers are tests

#[path = "common/process.rs"]
mod process;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, SqliteStore, Store, Tenant};

use process::Process;

const CONFIGURATION: &str = r#"
[server]
listen = "127.0.0.1:0"
[store]
path = "fleet.db"
[[domains]]
dns_suffix = "example.test"
certificates = "chain.pem"
key = "key.pem"
[[profiles]]
name = "office"
goal = "acm"
domain = "example.test"
flow_b = true
minimum_provenance = "first-use"
trust_first_use = true
[[odca.trust]]
name = "simulator"
certificates = "odca.pem"
"#;

/// Who dies.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Server,
    Relay,
}

/// A device, and a folder with what a server needs.
struct Stage {
    folder: tempfile::TempDir,
    lms: Ipv4Addr,
    mei: PathBuf,
}

impl Stage {
    fn new(number: u8, authority: &SimulatorAuthority, chain: &ProvisioningChain) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("key.pem", &chain.key_pem());
        write("chain.pem", &chain.certificates_pem());
        write("odca.pem", &authority.certificates_pem());
        write("server.toml", CONFIGURATION);
        let [_, _, high, low] = std::process::id().to_be_bytes();
        // Away from the devices of other tests.
        let lms = Ipv4Addr::new(127, 60 + number, high, 1 + low % 250);
        let mei = folder.path().join("amt.mei");
        Self { folder, lms, mei }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn place(&self) -> Place {
        Place { address: self.lms, mei_path: self.mei.clone() }
    }

    /// A server, and where it listens.
    fn serve(&self) -> (Process, String) {
        let server = Process::start(&["serve", "--config", &self.path("server.toml")]);
        let line = server.says("listening on ws://");
        let url = line.split(' ').find(|word| word.starts_with("ws://")).unwrap();
        let url = url.trim_end_matches(',').to_owned();
        (server, url)
    }

    fn activate(&self, url: &str) -> Process {
        let (mei, lms) = (format!("unix:{}", self.mei.display()), self.lms.to_string());
        Process::start(&["activate", "--url", url, "--profile", "office", "--mei", &mei, "--lms-address", &lms])
    }
}

/// The device is in ACM with the key and the passwords that are stored, and nothing was applied twice.
async fn agree(device: &SimulatedDevice, store: &Path, uuid: Uuid) {
    let (truth, tenant) = (device.truth(), Tenant::default());
    assert_eq!(truth.mode, ControlMode::Admin);
    let counters = truth.counters;
    assert_eq!((counters.setups, counters.upgrades, counters.repeated), (1, 1, 0), "{counters:?}");
    let store = SqliteStore::open(store).await.unwrap();
    let known = store.load(&tenant, uuid).await.unwrap().unwrap();
    assert_eq!(known.record().pins.confirmed.map(|pin| pin.spki), Some(truth.shown_key));
    let admin = known.record().admin.confirmed().unwrap();
    assert!(!admin.exposed);
    let password = store.password(&tenant, uuid, Account::Admin, admin.id).await.unwrap();
    assert!(truth.admin_password_is(password.expose()));
    let mebx = known.record().mebx.unwrap();
    let password = store.password(&tenant, uuid, Account::Mebx, mebx.id).await.unwrap();
    assert!(truth.mebx_password_is(password.expose()));
}

/// Found in the byte world: a run that had ended well was told to the relay as one that had changed nothing.
#[test]
fn a_run_whose_end_cannot_be_noted_is_told_to_the_relay_as_it_was() {
    let authority = Arc::new(SimulatorAuthority::generate().unwrap());
    let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).unwrap();
    let stage = Stage::new(1, &authority, &chain);
    let uuid = Uuid::from_bytes([0x77; 16]).unwrap();
    let config = device(uuid, 19, "keeps-session", &authority, &chain);
    smol::block_on(async {
        let device = SimulatedDevice::start(&config, stage.place()).await.unwrap();
        let (mut server, url) = stage.serve();
        let database = format!("sqlite:{}", stage.path("fleet.db"));
        let database = sqlx::SqlitePool::connect(&database).await.unwrap();
        sqlx::query("ALTER TABLE audit RENAME TO gone").execute(&database).await.unwrap();
        assert!(stage.activate(&url).succeeds());
        server.says("how the run ended was not noted");
        server.kill();
        agree(&device, Path::new(&stage.path("fleet.db")), uuid).await;
        device.stop().await;
    });
}

fn device(
    uuid: Uuid,
    major: u8,
    persona: &str,
    authority: &Arc<SimulatorAuthority>,
    chain: &ProvisioningChain,
) -> DeviceConfig {
    let mut config = DeviceConfig::new(uuid, AmtVersion::new(major.into(), 0), Arc::clone(authority));
    config.persona = persona.parse().unwrap();
    config.dns_suffix = Some("example.test".to_owned());
    config.roots = TrustedRoots::default().with_root("test", chain.root()).unwrap();
    config
}

/// All at once, each with a server of its own: after a server that died without a word the next one waits until the
/// lease of the device has run out (G13).
fn kill_at(edges: &[(Victim, usize)], major: u8, persona: &str) {
    let authority = Arc::new(SimulatorAuthority::generate().unwrap());
    let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).unwrap();
    std::thread::scope(|scope| {
        for (n, (victim, edge)) in (1..).zip(edges.iter().copied()) {
            let stage = Stage::new(10 * (major - 10) + n, &authority, &chain);
            let uuid = Uuid::from_bytes([n; 16]).unwrap();
            let config = device(uuid, major, persona, &authority, &chain);
            scope.spawn(move || {
                let begun = Instant::now();
                smol::block_on(kill(victim, edge, &stage, &config));
                println!("{victim:?} killed at edge {edge} of AMT {major}: recovered after {:?}", begun.elapsed());
            });
        }
    });
}

async fn kill(victim: Victim, edge: usize, stage: &Stage, config: &DeviceConfig) {
    let device = SimulatedDevice::start(config, stage.place()).await.unwrap();
    let (mut server, mut url) = stage.serve();
    let mut relay = stage.activate(&url);
    server.says_nth(" moved", edge);
    match victim {
        Victim::Server => {
            server.kill();
            assert!(!relay.succeeds(), "a relay whose server is gone has no success to tell");
            (server, url) = stage.serve();
        }
        Victim::Relay => relay.kill(),
    }
    loop {
        let mut relay = stage.activate(&url);
        if relay.succeeds() {
            break;
        }
        relay.says("busy");
    }
    server.kill();
    agree(&device, Path::new(&stage.path("fleet.db")), config.uuid).await;
    device.stop().await;
}

#[test]
fn a_server_or_a_relay_that_is_killed_in_flow_a_is_started_again_and_finishes() {
    let server = [1, 4, 8, 12].map(|edge| (Victim::Server, edge));
    let relay = [3, 10].map(|edge| (Victim::Relay, edge));
    kill_at(&[&server[..], &relay[..]].concat(), 19, "drops-listed");
}

#[test]
fn a_server_or_a_relay_that_is_killed_in_flow_b_is_started_again_and_finishes() {
    let server = [2, 5, 8].map(|edge| (Victim::Server, edge));
    kill_at(&[&server[..], &[(Victim::Relay, 4)]].concat(), 18, "keeps-session");
}
