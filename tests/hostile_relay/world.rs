//! A server with one profile, its store, and simulated devices, each at a place of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::record::{PasswordId, Record};
use amt_provision::fsm::time::Millis;
use amt_provision::mei::Mei;
use amt_provision::protocol::DeviceReport;
use amt_provision::relay::{RelayConfig, RelayError, run};
use amt_provision::server::{Deployment, Listener, ServedProfile, serve};
use amt_provision::simulator::config::{DeviceConfig, Timings};
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::{SimulatorAuthority, generate_rsa_key};
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, SqliteStore, Store, Tenant};
use rustls::pki_types::{PrivatePkcs8KeyDer, UnixTime};
use smol::future::FutureExt;

use crate::patience::in_time;
use crate::profile::{fixed_passwords, served, to_acm, trust};
use crate::relay::{config, mei};

use super::canary;

/// RSA keys that a device makes in its life, at most.
const KEYS: usize = 4;

/// Everything but the relays.
pub(crate) struct World {
    folder: tempfile::TempDir,
    network: u8,
    next: AtomicU8,
    pub(crate) authority: Arc<SimulatorAuthority>,
    chain: ProvisioningChain,
    pub(crate) store: Arc<SqliteStore>,
}

impl World {
    pub(crate) async fn new() -> Self {
        static NETWORKS: AtomicU8 = AtomicU8::new(0);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(&folder.path().join("fleet.db")).await.expect("a new store");
        Self {
            network: NETWORKS.fetch_add(1, Ordering::Relaxed),
            next: AtomicU8::new(1),
            authority: Arc::new(SimulatorAuthority::generate().expect("an authority")),
            chain: ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).expect("a chain"),
            store: Arc::new(store),
            folder,
        }
    }

    /// To ACM over proven channels only, with the canaries as passwords.
    pub(crate) fn profile(&self) -> ServedProfile {
        ServedProfile {
            passwords: fixed_passwords(canary::ADMIN, canary::MEBX),
            ..served(to_acm(&self.chain), &self.chain)
        }
    }

    /// A server of `profile` as `office`.
    pub(crate) async fn deployment(&self, profile: ServedProfile) -> Deployment {
        Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.store.authority(UnixTime::now()).await.expect("an authority"),
            trust(&self.authority),
            BTreeMap::from([("office".to_owned(), profile)]),
        )
    }

    /// Runs `test` beside a server of `deployment`, whose address it is given.
    pub(crate) async fn beside<T>(&self, deployment: Deployment, test: impl AsyncFnOnce(SocketAddr) -> T) -> T {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port");
        let address = listener.address().expect("a bound address");
        let served = async { panic!("the listener ended: {}", serve(Arc::new(deployment), listener).await) };
        test(address).or(served).await
    }

    /// A loopback address that nobody else has.
    pub(crate) fn address(&self) -> Ipv4Addr {
        // Beside the addresses of the demo and of the relay's tests; two runs at a time keep apart as well.
        let [run, _, _, _] = std::process::id().to_le_bytes();
        Ipv4Addr::new(127, 32 + run % 32, self.network, self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A device that takes no time, and whose keys are ready.
    pub(crate) fn config(&self, major: u16, uuid: Uuid) -> DeviceConfig {
        let mut config = DeviceConfig::new(uuid, AmtVersion::new(major, 0), Arc::clone(&self.authority));
        config.timings = Timings { request: Millis(0), slow: BTreeMap::new(), away: Millis(5) };
        config.keys = keys();
        config.roots = TrustedRoots::default().with_root("test", self.chain.root()).expect("room for a root");
        config.dns_suffix = Some("example.test".into());
        config
    }

    pub(crate) async fn start(&self, config: &DeviceConfig) -> SimulatedDevice {
        let address = self.address();
        let [.., n] = address.octets();
        let place = Place { address, mei_path: self.folder.path().join(format!("mei{n}")) };
        SimulatedDevice::start(config, place).await.expect("a device")
    }

    /// An honest relay between `server` and `device`, whose ports it looks for at `lms`.
    pub(crate) async fn relay(
        &self,
        server: SocketAddr,
        device: &SimulatedDevice,
        lms: Ipv4Addr,
    ) -> Result<String, RelayError> {
        let lms_address = lms.to_string().parse().expect("a loopback address");
        let config = RelayConfig { lms_address, ..config(server, device) };
        in_time(async { run(config, |_| {}).await.map(|outcome| outcome.to_string()) }).await
    }

    /// What is stored of a device.
    pub(crate) async fn record(&self, uuid: Uuid) -> Option<Record> {
        let ledger = self.store.load(&Tenant::default(), uuid).await.expect("readable");
        ledger.map(|ledger| ledger.record().clone())
    }

    /// A stored password.
    pub(crate) async fn password(&self, uuid: Uuid, account: Account, id: PasswordId) -> String {
        let password = self.store.password(&Tenant::default(), uuid, account, id).await;
        password.expect("what a record names is stored").expose().to_owned()
    }
}

/// A device's system UUID.
pub(crate) fn uuid(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16]).expect("no placeholder")
}

/// What the relay of a device says of it, if it is honest.
pub(crate) async fn report(device: &SimulatedDevice) -> DeviceReport {
    let mei = mei(device).open().expect("a simulated MEI");
    smol::unblock(move || Mei::new(mei).survey()).await.expect("the firmware answers").into()
}

/// Keys for one device. All devices have the same, because making them takes longer than all the rest.
fn keys() -> Arc<KeyPool> {
    static KEYS_OF_ALL: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let keys = KEYS_OF_ALL.get_or_init(|| {
        let generate = |_| generate_rsa_key().expect("a key").serialize_der();
        (0..KEYS).map(generate).collect()
    });
    let keys = keys.iter().map(|der| {
        let der = PrivatePkcs8KeyDer::from(der.as_slice());
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256).expect("a key of our own")
    });
    Arc::new(KeyPool::holding(keys))
}
