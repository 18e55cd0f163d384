//! Flow A on real sockets: a simulated device behind LMS and MEI, our relay, our server, SQLite.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amt_provision::config::CrlSource;
use amt_provision::fsm::firmware::{AmtVersion, ControlMode};
use amt_provision::fsm::identity::Uuid;
use amt_provision::fsm::policy::{ActivationCommit, Adopt, FirstUseTrust, FlowB, Goal, Profile, WithoutAcm};
use amt_provision::fsm::record::Provenance;
use amt_provision::fsm::request::ChainLength;
use amt_provision::pki::odca::revocation::RevocationPolicy;
use amt_provision::pki::odca::{OdcaTrust, TrustSet};
use amt_provision::protocol::Command;
use amt_provision::relay::{self, RelayConfig, RelayError};
use amt_provision::server::{CrlDirectory, Deployment, Listener, ServedProfile, serve};
use amt_provision::simulator::config::DeviceConfig;
use amt_provision::simulator::firmware::TrustedRoots;
use amt_provision::simulator::identity::SimulatorAuthority;
use amt_provision::simulator::keys::KeyPool;
use amt_provision::simulator::provisioning::{ProvisioningChain, ProvisioningShape};
use amt_provision::simulator::revocation::{INDIRECT_LIST, ListShape, ROOT_LIST};
use amt_provision::simulator::running::{Place, SimulatedDevice};
use amt_provision::store::{Account, PasswordChoice, PasswordSource, SqliteStore, Store, Tenant};
use amt_provision::tunnel::channel::ProvisioningCertificate;
use amt_provision::tunnel::tls::TlsVersion;
use amt_provision::wsman::class::tls_setting_data::{Clients, PlainText, RemoteMode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, UnixTime};
use smol::future::FutureExt;

/// Everything but the devices.
struct World {
    folder: tempfile::TempDir,
    authority: Arc<SimulatorAuthority>,
    keys: Arc<KeyPool>,
    chain: ProvisioningChain,
    store: Arc<SqliteStore>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = SqliteStore::open(&folder.path().join("fleet.db")).await.expect("a new store");
        Self {
            authority: Arc::new(SimulatorAuthority::generate().expect("an authority")),
            keys: Arc::new(KeyPool::default()),
            chain: ProvisioningChain::mint(&ProvisioningShape::for_domain("example.test")).expect("a chain"),
            store: Arc::new(store),
            folder,
        }
    }

    fn profile(&self, change: impl FnOnce(&mut Profile)) -> ServedProfile {
        let mut profile = Profile {
            goal: Goal::Admin(ChainLength::new(self.chain.certificates().len()).expect("a chain's length")),
            flow_b: FlowB::Refused,
            minimum: Provenance::Provisional,
            first_use: FirstUseTrust::NotTrusted,
            activation_commit: ActivationCommit::Auto,
            adopt: Adopt::Refused,
            without_acm: WithoutAcm::Keep,
        };
        change(&mut profile);
        let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
        let pem = self.chain.to_pem();
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("the chain's key");
        let identity = ProvisioningCertificate::new(self.chain.certificates().to_vec(), &key).expect("an identity");
        ServedProfile {
            profile,
            passwords: PasswordSource::new(PasswordChoice::default(), PasswordChoice::default(), random),
            provisioning: Some(Arc::new(identity)),
            adoption: None,
            remote_tls: RemoteMode { plain: PlainText::Refused, clients: Clients::Any },
            max_tls: TlsVersion::V1_3,
        }
    }

    async fn deployment(&self, profile: ServedProfile) -> Arc<Deployment> {
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

    fn device(&self, version: AmtVersion, persona: &str, uuid: Uuid) -> DeviceConfig {
        let mut config = DeviceConfig::new(uuid, version, Arc::clone(&self.authority));
        config.persona = persona.parse().expect("a persona of that name");
        config.keys = Arc::clone(&self.keys);
        config.roots = TrustedRoots::default().with_root("test", self.chain.root()).expect("room for a root");
        config.dns_suffix = Some("example.test".into());
        config
    }
}

fn relay_config(url: SocketAddr, mei: &Path, lms: Ipv4Addr) -> RelayConfig {
    RelayConfig {
        url: format!("ws://{url}/activate").parse().expect("a URL"),
        ca_file: None,
        command: Command::Activate { profile: "office".parse().expect("a name") },
        amt_password: None,
        mei: format!("unix:{}", mei.display()).parse().expect("an address"),
        lms_address: lms.to_string().parse().expect("a loopback address"),
        hostname: Some("pc".into()),
        dns_suffix: Some("example.test".into()),
        tenant: String::new(),
        friendly_name: String::new(),
        tls_tunnel: false,
    }
}

/// One device from the factory to its goal; what the relay was told.
async fn provision(deployment: Arc<Deployment>, device: &SimulatedDevice, lms: Ipv4Addr) -> Result<String, RelayError> {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.expect("a free port");
    let url = listener.address().expect("a bound address");
    let config = relay_config(url, device.mei_path(), lms);
    let served = async { panic!("the listener ended: {}", serve(deployment, listener).await) };
    let relayed = async { relay::run(config, |_| {}).await.map(|outcome| outcome.to_string()) };
    let late = async {
        smol::Timer::after(Duration::from_secs(60)).await;
        panic!("a minute for a device that answers at once")
    };
    relayed.or(served).or(late).await
}

