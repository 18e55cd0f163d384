//! Servers as processes, devices in this one, and relays between them.

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::relay::{RelayConfig, RelayError, run};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, Ending, Store, Tenant};
use smol::channel::{Receiver, unbounded};
use smol::future::FutureExt;

use crate::patience::{PATIENCE, in_time};

/// What servers and devices have to know of each other, and a folder for it.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    network: u8,
    authority: Arc<SimulatorAuthority>,
    keys: Arc<KeyPool>,
    chain: ProvisioningChain,
}

impl World {
    pub(crate) fn new() -> Self {
        static NETWORKS: AtomicU8 = AtomicU8::new(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = SimulatorAuthority::generate().expect("an authority");
        let chain = ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).expect("a chain");
        let (key, certificates, odca) = (chain.key_pem(), chain.certificates_pem(), authority.certificates_pem());
        for (name, text) in [("key.pem", &*key), ("chain.pem", &certificates), ("odca.pem", &odca)] {
            std::fs::write(folder.path().join(name), text).expect("our own folder");
        }
        let network = NETWORKS.fetch_add(1, Ordering::Relaxed);
        Self { folder, network, authority: Arc::new(authority), keys: Arc::default(), chain }
    }

    /// The `number`th device, in the factory's state.
    pub(crate) async fn device(&self, number: u8, change: impl FnOnce(&mut DeviceConfig)) -> SimulatedDevice {
        let uuid = Uuid::from_bytes([number; 16]).expect("no placeholder");
        let mut config = DeviceConfig::new(uuid, AmtVersion::new(19, 0), Arc::clone(&self.authority));
        config.keys = Arc::clone(&self.keys);
        config.roots = TrustedRoots::default().with_root("test", self.chain.root()).expect("room for a root");
        config.dns_suffix = Some("example.test".into());
        change(&mut config);
        // Beside the addresses of other tests; two runs at a time keep apart as well.
        let run = 64 + (std::process::id() % 128) as u8;
        let address = Ipv4Addr::new(127, 90 + self.network, run, number);
        let place = Place { address, mei_path: self.folder.path().join(format!("mei.{number}")) };
        SimulatedDevice::start(&config, place).await.expect("a device")
    }

    /// A server of this name, with `store` as its [store] and `more` behind its [server].
    pub(crate) async fn serve(&self, name: &str, store: &str, more: &str) -> Server {
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\nname = \"{name}\"\n{more}\n[store]\n{store}\n\
             [[domains]]\ndns_suffix = \"example.test\"\ncertificates = \"chain.pem\"\nkey = \"key.pem\"\n\
             [[profiles]]\nname = \"office\"\ngoal = \"acm\"\ndomain = \"example.test\"\n\
             [[odca.trust]]\nname = \"simulator\"\ncertificates = \"odca.pem\"\n"
        );
        let file = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&file, text).expect("our own folder");
        Server::start(&file).await
    }
}

/// A process of `serve`, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
    lines: Receiver<String>,
}

impl Server {
    async fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amt-provision"));
        command.arg("serve").arg("--config").arg(config).env("RUST_LOG", "info").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("our own command");
        let (says, lines) = unbounded();
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| says.send_blocking(line)));
        let mut server = Self { child, address: String::new(), lines };
        let line = server.says("listening on ws://").await;
        let address = line.split("ws://").nth(1).and_then(|rest| rest.split(',').next());
        server.address = address.expect("an address").to_owned();
        server
    }

    /// Comes with the next line that has `what` in it.
    pub(crate) async fn says(&self, what: &str) -> String {
        let mut before = Vec::new();
        let said = async {
            while let Ok(line) = self.lines.recv().await {
                if line.contains(what) {
                    return Some(line);
                }
                before.push(line);
            }
            None
        };
        let late = async {
            smol::Timer::after(PATIENCE).await;
            None
        };
        said.or(late).await.unwrap_or_else(|| panic!("nothing about {what} in {before:#?}"))
    }

    /// Tells it to stop.
    pub(crate) fn terminate(&self) {
        let told = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(told.expect("`kill`").success());
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("our own process");
        self.child.wait().expect("our own process");
    }

    /// How it ends.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        // Its stderr ends with it.
        let ended = async { while self.lines.recv().await.is_ok() {} };
        in_time(ended).await;
        self.child.wait().expect("our own process")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a relay that takes a device to the server at `address` is told in the end; cut where it is dropped.
pub(crate) async fn relay(device: &SimulatedDevice, address: &str) -> Result<String, RelayError> {
    // A session of compact frames would wait for its relay at the server that it had.
    let config = RelayConfig { json_messages: true, ..crate::relay::config(address, device) };
    run(config, |_| {}).await.map(|outcome| outcome.to_string())
}

/// The device is in ACM, came there by one `Setup` and one upgrade, and is what the store says that it is.
pub(crate) async fn assert_in_acm(device: &SimulatedDevice, store: &dyn Store, seen: &str) {
    let truth = device.truth();
    let counters = truth.counters;
    assert_eq!(truth.mode, ControlMode::Admin, "{seen}: {}", truth.uuid);
    assert_eq!((counters.setups, counters.upgrades, counters.repeated), (1, 1, 0), "{seen}: {}", truth.uuid);
    let tenant = Tenant::default();
    let known = store.device(&tenant, truth.uuid).await.expect("readable").expect("a record");
    assert_eq!(known.mode, Some(ControlMode::Admin), "{seen}: {}", truth.uuid);
    let last = known.outcome.expect("an outcome");
    assert_eq!(last.ending, Ending::Configured, "{seen}: {}: {}", truth.uuid, last.text);
    let record = known.record.expect("sound");
    assert_eq!(record.pins.confirmed.map(|pin| pin.spki), Some(truth.shown_key), "{seen}: {}", truth.uuid);
    let admin = record.admin.confirmed().expect("a confirmed password").id;
    let password = store.password(&tenant, truth.uuid, Account::Admin, admin).await.expect("a password");
    assert!(truth.admin_password_is(password.expose()), "{seen}: {}", truth.uuid);
}
