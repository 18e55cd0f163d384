//! What the tests over real sockets share: a server with its store, devices, relays, and how device and store are
//! compared.

#[path = "../common/patience.rs"]
pub(crate) mod patience;
#[path = "../common/profile.rs"]
pub(crate) mod profile;
#[path = "../common/relay.rs"]
pub(crate) mod relay;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::Profile;
use amt_provision::fsm::record::Provenance;
use amt_provision::protocol;
use amt_provision::relay::{RelayError, run};
use amt_provision::server::{Deployment, Listener, ServedProfile, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::{TrustedRoots, Truth};
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape, ProvisioningStrength};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, SqliteStore, Store, Tenant};
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;

use patience::in_time;

static CHAINS: LazyLock<[ProvisioningChain; 2]> = LazyLock::new(|| {
    [ProvisioningStrength::Rsa2048Sha256, ProvisioningStrength::Rsa3072Sha384].map(|strength| {
        let shape = ProvisioningShape { strength, ..ProvisioningShape::for_domain("example.test") };
        ProvisioningChain::mint(&shape).expect("a chain")
    })
});

/// The chain that firmware of that version takes.
pub(crate) fn chain(version: AmtVersion) -> &'static ProvisioningChain {
    let [usual, strong] = &*CHAINS;
    match ProvisioningStrength::of(version.suite()) {
        ProvisioningStrength::Rsa2048Sha256 => usual,
        ProvisioningStrength::Rsa3072Sha384 => strong,
    }
}

/// Everything but the devices.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Arc<SimulatorAuthority>,
    pub(crate) keys: Arc<KeyPool>,
    pub(crate) store: Arc<SqliteStore>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(&folder.path().join("fleet.db")).await.expect("a new store");
        Self {
            authority: Arc::new(SimulatorAuthority::generate().expect("an authority")),
            keys: Arc::new(KeyPool::default()),
            store: Arc::new(store),
            folder,
        }
    }

    /// To ACM by flow A, unless it is changed, for firmware of that version.
    pub(crate) fn profile(version: AmtVersion, change: impl FnOnce(&mut Profile)) -> ServedProfile {
        Self::profile_of(chain(version), change)
    }

    /// The same with that chain.
    pub(crate) fn profile_of(chain: &ProvisioningChain, change: impl FnOnce(&mut Profile)) -> ServedProfile {
        let mut profile = profile::to_acm(chain);
        profile.minimum = Provenance::Provisional;
        change(&mut profile);
        profile::served(profile, chain)
    }

    /// A server with one profile, `office`.
    pub(crate) async fn deployment(&self, profile: ServedProfile) -> Arc<Deployment> {
        Arc::new(Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.store.authority(UnixTime::now()).await.expect("an authority"),
            profile::trust(&self.authority),
            BTreeMap::from([("office".to_owned(), profile)]),
        ))
    }

    /// A device that trusts this world's provisioning certificates.
    pub(crate) fn device(&self, version: AmtVersion, persona: &str, uuid: Uuid) -> DeviceConfig {
        let mut config = DeviceConfig::new(uuid, version, Arc::clone(&self.authority));
        config.persona = persona.parse().expect("a persona of that name");
        config.keys = Arc::clone(&self.keys);
        config.roots = TrustedRoots::default().with_root("test", chain(version).root()).expect("room for a root");
        config.dns_suffix = Some("example.test".into());
        config
    }

    /// Starts a device at `lms`.
    pub(crate) async fn start(&self, config: &DeviceConfig, lms: Ipv4Addr) -> SimulatedDevice {
        let place = Place { address: lms, mei_path: self.folder.path().join(format!("mei-{lms}")) };
        SimulatedDevice::start(config, place).await.expect("a device")
    }

    /// Brings one device from the factory to ACM, and holds what is stored against what the device is.
    pub(crate) async fn comes_to_acm(
        &self,
        config: &DeviceConfig,
        lms: Ipv4Addr,
        provenance: Provenance,
        change: impl FnOnce(&mut Profile),
    ) -> SimulatedDevice {
        let what = format!("AMT {}, {}", config.version, config.persona);
        let device = self.start(config, lms).await;
        let deployment = self.deployment(Self::profile(config.version, change)).await;
        let said = provision(deployment, &device).await;
        let said = said.unwrap_or_else(|error| panic!("{what}: {error}"));
        let said = said.to_string();
        assert!(said.contains("ACM") && said.contains(&provenance.to_string()), "{what}: {said}");
        self.agrees(&device.truth(), provenance, &what).await;
        device
    }

    async fn agrees(&self, truth: &Truth, provenance: Provenance, what: &str) {
        let tenant = Tenant::default();
        assert_eq!(truth.mode, ControlMode::Admin, "{what}");
        let known = self.store.load(&tenant, truth.uuid).await.expect("readable").expect("stored");
        let record = known.record();
        let pin = record.pins.confirmed.expect("a confirmed pin");
        assert_eq!((truth.shown_key, pin.provenance), (pin.spki, provenance), "{what}");
        let admin = record.admin.confirmed().expect("a confirmed password");
        let password = self.store.password(&tenant, truth.uuid, Account::Admin, admin.id).await;
        assert!(truth.admin_password_is(password.expect("stored").expose()), "{what}");
        let mebx = record.mebx.expect("a MEBx password");
        let password = self.store.password(&tenant, truth.uuid, Account::Mebx, mebx.id).await;
        assert!(truth.mebx_password_is(password.expect("stored").expose()), "{what}");
        if matches!(provenance, Provenance::Odca | Provenance::OdcaInterim) {
            assert_eq!(Some(truth.rom_ca), record.rom_ca, "{what}");
        }
        assert!(truth.tls.remote.enabled && truth.tls.local.enabled && truth.clock_was_set, "{what}");
        let counters = truth.counters;
        assert_eq!((counters.setups, counters.upgrades, counters.repeated), (1, 1, 0), "{what}");
    }
}

/// One device from the factory to its goal; what the relay was told.
pub(crate) async fn provision(
    deployment: Arc<Deployment>,
    device: &SimulatedDevice,
) -> Result<protocol::Outcome, RelayError> {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port");
    let config = relay::config(listener.address().expect("a bound address"), device);
    let served = async { panic!("the listener ended: {}", serve(deployment, listener).await) };
    let relayed = async { run(config, |_| {}).await };
    in_time(relayed.or(served)).await
}
