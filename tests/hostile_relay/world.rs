//! A server with one profile, its store, and simulated devices, each at a place of its own.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use amt_provision::fsm::firmware::AmtVersion;
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Profile, WithoutAcm};
use amt_provision::fsm::record::{PasswordId, Provenance, Record};
use amt_provision::fsm::request::ChainLength;
use amt_provision::fsm::time::Millis;
use amt_provision::mei::{Mei, MeiAddress};
use amt_provision::pki::odca::{OdcaTrust, TrustSet};
use amt_provision::protocol::{Command, DeviceReport};
use amt_provision::relay::{self, Proof, RelayConfig, RelayError};
use amt_provision::server::{Deployment, Listener, ServedProfile, serve};
use amt_provision::simulator::config::{DeviceConfig, Timings};
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::{SimulatorAuthority, generate_rsa_key};
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, PasswordChoice, PasswordSource, SqliteStore, Store, Tenant};
use amt_provision::tunnel::channel::ProvisioningCertificate;
use amt_provision::tunnel::tls::TlsVersion;
use amt_provision::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use smol::future::FutureExt;

use super::canary;

/// For anything that takes a device no time at all, on a machine that is busy elsewhere.
const PATIENCE: Duration = Duration::from_secs(60);

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
        let profile = Profile {
            goal: Goal::Admin(ChainLength::new(self.chain.certificates().len()).expect("a chain's length")),
            flow_b: FlowB::Refused,
            minimum: Provenance::OdcaInterim,
            first_use: FirstUseTrust::NotTrusted,
            activation_commit: ActivationCommit::Auto,
            adopt: Adopt::Refused,
            without_acm: WithoutAcm::Keep,
        };
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        let fixed = |text: &str| PasswordChoice::Fixed(text.parse().expect("a password"));
        let key = PrivateKeyDer::from_pem_slice(self.chain.to_pem().as_bytes()).expect("the chain's key");
        let identity = ProvisioningCertificate::new(self.chain.certificates().to_vec(), &key).expect("an identity");
        ServedProfile {
            profile,
            passwords: PasswordSource::new(fixed(canary::ADMIN), fixed(canary::MEBX), random),
            provisioning: Some(Arc::new(identity)),
            adoption: None,
            remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
            max_tls: TlsVersion::V1_3,
        }
    }

    /// A server of `profile` as `office`.
    pub(crate) async fn deployment(&self, profile: ServedProfile) -> Deployment {
        let intermediate = std::slice::from_ref(self.authority.intermediate());
        let set = TrustSet::from_certificates("simulator", self.authority.root(), intermediate);
        let mut trust = OdcaTrust::production();
        trust.add(set.expect("the simulator's set")).expect("another root than production's");
        Deployment::new(
            "test".parse().expect("a name"),
            Arc::clone(&self.store) as Arc<dyn Store>,
            self.store.authority(UnixTime::now()).await.expect("an authority"),
            Arc::new(trust),
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
        let config = RelayConfig {
            amt_password: None,
            url: format!("ws://{server}/activate").parse().expect("a URL"),
            ca_file: None,
            proof: Proof::default(),
            proxy: None,
            command: Command::Activate { profile: "office".parse().expect("a name") },
            mei: mei(device),
            lms_address: lms.to_string().parse().expect("a loopback address"),
            hostname: Some("pc".into()),
            dns_suffix: Some("example.test".into()),
            tenant: String::new(),
            friendly_name: String::new(),
            json_messages: false,
            tls_tunnel: false,
        };
        in_time(async { relay::run(config, |_| {}).await.map(|outcome| outcome.to_string()) }).await
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

pub(crate) fn mei(device: &SimulatedDevice) -> MeiAddress {
    format!("unix:{}", device.mei_path().display()).parse().expect("an address")
}

/// What the relay of a device says of it, if it is honest.
pub(crate) async fn report(device: &SimulatedDevice) -> DeviceReport {
    let mei = mei(device).open().expect("a simulated MEI");
    smol::unblock(move || Mei::new(mei).survey()).await.expect("the firmware answers").into()
}

/// Fails the test when `work` does not end.
pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(PATIENCE).await;
        panic!("not done after {PATIENCE:?}")
    };
    work.or(late).await
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
