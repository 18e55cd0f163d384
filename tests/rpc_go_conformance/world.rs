//! A server, a store, and devices that are brought to their goal through an emulated rpc-go.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::provisioner::Outcome;
use amt_provision::relay::sequential::{self, Timing};
use amt_provision::relay::{RelayConfig, RelayError};
use amt_provision::server::{Deployment, Listener, Observer, ServedProfile, Traffic, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, SqliteStore, Store, Tenant};
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;

use crate::patience::{PATIENCE, within};
use crate::profile::{open_flow_b, served, to_acm, trust};
use crate::relay;

/// rpc-go's times in a tunnel and in a port switch divided by twenty: 2.0 s become 100 ms. Those in plain text stay: the
/// end of the connection cuts them short, and an answer that comes behind them is lost for good.
pub(crate) fn scaled(timing: Timing) -> Timing {
    Timing {
        plain_first_byte: timing.plain_first_byte,
        plain_idle: timing.plain_idle,
        plain_round: timing.plain_round,
        ..timing.scaled(20)
    }
}

pub(crate) struct World {
    folder: tempfile::TempDir,
    authority: Arc<SimulatorAuthority>,
    keys: Arc<KeyPool>,
    chain: ProvisioningChain,
    store: Arc<SqliteStore>,
    sent: Arc<Mutex<BTreeMap<Uuid, Traffic>>>,
}

/// Notes what each run sent.
struct Watcher(Arc<Mutex<BTreeMap<Uuid, Traffic>>>);

impl Observer for Watcher {
    fn ended(&self, uuid: Uuid, _: &Outcome, traffic: Traffic) {
        self.0.lock().expect("nobody panicked").insert(uuid, traffic);
    }
}

/// What became of a device.
pub(crate) struct Run {
    pub(crate) sent: Traffic,
    /// Requests that came to the device, challenged ones among them.
    pub(crate) requests: u64,
    pub(crate) handshakes: u64,
    pub(crate) elapsed: Duration,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(&folder.path().join("fleet.db")).await.expect("a new store");
        let keys = Arc::new(KeyPool::default());
        keys.prepare(4).expect("keys");
        Self {
            authority: Arc::new(SimulatorAuthority::generate().expect("an authority")),
            keys,
            chain: ProvisioningChain::mint(&ProvisioningShape::for_domain("vprodemo.test")).expect("a chain"),
            store: Arc::new(store),
            sent: Arc::default(),
            folder,
        }
    }

    /// A listening server that takes every device to ACM.
    pub(crate) async fn server(&self) -> (Arc<Deployment>, Listener) {
        let deployment = Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.store.authority(UnixTime::now()).await.expect("an authority"),
            trust(&self.authority),
            BTreeMap::from([("office".to_owned(), self.profile())]),
        );
        let deployment = Arc::new(deployment.watched_by(Watcher(Arc::clone(&self.sent))));
        (deployment, Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port"))
    }

    fn profile(&self) -> ServedProfile {
        let mut profile = to_acm(&self.chain);
        open_flow_b(&mut profile);
        served(profile, &self.chain)
    }

    /// A device of that version, and where it lives: each at a loopback address of its own.
    pub(crate) async fn device(
        &self,
        number: u8,
        major: u16,
        change: impl FnOnce(&mut DeviceConfig),
    ) -> SimulatedDevice {
        let uuid = Uuid::from_bytes([number + 1; 16]).expect("a UUID");
        let mut config = DeviceConfig::new(uuid, AmtVersion::new(major, 0), Arc::clone(&self.authority));
        config.keys = Arc::clone(&self.keys);
        config.roots = TrustedRoots::default().with_root("test", self.chain.root()).expect("room for a root");
        config.dns_suffix = Some("vprodemo.test".into());
        change(&mut config);
        let place = Place {
            address: Ipv4Addr::new(127, 18, 0, number + 1),
            mei_path: self.folder.path().join(format!("mei{number}")),
        };
        SimulatedDevice::start(&config, place).await.expect("a device")
    }

    /// Runs an rpc-go for `device` with its LMS at `lms`, to the end.
    pub(crate) async fn relay(
        &self,
        device: &SimulatedDevice,
        lms: Ipv4Addr,
        timing: Timing,
    ) -> Result<String, RelayError> {
        let (deployment, listener) = self.server().await;
        let config = relay_config(listener.address().expect("a bound address"), device, lms);
        let served = async { panic!("the listener ended: {}", serve(deployment, listener).await) };
        let relayed = async { sequential::run(config, timing).await.map(|outcome| outcome.to_string()) };
        // Long for times that are scaled down.
        within(2 * PATIENCE, relayed.or(served)).await
    }

    /// Takes `device` to ACM, and asks the device whether it is true.
    pub(crate) async fn to_acm(&self, device: &SimulatedDevice, lms: Ipv4Addr, timing: Timing) -> Run {
        let begun = Instant::now();
        let said = self.relay(device, lms, timing).await.expect("success");
        let elapsed = begun.elapsed();
        assert!(said.contains("ACM"), "{said}");
        let truth = device.truth();
        assert_eq!(truth.mode, ControlMode::Admin);
        assert_eq!((truth.counters.setups, truth.counters.upgrades, truth.counters.repeated), (1, 1, 0));
        let tenant = Tenant::default();
        let known = self.store.load(&tenant, truth.uuid).await.expect("readable").expect("stored");
        let record = known.record();
        assert_eq!(record.pins.confirmed.map(|pin| pin.spki), Some(truth.shown_key));
        let admin = record.admin.confirmed().expect("a confirmed password");
        let password = self.store.password(&tenant, truth.uuid, Account::Admin, admin.id).await.expect("stored");
        assert!(truth.admin_password_is(password.expose()));
        let mebx = record.mebx.expect("a MEBx password");
        let password = self.store.password(&tenant, truth.uuid, Account::Mebx, mebx.id).await.expect("stored");
        assert!(truth.mebx_password_is(password.expose()));
        let (traffic, sent) = (device.traffic(), self.sent.lock().expect("nobody panicked")[&truth.uuid]);
        Run { sent, requests: traffic.requests, handshakes: traffic.handshakes, elapsed }
    }
}

fn relay_config(server: SocketAddr, device: &SimulatedDevice, lms: Ipv4Addr) -> RelayConfig {
    RelayConfig {
        lms_address: lms.to_string().parse().expect("a loopback address"),
        dns_suffix: Some("vprodemo.test".into()),
        friendly_name: "under the desk".into(),
        tls_tunnel: true,
        ..relay::config(server, device)
    }
}