#[test]
fn every_persona_of_amt_19_to_21_comes_to_acm_and_the_store_agrees_with_the_device() {
    let cases = [
        ("keeps-session", 19, Provenance::Odca, FirstUseTrust::NotTrusted),
        ("drops-listed", 20, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("drops-odca", 21, Provenance::Odca, FirstUseTrust::NotTrusted),
        ("drops-unlisted", 19, Provenance::Provisional, FirstUseTrust::Trusted),
        ("drops-v1", 19, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
        ("mebx-first", 21, Provenance::OdcaInterim, FirstUseTrust::NotTrusted),
    ];
    smol::block_on(async {
        let world = World::new().await;
        for (n, (persona, major, provenance, first_use)) in cases.into_iter().enumerate() {
            let n = u8::try_from(n).expect("few cases");
            let uuid = Uuid::from_bytes([n + 1; 16]).expect("no placeholder");
            let lms = Ipv4Addr::new(127, 19, 0, n + 1);
            let place = Place { address: lms, mei_path: world.folder.path().join(format!("mei{n}")) };
            let config = world.device(AmtVersion::new(major, 0), persona, uuid);
            let device = SimulatedDevice::start(&config, place).await.expect("a device");
            let deployment = world.deployment(world.profile(|profile| profile.first_use = first_use)).await;

            let begun = Instant::now();
            let said = provision(deployment, &device, lms).await;
            println!("{persona}: {said:?} in {:?}, device busy or away {:?}", begun.elapsed(), device.occupied());
            let said = said.expect("success");
            assert!(said.contains("ACM") && said.contains(&provenance.to_string()), "{persona}: {said}");

            let truth = device.truth();
            assert_eq!(truth.mode, ControlMode::Admin, "{persona}");
            let known = world.store.load(&Tenant::default(), uuid).await.expect("readable").expect("stored");
            let record = known.record();
            let pin = record.pins.confirmed.expect("a confirmed pin");
            assert_eq!((truth.shown_key, pin.provenance), (pin.spki, provenance), "{persona}");
            assert_eq!(Some(truth.rom_ca), record.rom_ca, "{persona}");
            let admin = record.admin.confirmed().expect("a confirmed password");
            let password = world.store.password(&Tenant::default(), uuid, Account::Admin, admin.id).await;
            assert!(truth.admin_password_is(password.expect("stored").expose()), "{persona}");
            let mebx = record.mebx.expect("a MEBx password");
            let password = world.store.password(&Tenant::default(), uuid, Account::Mebx, mebx.id).await;
            assert!(truth.mebx_password_is(password.expect("stored").expose()), "{persona}");
            assert_eq!(device.traffic().plain_requests, 0, "{persona}");
            assert_eq!(
                (truth.counters.setups, truth.counters.upgrades, truth.counters.repeated),
                (1, 1, 0),
                "{persona}"
            );
            device.stop().await;
        }
    });
}

#[test]
fn a_device_that_revocation_speaks_against_is_refused_untouched_and_let_in_once_the_lists_are_refreshed() {
    smol::block_on(async {
        let world = World::new().await;
        let uuid = Uuid::from_bytes([0x77; 16]).expect("no placeholder");
        let lms = Ipv4Addr::new(127, 19, 0, 77);
        let place = Place { address: lms, mei_path: world.folder.path().join("mei") };
        let config = world.device(AmtVersion::new(19, 0), "keeps-session", uuid);
        let device = SimulatedDevice::start(&config, place).await.expect("a device");
        let crls = world.folder.path().join("crls");
        std::fs::create_dir(&crls).expect("a folder");
        let served = async |policy| {
            let deployment = world.deployment(world.profile(|_| {})).await;
            let deployment = Arc::into_inner(deployment).expect("nobody else has it");
            let source = CrlSource { policy, directory: crls.clone() };
            let directory = CrlDirectory::open(source, Arc::clone(&deployment.trust));
            Arc::new(deployment.with_revocation(directory))
        };
        let put = |name, shape: &ListShape| {
            let list =
                if name == ROOT_LIST { world.authority.root_list(shape) } else { world.authority.indirect_list(shape) };
            std::fs::write(crls.join(name), list.expect("a list")).expect("a file");
        };

        let required = served(RevocationPolicy::Required).await;
        let obeyed = served(RevocationPolicy::IfPresent).await;
        let revoking = ListShape::revoking([world.authority.intermediate().clone()]);
        for (deployment, list) in [(&required, None), (&obeyed, Some(&revoking))] {
            if let Some(list) = list {
                put(ROOT_LIST, list);
            }
            let said = provision(Arc::clone(deployment), &device, lms).await.expect_err("a refusal").to_string();
            assert!(said.contains("the device is genuine, and revocation lists speak against it"), "{said}");
            assert_eq!(device.truth().mode, ControlMode::PreProvisioning);
            assert_eq!(device.truth().requests.values().sum::<u64>(), 0, "nothing was asked of it");
            assert!(world.store.load(&Tenant::default(), uuid).await.expect("readable").is_none(), "nothing is stored");
        }

        // The operator refreshes the folder: no restart.
        put(ROOT_LIST, &ListShape::default());
        put(INDIRECT_LIST, &ListShape { next_update: Some(rcgen::date_time_ymd(2020, 7, 1)), ..ListShape::default() });
        let said = provision(obeyed, &device, lms).await.expect("success");
        assert!(said.contains("ACM"), "{said}");
        device.stop().await;
    });
}
