//! A simulated device, and the relays that are started beside it.

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::time::Millis;
use amt_provision::pki::authority::DeploymentAuthority;
use amt_provision::protocol::{Command, Outcome};
use amt_provision::relay::{RelayConfig, RelayError, run};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::Action;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use smol::Task;
use smol::net::TcpListener;

use super::lms::Written;
use super::patience::in_time;

/// The passwords that RPS gives.
pub(crate) const ADMIN: &str = "P@ss w0rd1 -x";
pub(crate) const MEBX: &str = "M3bx!pass";

static SILICON: LazyLock<Arc<SimulatorAuthority>> = LazyLock::new(|| Arc::new(SimulatorAuthority::generate().unwrap()));
static KEYS: LazyLock<Arc<KeyPool>> = LazyLock::new(|| Arc::new(KeyPool::default()));
static CHAIN: LazyLock<Arc<ProvisioningChain>> =
    LazyLock::new(|| Arc::new(ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).unwrap()));

/// Runs a test, and ends it if it hangs.
pub(crate) fn play<T>(test: impl Future<Output = T>) -> T {
    smol::block_on(in_time(test))
}

pub(crate) struct Stage {
    pub(crate) device: SimulatedDevice,
    pub(crate) server: TcpListener,
    /// RPS's provisioning certificate.
    pub(crate) chain: Arc<ProvisioningChain>,
    /// The authority that RPS takes out of its MPS.
    pub(crate) mps: DeploymentAuthority,
    folder: tempfile::TempDir,
    lms: Ipv4Addr,
    written: Written,
    _lms: Vec<Task<()>>,
}

impl Stage {
    pub(crate) async fn new(major: u16, persona: &str) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let [.., high, low] = std::process::id().to_be_bytes();
        let folder = tempfile::tempdir().unwrap();
        let uuid = Uuid::from_bytes([number; 16]).unwrap();
        let mut config = DeviceConfig::new(uuid, AmtVersion::new(major, 0), SILICON.clone());
        config.persona = persona.parse().unwrap();
        config.keys = KEYS.clone();
        config.roots = TrustedRoots::default().with_root("test", CHAIN.root()).unwrap();
        config.dns_suffix = Some("example.test".to_owned());
        config.timings.away = Millis(30);
        config.timings.slow.insert(Action::GENERATE_KEY_PAIR, Millis(20));
        // Addresses of this process alone: programs of other targets may run at the same time.
        let address = Ipv4Addr::new(127, 128 | number, high, low.clamp(1, 254));
        let lms = Ipv4Addr::new(127, 192 | number, high, low.clamp(1, 254));
        let place = Place { address, mei_path: folder.path().join("mei.sock") };
        let written = Written::default();
        Self {
            device: SimulatedDevice::start(&config, place).await.unwrap(),
            server: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
            chain: CHAIN.clone(),
            mps: DeploymentAuthority::generate().unwrap(),
            folder,
            lms,
            _lms: super::lms::serve(lms, address, &written).await,
            written,
        }
    }

    /// How many bytes have been written to the device.
    pub(crate) fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.device.truth().uuid
    }

    pub(crate) fn config(&self, command: Command) -> RelayConfig {
        RelayConfig {
            lms_address: self.lms.to_string().parse().unwrap(),
            hostname: Some("lab-host".to_owned()),
            dns_suffix: Some("example.test".to_owned()),
            ..RelayConfig::new(self.url().parse().unwrap(), command, self.mei().parse().unwrap())
        }
    }

    /// Starts a relay.
    pub(crate) fn relay(&self, config: RelayConfig) -> Task<Result<Outcome, RelayError>> {
        smol::spawn(run(config, |_| {}))
    }

    /// The command with this device's options, and the AMT password in a file.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let password: PathBuf = self.folder.path().join("password");
        std::fs::write(&password, format!("{ADMIN}\n")).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amt-provision"));
        command.args(arguments).args(["--url", &self.url(), "--mei", &self.mei()]);
        command.args(["--lms-address", &self.lms.to_string()]);
        command.arg("--amt-password-file").arg(password);
        command
    }

    fn url(&self) -> String {
        format!("ws://{}/activate", self.server.local_addr().unwrap())
    }

    fn mei(&self) -> String {
        format!("unix:{}", self.device.mei_path().display())
    }
}
