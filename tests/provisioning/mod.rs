//! What the tests over real sockets share: a server with its store, devices, relays, and how device and store are
//! compared.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Profile, WithoutAcm};
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::request::ChainLength;
use amt_provision::pki::odca::{OdcaTrust, TrustSet};
use amt_provision::protocol::{self, Command};
use amt_provision::relay::{self, Proof, RelayConfig, RelayError};
use amt_provision::server::{Deployment, Listener, ServedProfile, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::{TrustedRoots, Truth};
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape, ProvisioningStrength};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, PasswordChoice, PasswordSource, SqliteStore, Store, Tenant};
use amt_provision::tunnel::channel::ProvisioningCertificate;
use amt_provision::tunnel::tls::TlsVersion;
use amt_provision::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};
use rustls::pki_types::UnixTime;
use smol::future::FutureExt;

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
        let mut profile = Profile {
            goal: Goal::Admin(ChainLength::new(chain.certificates().len()).expect("a chain's length")),
            flow_b: FlowB::Refused,
            minimum: Provenance::Provisional,
            first_use: FirstUseTrust::NotTrusted,
            activation_commit: ActivationCommit::Auto,
            adopt: Adopt::Refused,
            without_acm: WithoutAcm::Keep,
        };
        change(&mut profile);
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        let (certificates, key) = (chain.certificates().to_vec(), chain.key().into());
        let identity = ProvisioningCertificate::new(certificates, &key).expect("an identity");
        ServedProfile {
            profile,
            passwords: PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random),
            provisioning: Some(Arc::new(identity)),
            adoption: None,
            remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
            max_tls: TlsVersion::V1_3,
        }
    }

    /// A server with one profile, `office`.
    pub(crate) async fn deployment(&self, profile: ServedProfile) -> Arc<Deployment> {
        let mut trust = OdcaTrust::production();
        let set = TrustSet::from_certificates(
            "simulator",
            self.authority.root(),
            std::slice::from_ref(self.authority.intermediate()),
        );
        trust.add(set.expect("the simulator's set")).expect("another root than production's");
        Arc::new(Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.store.authority(UnixTime::now()).await.expect("an authority"),
            Arc::new(trust),
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
        let said = provision(deployment, &device, lms).await;
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

/// A relay to that server, for the device at `lms`.
pub(crate) fn relay_config(url: SocketAddr, mei: &Path, lms: Ipv4Addr) -> RelayConfig {
    RelayConfig {
        amt_password: None,
        url: format!("ws://{url}/activate").parse().expect("a URL"),
        ca_file: None,
        proof: Proof::default(),
        proxy: None,
        command: Command::Activate { profile: "office".parse().expect("a name") },
        mei: format!("unix:{}", mei.display()).parse().expect("an address"),
        lms_address: lms.to_string().parse().expect("a loopback address"),
        hostname: Some("pc".into()),
        dns_suffix: Some("example.test".into()),
        tenant: String::new(),
        friendly_name: String::new(),
        json_messages: false,
        tls_tunnel: false,
    }
}

/// One device from the factory to its goal; what the relay was told.
pub(crate) async fn provision(
    deployment: Arc<Deployment>,
    device: &SimulatedDevice,
    lms: Ipv4Addr,
) -> Result<protocol::Outcome, RelayError> {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port");
    let url = listener.address().expect("a bound address");
    let config = relay_config(url, device.mei_path(), lms);
    let served = async { panic!("the listener ended: {}", serve(deployment, listener).await) };
    let relayed = async { relay::run(config, |_| {}).await };
    let late = async {
        smol::Timer::after(Duration::from_secs(60)).await;
        panic!("a minute for a device that answers at once")
    };
    relayed.or(served).or(late).await
}
